"""Uses librnn from Python. The package needs only ctypes.

It is a thin layer over include/rnn/rnn.h, whose comments describe the calls. There is one class for each kind of object
and one method for each call on it. The module adds the usual conventions of Python: failures raise exceptions, lengths
follow from the data, and memory can't be used after it has been released.

It loads the library from the file that the environment variable LIBRNN names. Without the variable, it uses the library
in the package's own directory, if it was installed with one, or else the system's librnn.so.0.

Arrays are returned as numpy arrays if numpy can be imported, and as lists otherwise. Arguments may be either. A numpy
array of the library's type, in row-major order, isn't copied. Text is bytes, or any other object that holds bytes: a
bytearray, a memoryview, an mmap.

Objects are released by close(), at the end of a `with` block, or when nothing refers to them any more. A call in
progress in another thread, or a view of a model's memory, keeps an object alive until it ends. All objects can be
copied and pickled, except a Source, a Corpus and a Batcher. Ctrl-C ends a call that waits for a pipe.
"""

import array
import atexit
import collections.abc
import ctypes
import difflib
import functools
import json
import math
import operator
import os
import reprlib
import threading
import types
from ctypes import (POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_ssize_t, c_uint64, c_void_p,
                    py_object, sizeof)
from typing import NamedTuple

try:
    import numpy
except ImportError:
    numpy = None

from . import _declarations
from ._declarations import *  # noqa: F403 - the constants
from ._library import load

_INT32, _BYTE = "i", "B"  # element types, by the names that the modules array and numpy share
_REAL = {FLOAT32: "f", FLOAT64: "d"}


class RnnError(Exception):
    """A call failed. str() gives the library's message, and `status` is one of the numbers below."""

    ARGUMENT, MEMORY, IO, SYMBOL = ERROR_ARGUMENT, ERROR_MEMORY, ERROR_IO, ERROR_SYMBOL
    MISMATCH, NONFINITE, FORMAT = ERROR_MISMATCH, ERROR_NONFINITE, ERROR_FORMAT

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status

    def __reduce__(self):
        return type(self), (self.status, str(self))


class ClosedError(RnnError, ValueError):
    """An object was used after close(). The status is ARGUMENT."""


class Loss(NamedTuple):
    """The loss of a chunk: a sum over `count` positions."""

    sum: float
    count: int

    @property
    def mean(self):
        """The mean loss of a position; nan if no position counts."""
        return self.sum / self.count if self.count else math.nan


class BeamResult(NamedTuple):
    """A continuation that Model.beam_search() has found."""

    ids: list
    log_probability: float
    score: float


# ---- Arguments: checks that C can't make ----


def _shown(value):
    """Formats an invalid value for an error message."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if getattr(value, "ndim", None) == 0:  # numpy's scalars
        return str(value)
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return reprlib.repr(value)
    return f"an object of type {type(value).__name__}"


def _is_bool(value):
    return type(value).__name__ in ("bool", "bool_")  # numpy's type has either name


def _whole(ctype, name, value):
    """The number as a C integer. Fails if it doesn't fit, whereas ctypes would drop the upper bits."""
    try:
        number = None if _is_bool(value) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} is {_shown(value)}; it must be a whole number")
    result = ctype(number)
    if result.value != number:
        bits, signed = 8 * sizeof(ctype), ctype(-1).value < 0
        least, most = (-2**(bits - 1), 2**(bits - 1) - 1) if signed else (0, 2**bits - 1)
        raise OverflowError(f"{name} is {_shown(number)}; it must be {least} to {most}")
    return result


def _real(name, value):
    """The number as a C double."""
    try:
        if not _is_bool(value):
            return c_double(value)
    except TypeError:
        pass
    except OverflowError:
        raise OverflowError(f"{name} is {_shown(value)}; it must be a number within the range of a float") from None
    raise TypeError(f"{name} is {_shown(value)}; it must be a number")


def _text(name, value):
    """A str as a C string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {_shown(value)}; it must be a str")
    if "\0" in value:
        raise ValueError(f"{name} is {_shown(value)}; it must not contain a NUL")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} is {ascii(value)}; it must not contain half a surrogate pair") from None


class _Path(c_char_p):
    """A path as a C string."""

    def __init__(self, name, value):
        try:
            path = os.fsencode(value)
        except TypeError:
            raise TypeError(f"{name} is {_shown(value)}; it must be a str, bytes or a path object") from None
        if b"\0" in path:
            raise ValueError(f"{name} is {_shown(os.fsdecode(path))}; it must not contain a NUL")
        super().__init__(path)


class _Bytes(ctypes.Structure):
    """A view of the bytes of an object (CPython's Py_buffer). The bytes stay in place as long as the view exists."""

    _fields_ = [("address", c_void_p), ("owner", c_void_p), ("size", c_ssize_t), ("itemsize", c_ssize_t),
                ("readonly", ctypes.c_int), ("ndim", ctypes.c_int), ("format", c_void_p), ("shape", c_void_p),
                ("strides", c_void_p), ("suboffsets", c_void_p), ("internal", c_void_p)]

    def __init__(self, name, value):
        super().__init__()
        try:
            view = memoryview(value)
        except TypeError:
            hint = " (use its encode())" if isinstance(value, str) else ""
            raise TypeError(f"{name} is {_shown(value)}; it must be bytes{hint}") from None
        if view.itemsize != 1 or view.format.lstrip("@=<>!") not in ("B", "b", "c"):
            raise TypeError(f"{name} holds elements of the format {view.format!r}; it must be bytes")
        _get_buffer(value if view.c_contiguous else view.tobytes(), byref(self), 0)

    def __del__(self):
        _release_buffer(byref(self))


# With an index, ctypes returns new function objects, so no other module can change their argument types.
_get_buffer, _release_buffer = ctypes.pythonapi["PyObject_GetBuffer"], ctypes.pythonapi["PyBuffer_Release"]
_get_buffer.argtypes = [py_object, POINTER(_Bytes), ctypes.c_int]
_release_buffer.argtypes, _release_buffer.restype = [POINTER(_Bytes)], None


# ---- The header's structs ----


class _Struct:
    """What the structs have in common that begin with their size."""

    @classmethod
    def sized(cls):
        return cls(struct_size=sizeof(cls))

    @classmethod
    def filled(cls, init, given, *arguments):
        """A struct with the library's defaults, except for the fields that the caller has given."""
        struct = cls()
        init(byref(struct), sizeof(cls), *arguments)
        return struct.changed(given)

    def changed(self, given):
        """Sets the fields that the caller has given; returns the struct."""
        types = {name: kind for name, kind in self._fields_ if name not in ("struct_size", "reserved")}
        for name, value in given.items():
            if name not in types:
                near = difflib.get_close_matches(str(name), types, 1)
                hint = f"did you mean {near[0]}?" if near else f"it must be one of {', '.join(types)}"
                raise TypeError(f"unknown option: {name}; {hint}")
            if name in _FLAGS and _is_bool(value):
                value = int(value)
            setattr(self, name, _argument(types[name], name, value))
        return self


# Options that are true or false
_FLAGS = ("orthogonal", "tied", "dropout_per_chunk", "bidirectional", "learned_state", "layer_norm", "nesterov",
          "spare_biases", "ignore_others", "infer", "shuffle")


def _visible(options):
    """The fields of an option struct, as a dict."""
    return {name: getattr(options, name) for name, _ in options._fields_ if name not in ("struct_size", "reserved")}


class _Chunk(_Struct, _declarations.rnn_chunk):
    pass


class _ChunkGradients(_Struct, _declarations.rnn_chunk_gradients):
    pass


class _Sequences(_Struct, _declarations.rnn_sequences):
    pass


class _BatcherOptions(_Struct, _declarations.rnn_batcher_options):
    pass


class _ModelOptions(_Struct, _declarations.rnn_model_options):
    pass


class _Parameter(_Struct, _declarations.rnn_parameter):
    pass


class _OptimizerOptions(_Struct, _declarations.rnn_optimizer_options):
    pass


class _Excluding(_Struct):
    """What the options with excluded ids have in common."""

    def changed(self, given):
        """Sets `excluded`, a sequence of ids, together with its length, and `vocab`, a Vocab or None."""
        given = dict(given)
        vocab = given.pop("vocab", None)
        if vocab is not None:
            self.owner = _argument(_vocab, "vocab", vocab)  # keeps the vocabulary as long as this struct
            self.vocab = self.owner
        if "excluded" in given:
            ids, _ = _taken(_INT32, "excluded", given.pop("excluded"))
            self.ids = (c_int32 * len(ids))(*(int(id) for id in ids))  # must live as long as this struct
            self.excluded, self.excluded_count = ctypes.addressof(self.ids), len(ids)
        return super().changed(given)


class _SamplerOptions(_Excluding, _declarations.rnn_sampler_options):
    pass


class _GenerateOptions(_Struct, _declarations.rnn_generate_options):
    pass


class _BeamOptions(_Excluding, _declarations.rnn_beam_options):
    pass


class _LoadOptions(_Struct, _declarations.rnn_load_options):
    pass


class _SaveOptions(_Struct, _declarations.rnn_save_options):
    pass


class _Checkpoint(_Struct, _declarations.rnn_checkpoint):
    pass


# ---- The header's functions ----


_library = load()


class _Handle:
    """Owns one of the library's objects, and releases it when nothing refers to the handle any more. These refer to it:
    the Python object until close(), views of its memory, and calls, since ctypes keeps the arguments of a call until it
    returns.
    """

    destroy = None

    def __del__(self):
        self.destroy(self)


def _handle_type(name):
    """The type of handles for the header's type rnn_`name`."""
    destroy = getattr(_library, f"rnn_{name}_destroy")
    destroy.argtypes, destroy.restype = [c_void_p], None
    return type(name, (_Handle, getattr(_declarations, f"rnn_{name}")), {"destroy": destroy})


_source, _vocab, _corpus, _batcher, _model, _state, _optimizer, _sampler = _HANDLES = [
    _handle_type(name) for name in ("source", "vocab", "corpus", "batcher", "model", "state", "optimizer", "sampler")]


def _argument(kind, name, value):
    """Converts an argument of the caller for C. Error messages call it `name`."""
    if kind is c_double:
        return _real(name, value)
    if kind in (c_int32, c_int64, c_uint64, c_size_t):
        return _whole(kind, name, value)
    if kind is c_char_p:
        return value if isinstance(value, c_char_p) else _text(name, value)
    if kind is _Path:
        return _Path(name, value)
    if issubclass(kind, _Handle) and not isinstance(value, kind):
        wanted = _CLASSES[kind.__name__]
        if not isinstance(value, wanted):
            raise TypeError(f"{name} is {_shown(value)}; it must be a {wanted.__name__}")
        return value._open()
    return value


def _raise_on_failure(status, function, arguments):
    if status != 0:
        raise RnnError(status, _lib.rnn_last_error().decode(errors="replace"))


def _function(name, /, **others):
    """A function of the library, with the types in the declarations, except for `others`."""
    returns, takes = _declarations.FUNCTIONS[name]
    owners = {getattr(_declarations, f"rnn_{handle.__name__}"): handle for handle in _HANDLES}
    takes = {name: owners.get(kind, kind) for name, kind in takes.items()} | others
    takes = {name: c_int32 if kind is _declarations.rnn_status else kind for name, kind in takes.items()}
    if "path" in takes:
        takes["path"] = _Path
    function = getattr(_library, name)
    function.argtypes, function.restype = list(takes.values()), returns
    if returns is _declarations.rnn_status:
        function.restype, function.errcheck = c_int32, _raise_on_failure

    def call(*given):
        return function(*[_argument(kind, name, value) for (name, kind), value in zip(takes.items(), given)])

    return call


_Ask = ctypes.CFUNCTYPE(c_int32, py_object)
_lib = types.SimpleNamespace(**{name: _function(name) for name in _declarations.FUNCTIONS
                                if not name.endswith("_destroy")})
_lib.rnn_set_interrupt = _function("rnn_set_interrupt", interrupted=_Ask, context=py_object)


def version():
    """The library's version, "major.minor.patch"."""
    return _lib.rnn_version().decode()


def status_name(status):
    """The header's name of an RnnError's status."""
    return _lib.rnn_status_name(status).decode()


def schedule_warmup(step, steps):
    """A factor for the learning rate: rises linearly to 1, which it reaches at step `steps` - 1, then stays 1."""
    return _lib.rnn_schedule_warmup(step, steps)


def schedule_cosine(step, steps, least=0.0):
    """A factor for the learning rate: falls from 1 to `least` in `steps` steps, along half a period of a cosine."""
    return _lib.rnn_schedule_cosine(step, steps, least)


def schedule_step_decay(step, every, factor):
    """A factor for the learning rate: `factor` to the power of step // every."""
    return _lib.rnn_schedule_step_decay(step, every, factor)


def schedule_one_cycle(step, steps, rise, first=0.04, last=0.0001):
    """A factor for the learning rate: rises from `first` to 1 in `rise` steps, then falls to `last` by step `steps`."""
    return _lib.rnn_schedule_one_cycle(step, steps, rise, first, last)


def set_threads(threads):
    """Sets the number of threads that a call may use; 0 is the default. Results don't depend on it."""
    _lib.rnn_set_threads(threads)


def threads():
    """The number of threads that a call may use."""
    return _lib.rnn_threads()


# ---- Arrays: numpy's, or the standard library's ----


def _new(kind, count):
    """A buffer of `count` elements."""
    try:
        if numpy is not None:
            return numpy.empty(count, kind)
        return array.array(kind, bytes(count * array.array(kind).itemsize))
    except (MemoryError, OverflowError, ValueError):
        raise MemoryError(f"out of memory for {count} numbers") from None


def _address(buffer):
    return buffer.ctypes.data if numpy is not None else buffer.buffer_info()[0]


def _size(shape):
    return functools.reduce(operator.mul, shape, 1)


# For each element type of an argument: its description, and the kinds of numpy types that it accepts.
_WANTED = {_INT32: ("whole numbers", "iu"), "f": ("numbers", "iuf"), "d": ("numbers", "iuf"), _BYTE: ("bools", "biuf")}


def _taken(kind, name, values, copy=False):
    """The caller's numbers, row-major, and their shape. A numpy array that has this type and order already is used in
    place, unless a copy is asked for.
    """
    if numpy is None:
        return _gathered(kind, name, values)
    wanted, kinds = _WANTED[kind]
    try:
        given = None if isinstance(values, _NO_SEQUENCES) else numpy.asarray(values)
    except ValueError:  # ragged
        given = None
    if given is None or given.ndim == 0 or given.size and (given.dtype.kind not in kinds or given.dtype.itemsize > 8):
        if given is not None and given is values and given.ndim > 0:
            raise TypeError(f"{name} has elements of the type {given.dtype}; they must be {wanted}")
        buffer, shape = _gathered(kind, name, values)  # raises an exception that names the invalid element
        return numpy.array(buffer), shape
    if kind == _BYTE:
        given = given != 0
    elif kind == _INT32 and given.size and given.dtype.itemsize >= 4:
        for index in (given.argmin(), given.argmax()):
            _whole(c_int32, f"{name}[{index}]", given.flat[index])
    try:
        with numpy.errstate(over="raise"):
            copy = copy or given is not values  # such as a view of the library's memory
            return given.astype(kind, "C", copy=copy).reshape(-1), given.shape
    except FloatingPointError:
        raise OverflowError(_TOO_LARGE.format(name)) from None


_TOO_LARGE = "{} holds a number that is too large for the model's precision"
_NO_SEQUENCES = (str, bytes, bytearray, dict, set, frozenset)


def _gathered(kind, name, values):
    """The same without numpy, from a sequence, which may be nested."""
    numbers = []
    shape = _flatten(name, values, numbers)
    if shape == ():
        raise TypeError(f"{name} is {_shown(values)}; it must be a sequence of {_WANTED[kind][0]}")
    ctype = c_int32 if kind == _INT32 else c_double
    if kind == _BYTE:
        numbers = [int(number) if _is_bool(number) else number for number in numbers]
    if not set(map(type, numbers)) <= ({int} if kind == _INT32 else {int, float}):
        numbers = [_argument(ctype, f"{name}[{index}]", number).value for index, number in enumerate(numbers)]
    try:
        buffer = array.array(kind, [number != 0 for number in numbers] if kind == _BYTE else numbers)
    except OverflowError:
        for index, number in enumerate(numbers):
            _argument(ctype, f"{name}[{index}]", number)
        raise
    if kind == "f" and any(map(math.isinf, buffer)) and not any(map(math.isinf, numbers)):
        raise OverflowError(_TOO_LARGE.format(name))
    return buffer, shape


def _flatten(name, values, numbers):
    """Adds the elements of nested sequences to a list. Returns their shape, or () if `values` isn't a sequence."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, _NO_SEQUENCES) or not (hasattr(values, "__len__") and hasattr(values, "__getitem__")):
        numbers.append(values)
        return ()
    if set(map(type, values)) <= {int, float}:
        numbers.extend(values)
        return (len(values),)
    shapes = {_flatten(name, value, numbers) for value in values}
    if len(shapes) > 1:
        raise ValueError(f"{name} has nested sequences of unequal lengths or depths; it must be a sequence of numbers, "
                         f"or nested sequences of equal lengths")
    return (len(values), *shapes.pop())


def _shaped(buffer, *shape):
    """The buffer in the form for the caller: an array of this shape, or nested lists."""
    if numpy is not None:
        return buffer.reshape(shape)
    values = buffer.tolist()
    for length in reversed(shape[1:]):
        values = [values[i:i + length] for i in range(0, len(values), length)]
    return values


# ---- Objects ----


class _Object:
    """Owns a handle until close(). The handle also has the facts about the library's object that Python needs."""

    _handle = None
    _handle_type = None

    @classmethod
    def _made(cls, create, *arguments):
        """Creates an object with one of the library's functions."""
        made = cls.__new__(cls)
        made._create(create, *arguments)
        return made

    def _create(self, create, *arguments):
        handle = self._handle_type()
        create(*arguments, byref(handle))
        self._own(handle)

    def _own(self, handle):
        self._handle = handle

    def _open(self):
        """Returns the handle. A method that uses the library's memory after a call must keep the handle until then."""
        handle = self._handle
        if handle is None:
            raise ClosedError(RnnError.ARGUMENT, f"the {self._handle_type.__name__} is closed")
        return handle

    def close(self):
        """Releases the object as soon as no call uses it and no view of its memory exists."""
        self._handle = None

    def __enter__(self):
        self._open()
        return self

    def __exit__(self, *exception):
        self.close()

    def __reduce__(self):
        """Copies and pickles the object as a checkpoint of it."""
        self._open()
        attributes = {name: value for name, value in vars(self).items() if name != "_handle"}
        return _remade, (type(self), checkpoint_to_bytes(**{self._handle_type.__name__: self})), attributes


def _owned(kind, handle):
    """The Python object for one of the library's; None if the handle is empty."""
    if not handle:
        return None
    made = object.__new__(kind)
    made._own(handle)
    return made


def _remade(kind, data):
    return _owned(kind, getattr(checkpoint_from_bytes(data), kind._handle_type.__name__)._handle)


class _Waiting(threading.local):
    """The function that this thread's call asks while it waits. The default is int(), which returns 0: keep waiting."""

    ask = int


def _answers(raised):
    """Yields 0 until the handler of a signal raises an exception. Then keeps the exception and yields 1.

    Python runs signal handlers when it resumes a generator. In a function it would run them before any `try`.
    """
    try:
        while True:
            yield 0
    except GeneratorExit:
        raise
    except BaseException as exception:
        raised.append(exception)
    yield 1


_waiting = _Waiting()
_ask = _Ask(operator.methodcaller("ask"))
for _kept in (_waiting, _ask):  # must live as long as the process, since a call may still wait while Python exits
    ctypes.pythonapi["Py_IncRef"](py_object(_kept))
_lib.rnn_set_interrupt(_ask, _waiting)
atexit.register(_lib.rnn_set_interrupt, _Ask(), None)


class Source(_Object):
    """The source of a text: files in sequence, standard input ("-"), pipes. It can't be copied."""

    _handle_type = _source

    def __init__(self, *paths):
        if not paths:
            raise TypeError("a source needs at least one path")
        names = [_Path("path", path) for path in paths]
        raised, ask = [], _waiting.ask  # a signal handler may open another source during the call
        answers = _answers(raised)
        next(answers)
        _waiting.ask = answers.__next__
        try:
            self._create(_lib.rnn_source_open, (c_char_p * len(names))(*[name.value for name in names]), len(names))
        except RnnError:
            if not raised:
                raise
        finally:
            _waiting.ask = ask
        if raised:
            try:
                raise raised[0]
            finally:
                raised.clear()  # its traceback refers to this frame

    def __len__(self):
        """The length in bytes."""
        return _lib.rnn_source_size(self)

    def __reduce__(self):
        raise TypeError("a Source can't be copied or pickled, since it holds open files and the contents of pipes")


class Vocab(_Object):
    """The symbols of a text and their ids."""

    _handle_type = _vocab

    def __init__(self, *arguments):
        raise TypeError("use Vocab.from_text(), from_file(), from_source(), from_list() or with_unknown()")

    @classmethod
    def from_text(cls, text, kind=VOCAB_BYTES):
        text = _Bytes("text", text)
        return cls._made(_lib.rnn_vocab_create_from_text, kind, text.address, text.size)

    @classmethod
    def from_file(cls, path, kind=VOCAB_BYTES):
        return cls._made(_lib.rnn_vocab_create_from_file, kind, path)

    @classmethod
    def from_source(cls, source, kind=VOCAB_BYTES):
        return cls._made(_lib.rnn_vocab_create_from_source, kind, source)

    @classmethod
    def from_list(cls, symbols, kind=VOCAB_BYTES):
        symbols = _Bytes("symbols", symbols)
        return cls._made(_lib.rnn_vocab_create_from_list, kind, symbols.address, symbols.size)

    def with_unknown(self, shown=None):
        """A vocabulary with an additional symbol for all unknown ones. It is decoded as the bytes `shown`."""
        if shown is None:
            return self._made(_lib.rnn_vocab_create_with_unknown, self, None, 0)
        shown = _Bytes("shown", shown)
        return self._made(_lib.rnn_vocab_create_with_unknown, self, shown.address, shown.size)

    def frequent(self, most=0, least=1):
        """A vocabulary of this one's frequent words, with an unknown symbol for the others."""
        return self._made(_lib.rnn_vocab_create_frequent, self, most, least)

    def __len__(self):
        return _lib.rnn_vocab_size(self)

    @property
    def kind(self):
        return _lib.rnn_vocab_kind(self)

    @property
    def unknown(self):
        """The id of the unknown symbol, or -1."""
        return _lib.rnn_vocab_unknown(self)

    def encode(self, text):
        """The ids of bytes."""
        text = _Bytes("text", text)
        ids, count = _new(_INT32, text.size), c_int64()
        _lib.rnn_vocab_encode(self, text.address, text.size, _address(ids), text.size, byref(count))
        return _shaped(ids[:count.value], count.value)

    def decode(self, ids):
        """The bytes of ids."""
        vocab, (buffer, _) = self._open(), _taken(_INT32, "ids", ids)
        return _filled(_lib.rnn_vocab_decode, vocab, _address(buffer), len(buffer))

    def symbol(self, index):
        """The bytes of one symbol."""
        vocab, symbol, size = self._open(), c_char_p(), c_size_t()
        _lib.rnn_vocab_symbol(vocab, _whole(c_int32, "index", index).value, byref(symbol), byref(size))
        return ctypes.string_at(symbol, size.value)


def _filled(write, *arguments):
    """Returns the bytes that a function of the library writes. Asks the function for their number first."""
    size = c_size_t()
    write(*arguments, None, 0, byref(size))
    data = ctypes.create_string_buffer(max(size.value, 1))
    write(*arguments, data, size.value, byref(size))
    return data.raw[:size.value]


class _Field:
    """One array of a chunk: a number for each position or, with a width, a vector of that many numbers."""

    def __init__(self, kind, name, values):
        self.width, vectors = None, kind == _REAL[FLOAT64]
        if vectors and getattr(values, "dtype", None) == "float32":
            kind = _REAL[FLOAT32]
        buffer, shape = _taken(kind, name, values)
        self._kind = kind
        if vectors:
            if len(shape) < 2 or shape[-1] == 0:
                raise ValueError(f"{name} must be a sequence of vectors, all of one length")
            self.width = shape[-1]
        self._buffers = {kind: buffer}
        self.count = len(buffer) // (self.width or 1)

    def address(self, name, real):
        """The address of the numbers. Vectors have elements of the type `real`."""
        kind = self._kind if self.width is None else real
        if kind not in self._buffers:
            self._buffers[kind], _ = _taken(kind, name, self._buffers[self._kind])
        return _address(self._buffers[kind])

    def shaped(self, *shape):
        return _shaped(self._buffers[self._kind], *shape, *([] if self.width is None else [self.width]))


class Chunk:
    """T steps of B streams. Ids are [T][B], as one sequence or nested. Vectors are [T][B][n] or [T * B][n]. A target
    vector counts if its element of the mask [T][B] is true. Without a mask, all count.

    The chunk uses a numpy array without copying it if its elements are int32 (ids) or the model's type (vectors) in
    row-major order. Don't change such an array while you use the chunk. Everything else is copied.

    `lengths` [B] are the numbers of steps after which the streams end; the positions after that are ignored. If an
    element of `starts` [T][B] is true, the stream's state is set to the initial state before that step. With
    `last_only`, only the last position of each stream has outputs and a target, so these are [B].
    """

    def __init__(self, inputs=None, targets=None, streams=1, *, input_vectors=None, target_vectors=None,
                 target_mask=None, lengths=None, starts=None, last_only=False):
        if inputs is None and input_vectors is None:
            raise TypeError("a chunk needs inputs or input_vectors")
        streams = _whole(c_int64, "streams", streams).value
        given = [("inputs", _INT32, inputs), ("targets", _INT32, targets),
                 ("input_vectors", _REAL[FLOAT64], input_vectors), ("target_vectors", _REAL[FLOAT64], target_vectors),
                 ("target_mask", _BYTE, target_mask), ("starts", _BYTE, starts)]
        self._fields = {name: _Field(kind, name, values) for name, kind, values in given if values is not None}
        self.last_only = bool(last_only)
        counts = {name: field.count for name, field in self._fields.items()}
        if streams < 1:
            raise ValueError(f"streams is {streams}; it must be at least 1")
        if self.last_only:
            self._check_last(counts, streams)
        count = next(iter(counts.values()))
        if set(counts.values()) != {count}:
            raise ValueError("; ".join(f"{name} has {count} positions" for name, count in counts.items()))
        if count == 0:
            raise ValueError("a chunk needs at least one position")
        if count % streams != 0:
            raise ValueError(f"there are {count} positions; their number must be a multiple of streams, {streams}")
        self.steps, self.streams = count // streams, streams
        self._lengths = None
        if lengths is not None:
            numbers, _ = _taken(_INT32, "lengths", lengths)
            if len(numbers) != streams:
                raise ValueError(f"lengths has {len(numbers)} numbers; there are {streams} streams")
            self._lengths = (c_int64 * streams)(*(int(number) for number in numbers))

    @staticmethod
    def _check_last(counts, streams):
        """Checks that there is one target for each stream rather than for each position."""
        for name in ("targets", "target_vectors", "target_mask"):
            if counts.pop(name, streams) != streams:
                raise ValueError(f"{name} must have one element for each of the {streams} streams, since last_only is "
                                 f"true")

    @property
    def places(self):
        """The shape of outputs and targets, without the size of a vector: (T, B), or (B,) with last_only."""
        return (self.streams,) if self.last_only else (self.steps, self.streams)

    lengths = property(lambda self: None if self._lengths is None else list(self._lengths))

    def _struct(self, options):
        """The C struct for a model. C can't check the length of vectors, so this method does."""
        struct = _Chunk(sizeof(_Chunk), self.steps, self.streams)
        widths = {"input_vectors": options.input_size, "target_vectors": options.output_size}
        for name, field in self._fields.items():
            if field.width != widths.get(name):
                raise ValueError(f"{name} has vectors of {field.width} numbers; the model's have {widths[name]}")
            setattr(struct, name, field.address(name, _REAL[options.precision]))
        struct.last_only = int(self.last_only)
        if self._lengths is not None:
            struct.lengths = ctypes.addressof(self._lengths)
        return struct

    def _shaped(self, name):
        shape = self.places if name.startswith("target") else (self.steps, self.streams)
        return self._fields[name].shaped(*shape) if name in self._fields else None

    inputs = property(lambda self: self._shaped("inputs"))
    targets = property(lambda self: self._shaped("targets"))
    input_vectors = property(lambda self: self._shaped("input_vectors"))
    target_vectors = property(lambda self: self._shaped("target_vectors"))
    target_mask = property(lambda self: self._shaped("target_mask"))
    starts = property(lambda self: self._shaped("starts"))

    @property
    def has_targets(self):
        return "targets" in self._fields or "target_vectors" in self._fields


class Corpus(_Object):
    """A text that is served as chunks of ids. It can't be copied."""

    _handle_type = _corpus

    def __init__(self, *arguments):
        raise TypeError("use Corpus.from_text(), from_file(), from_source() or split()")

    @classmethod
    def from_text(cls, vocab, text, steps, streams=1):
        text = _Bytes("text", text)
        return cls._made(_lib.rnn_corpus_create_from_text, vocab, text.address, text.size, steps, streams)

    @classmethod
    def from_file(cls, vocab, path, steps, streams=1):
        return cls._made(_lib.rnn_corpus_create_from_file, vocab, path, steps, streams)

    @classmethod
    def from_source(cls, vocab, source, steps, streams=1):
        return cls._made(_lib.rnn_corpus_create_from_source, vocab, source, steps, streams)

    @classmethod
    def from_ids(cls, ids, symbols, steps, streams=1):
        """A corpus of ids from 0 to symbols - 1, such as words, musical notes, or the bytes of a protocol."""
        buffer, _ = _taken(_INT32, "ids", ids)
        return cls._made(_lib.rnn_corpus_create_from_ids, _address(buffer), len(buffer), symbols, steps, streams)

    @classmethod
    def from_id_file(cls, path, id_size, symbols, steps, streams=1):
        """A corpus of unsigned little-endian integers of 1, 2 or 4 bytes (`id_size`), which are read from the file."""
        return cls._made(_lib.rnn_corpus_create_from_id_file, path, id_size, symbols, steps, streams)

    def split(self, share):
        """Moves the last `share` of the symbols into a new corpus."""
        return self._made(_lib.rnn_corpus_split, self, share)

    def next(self):
        """A copy of the next chunk, and whether it is the first of the text. If it is, reset the state."""
        corpus, chunk, restarted = self._open(), _Chunk.sized(), c_int32()
        _lib.rnn_corpus_next(corpus, byref(chunk), byref(restarted))
        ids = (c_int32 * (chunk.steps * chunk.streams)).from_address
        lengths = (c_int64 * chunk.streams).from_address(chunk.lengths) if chunk.lengths else None
        return Chunk(ids(chunk.inputs), ids(chunk.targets), chunk.streams, lengths=lengths), bool(restarted.value)

    def set_drop_last(self, drop_last):
        """False: each symbol except the first is a target once in each pass, and the last chunk may be shorter."""
        _lib.rnn_corpus_set_drop_last(self, int(bool(drop_last)))

    def __reduce__(self):
        raise TypeError("a Corpus can't be copied or pickled, since it may read a file; create another of the same "
                        "text and pass this one's position to its seek()")

    def rewind(self):
        _lib.rnn_corpus_rewind(self)

    def seek(self, position):
        """Goes to a position that a corpus of the same text and shape had."""
        _lib.rnn_corpus_seek(self, position)

    def __len__(self):
        return _lib.rnn_corpus_size(self)

    @property
    def chunks(self):
        return _lib.rnn_corpus_chunks(self)

    @property
    def position(self):
        return _lib.rnn_corpus_position(self)


class _Sequenced:
    """The arrays of all sequences, joined into one array."""

    def __init__(self, kind, name, sequences):
        if isinstance(sequences, _NO_SEQUENCES) or not (hasattr(sequences, "__len__") and
                                                        hasattr(sequences, "__getitem__")):
            raise TypeError(f"{name} is {_shown(sequences)}; it must be a sequence of sequences")
        fields = [_Field(kind, f"{name}[{index}]", values) for index, values in enumerate(sequences)]
        self.name, self.lengths = name, [field.count for field in fields]
        self.width = fields[0].width if fields else None
        for index, field in enumerate(fields):
            if field.width != self.width:
                raise ValueError(f"{name}[{index}] has vectors of {field.width} numbers; those of {name}[0] have "
                                 f"{self.width}")
        self.buffer = _new(kind, sum(self.lengths) * (self.width or 1))
        at = 0
        for field in fields:
            buffer = field._buffers[field._kind]
            self.buffer[at:at + len(buffer)] = buffer
            at += len(buffer)

    def check_lengths(self, other):
        if self.lengths != other.lengths:
            for index, (length, wanted) in enumerate(zip(self.lengths, other.lengths)):
                if length != wanted:
                    raise ValueError(f"{self.name}[{index}] has {length} elements; {other.name}[{index}] has {wanted}")
            raise ValueError(f"{self.name} has {len(self.lengths)} sequences; {other.name} has {len(other.lengths)}")


class Batcher(_Object):
    """Serves sequences of unequal length as chunks of B streams. It can't be copied.

    `inputs` are sequences of ids, or `input_vectors` are arrays [length][I]. Targets have the same form. With
    target_kind=TARGETS_LAST there is one target for each sequence, and with TARGETS_NEXT there must be no targets.
    Options are the fields of rnn_batcher_options.

        for chunk in batcher.epoch():
            model.forward_backward(state, chunk)
            optimizer.step(model)
    """

    _handle_type = _batcher

    def __init__(self, inputs=None, targets=None, streams=1, *, input_vectors=None, target_vectors=None,
                 target_mask=None, **options):
        if (inputs is None) == (input_vectors is None):
            raise TypeError("a batcher needs either inputs or input_vectors")
        filled = _BatcherOptions.filled(_lib.rnn_batcher_options_init, {"streams": streams, **options})
        one_each = filled.target_kind == TARGETS_LAST
        struct, real = _Sequences.sized(), _REAL[FLOAT64]
        given = _Sequenced(_INT32, "inputs", inputs) if inputs is not None else _Sequenced(
            real, "input_vectors", input_vectors)
        lengths = (c_int64 * len(given.lengths))(*given.lengths)
        struct.count, struct.lengths = len(lengths), ctypes.addressof(lengths)
        kept, widths = [given], {given.name: given.width}
        setattr(struct, given.name, _address(given.buffer))
        for name, kind, values in (("targets", _INT32, targets), ("target_vectors", real, target_vectors),
                                   ("target_mask", _BYTE, target_mask)):
            if values is None:
                continue
            if one_each:
                field = _Field(kind, name, values)
                address = field.address(name, real)
                if field.count != len(lengths):
                    raise ValueError(f"{name} has {field.count} elements; there are {len(lengths)} sequences")
            else:
                field = _Sequenced(kind, name, values)
                field.check_lengths(given)
                address = _address(field.buffer)
            kept.append(field)
            widths[name] = field.width
            setattr(struct, name, address)
        struct.input_size = given.width or 0
        struct.output_size = widths.get("target_vectors") or 0
        if given.width or struct.output_size:
            struct.precision = FLOAT64
        self._create(_lib.rnn_batcher_create, byref(struct), byref(filled))
        self._handle.widths = {"input_vectors": given.width, "target_vectors": struct.output_size or given.width}
        self._handle.shape = None

    def next(self):
        """A copy of the next chunk, and whether it is the last of its epoch. After the last, the next epoch begins."""
        batcher, chunk, last = self._open(), _Chunk.sized(), c_int32()
        _lib.rnn_batcher_next(batcher, byref(chunk), byref(last))
        rows = chunk.steps * chunk.streams
        places = chunk.streams if chunk.last_only else rows
        arrays = {}
        for name, kind, count in (("inputs", c_int32, rows), ("targets", c_int32, places),
                                  ("input_vectors", c_double, rows), ("target_vectors", c_double, places),
                                  ("target_mask", ctypes.c_uint8, places), ("starts", ctypes.c_uint8, rows),
                                  ("lengths", c_int64, chunk.streams)):
            address = getattr(chunk, name)
            if address:
                kind = kind * batcher.widths[name] if name.endswith("vectors") else kind
                arrays[name] = (kind * count).from_address(address)
        batcher.shape = chunk.steps, chunk.streams
        return Chunk(streams=chunk.streams, last_only=bool(chunk.last_only), **arrays), bool(last.value)

    def epoch(self):
        """The remaining chunks of the current epoch."""
        last = False
        while not last:
            chunk, last = self.next()
            yield chunk

    def places(self):
        """For the last chunk served: the index of the sequence at each position [T][B], and the index of the element in
        that sequence; -1 after a stream's end. In a padded chunk the first row has all sequences.
        """
        batcher = self._open()
        shape = batcher.shape or (1, 1)
        sequences, elements = _new("q", _size(shape)), _new("q", _size(shape))
        _lib.rnn_batcher_get_places(batcher, _address(sequences), _address(elements), _size(shape))
        return _shaped(sequences, *shape), _shaped(elements, *shape)

    def __reduce__(self):
        raise TypeError("a Batcher can't be copied or pickled; create another of the same sequences and pass this "
                        "one's position to its seek()")

    def rewind(self):
        _lib.rnn_batcher_rewind(self)

    def seek(self, position):
        """Goes to a position that a batcher of the same sequences and options had."""
        _lib.rnn_batcher_seek(self, position)

    def __len__(self):
        return _lib.rnn_batcher_size(self)

    @property
    def positions(self):
        """The number of positions of an epoch."""
        return _lib.rnn_batcher_positions(self)

    @property
    def steps(self):
        """The maximum number of steps of a chunk."""
        return _lib.rnn_batcher_steps(self)

    @property
    def chunks(self):
        """The number of chunks of the current epoch."""
        return _lib.rnn_batcher_chunks(self)

    @property
    def position(self):
        return _lib.rnn_batcher_position(self)


class _Notes(collections.abc.MutableMapping):
    """A model's notes as a mapping from keys to strings, in the order of the keys' bytes."""

    def __init__(self, model):
        self._model = model

    def __getitem__(self, key):
        value = _lib.rnn_model_note(self._model, key)
        if value is None:
            raise KeyError(key)
        return value.decode()

    def __setitem__(self, key, value):
        _lib.rnn_model_set_note(self._model, key, value)

    def __delitem__(self, key):
        self[key]  # raises KeyError if there is no such note
        _lib.rnn_model_set_note(self._model, key, c_char_p())

    def __iter__(self):
        model, keys = self._model._open(), []
        for index in range(_lib.rnn_model_note_count(model)):
            key, value = c_char_p(), c_char_p()
            _lib.rnn_model_note_at(model, index, byref(key), byref(value))
            keys.append(key.value.decode())
        return iter(keys)

    def __len__(self):
        return _lib.rnn_model_note_count(self._model)

    def __repr__(self):
        return repr(dict(self))


class Model(_Object):
    """A network and its parameters. Options are the fields of rnn_model_options; others have the library's defaults.

    parameter(), set_parameter() and gradient() copy. The views need numpy. They show the model's own memory, which
    changes in training. They are read-only, and stay valid after close().
    """

    _handle_type = _model

    def __init__(self, **options):
        self._create(_lib.rnn_model_create, byref(_ModelOptions.filled(_lib.rnn_model_options_init, options)))

    def _own(self, handle):
        handle.options = _ModelOptions.sized()
        _lib.rnn_model_get_options(handle, byref(handle.options))
        super()._own(handle)

    @classmethod
    def load(cls, path, **options):
        """Loads a model from a file. Returns it with the vocabulary that was saved with it, or None. Options are the
        fields of rnn_load_options; the configuration is a dictionary of a model's options.
        """
        return cls._loaded(_lib.rnn_model_load, [path], **options)

    @classmethod
    def from_bytes(cls, data, **options):
        """Like load(), from the bytes of a file."""
        data = _Bytes("data", data)
        return cls._loaded(_lib.rnn_model_load_from_memory, [data.address, data.size], **options)

    @classmethod
    def _loaded(cls, load, arguments, /, configuration=None, **options):
        filled = _LoadOptions.filled(_lib.rnn_load_options_init, options)
        if configuration is not None:
            if not isinstance(configuration, collections.abc.Mapping):
                raise TypeError(f"configuration is {_shown(configuration)}; it must be a dictionary of options")
            given = _ModelOptions.filled(_lib.rnn_model_options_init, configuration)
            filled.configuration = POINTER(_declarations.rnn_model_options)(given)
        model, vocab = _model(), _vocab()
        load(*arguments, byref(filled), byref(model), byref(vocab))
        return _owned(cls, model), _owned(Vocab, vocab)

    def save(self, path, vocab=None, **options):
        """Saves the model, and a vocabulary if there is one, to a file, which is replaced as a whole. Options are the
        fields of rnn_save_options: the names of the modules in the file.
        """
        filled = _SaveOptions.filled(_lib.rnn_save_options_init, options)
        _lib.rnn_model_save_with(self, _vocab() if vocab is None else vocab, byref(filled), path)

    def to_bytes(self, vocab=None, **options):
        """The bytes that save() would write."""
        filled = _SaveOptions.filled(_lib.rnn_save_options_init, options)
        return _filled(_lib.rnn_model_save_to_memory_with, self, _vocab() if vocab is None else vocab, byref(filled))

    @property
    def notes(self):
        """Strings of your choice, which are saved and copied with the model: model.notes["classes"] = "cat dog"."""
        self._open()
        return _Notes(self)

    def check_finite(self):
        """Raises RnnError if a parameter is NaN or infinite."""
        _lib.rnn_model_check_finite(self)

    @property
    def options(self):
        return _visible(self._open().options)

    @property
    def parameter_names(self):
        model = self._open()
        return [_described(model, index).name.decode() for index in range(_lib.rnn_model_parameter_count(model))]

    def _copied(self, get, name):
        model, index, parameter = self._find(name)
        values = _new(_REAL[parameter.precision], parameter.count)
        get(model, index, _address(values), parameter.count)
        return _shaped(values, *parameter.shape[:parameter.rank])

    def _find(self, name):
        model, index = self._open(), c_int64()
        _lib.rnn_model_find_parameter(model, name, byref(index))
        return model, index.value, _described(model, index.value)

    def parameter(self, name):
        """A copy of a parameter's values."""
        return self._copied(_lib.rnn_model_get_parameter, name)

    def gradient(self, name):
        """A copy of a parameter's gradient."""
        return self._copied(_lib.rnn_model_get_gradient, name)

    def set_parameter(self, name, values):
        model, index, parameter = self._find(name)
        buffer, _ = _taken(_REAL[parameter.precision], "values", values, copy=True)  # may be a view of this parameter
        _lib.rnn_model_set_parameter(model, index, _address(buffer), len(buffer))

    def set_gradient(self, name, values):
        """Sets a parameter's gradient, for example to one computed elsewhere or summed over processes."""
        model, index, parameter = self._find(name)
        buffer, _ = _taken(_REAL[parameter.precision], "values", values, copy=True)  # may be a view of this parameter
        _lib.rnn_model_set_gradient(model, index, _address(buffer), len(buffer))

    def parameter_view(self, name):
        """A view of a parameter's values."""
        model, _, parameter = self._find(name)
        return _view(model, parameter, parameter.values)

    def gradient_view(self, name):
        """A view of a parameter's gradient; None until there are gradients."""
        model, _, parameter = self._find(name)
        return _view(model, parameter, parameter.gradient)

    def flat_parameters(self):
        """All parameters as one read-only memoryview."""
        return self._flat(_lib.rnn_model_flat_parameters).toreadonly()

    def flat_gradients(self):
        """All gradients as one memoryview, which may be written to."""
        return self._flat(_lib.rnn_model_flat_gradients)

    def _flat(self, get):
        model, address, count = self._open(), c_void_p(), c_int64()
        get(model, byref(address), byref(count))
        kind = _REAL[model.options.precision]
        return memoryview(_memory(model, kind, address.value, count.value)).cast("B").cast(kind)

    def zero_gradients(self):
        _lib.rnn_model_zero_gradients(self)

    def clip_value(self, limit):
        _lib.rnn_model_clip_value(self, limit)

    def clip_norm(self, limit):
        """Scales the gradients down to a norm of at most `limit`. Returns the norm before the scaling."""
        norm = c_double()
        _lib.rnn_model_clip_norm(self, limit, byref(norm))
        return norm.value

    def forward(self, state, chunk):
        """Runs forward over a chunk. Returns the outputs, [T][B][O], or [B][O] with last_only, and the loss, or None if
        the chunk has no targets.
        """
        model, state = self._open(), _argument(_state, "state", state)
        struct = _chunk_struct(model, chunk)
        shape = *chunk.places, model.options.output_size
        outputs = _new(_REAL[model.options.precision], _size(shape))
        loss = _declarations.rnn_loss() if chunk.has_targets else None
        _lib.rnn_forward(model, state, byref(struct), _address(outputs), _size(shape), loss and byref(loss))
        state.steps = chunk.steps
        return _shaped(outputs, *shape), loss and Loss(loss.sum, loss.count)

    def forward_backward(self, state, chunk):
        """Runs forward and backward over a chunk. Adds to the gradients and returns the loss."""
        model, state, loss = self._open(), _argument(_state, "state", state), _declarations.rnn_loss()
        _lib.rnn_forward_backward(model, state, byref(_chunk_struct(model, chunk)), byref(loss))
        state.steps = state.norm_steps = chunk.steps
        return Loss(loss.sum, loss.count)

    def evaluate(self, corpus, streams=1):
        """The loss over a whole corpus, and the number of targets that have the largest output. Each symbol except the
        first is a target once. One stream gives the exact loss; more streams are faster.
        """
        loss, hits = _declarations.rnn_loss(), c_int64()
        _lib.rnn_evaluate(self, corpus, streams, byref(loss), byref(hits))
        return Loss(loss.sum, loss.count), hits.value

    def score(self, state, chunk):
        """Runs forward over a chunk. Returns the loss of each position, [T][B], or [B] with last_only, and the number
        of targets that have the largest output, or None if targets are vectors.
        """
        model, state = self._open(), _argument(_state, "state", state)
        struct, losses, hits = _chunk_struct(model, chunk), _new("d", _size(chunk.places)), c_int64()
        ids = model.options.loss == LOSS_CROSS_ENTROPY
        struct.losses = _address(losses)
        if ids:
            struct.hits = ctypes.addressof(hits)
        _lib.rnn_forward(model, state, byref(struct), None, 0, None)
        state.steps = chunk.steps
        return _shaped(losses, *chunk.places), hits.value if ids else None

    def forward_training(self, state, chunk):
        """Runs forward over a chunk with dropout, for a loss of your own. Returns the outputs, [T][B][O], or [B][O]
        with last_only. The state keeps the activations for backward().
        """
        model, state = self._open(), _argument(_state, "state", state)
        struct = _chunk_struct(model, chunk)
        shape = *chunk.places, model.options.output_size
        outputs = _new(_REAL[model.options.precision], _size(shape))
        _lib.rnn_forward_training(model, state, byref(struct), _address(outputs), _size(shape))
        state.steps, state.kept = chunk.steps, chunk
        return _shaped(outputs, *shape)

    def loss_gradient(self, chunk, outputs):
        """The model's own loss for a chunk and outputs of forward_training(), and its gradient for backward()."""
        model, loss = self._open(), _declarations.rnn_loss()
        struct, kind = _chunk_struct(model, chunk), _REAL[model.options.precision]
        buffer, shape = _taken(kind, "outputs", outputs)
        gradient = _new(kind, len(buffer))
        _lib.rnn_loss_gradient(model, byref(struct), _address(buffer), len(buffer), _address(gradient), byref(loss))
        return Loss(loss.sum, loss.count), _shaped(gradient, *shape)

    def backward(self, state, outputs=None, final_state=None):
        """Runs backward over the chunk of the last forward_training() on this state. The arguments are the gradients of
        your loss with respect to its outputs and to the state after it, [P][L][B][H] as in State.get_all(). Adds to the
        gradients of the parameters. Returns the gradients with respect to the input vectors, [T][B][I] or None for ids,
        and to the state before the chunk.
        """
        model, state = self._open(), _argument(_state, "state", state)
        options, kind, chunk = model.options, _REAL[model.options.precision], state.kept
        struct, inputs, kept = _ChunkGradients.sized(), None, []
        if chunk is not None:
            shapes = {"outputs": (*chunk.places, options.output_size), "final_state": _state_shape(state)}
            for name, given in (("outputs", outputs), ("final_state", final_state)):
                if given is None:
                    continue
                buffer, _ = _taken(kind, name, given)
                if len(buffer) != _size(shapes[name]):
                    raise ValueError(f"{name} has {len(buffer)} numbers; it must have the shape {shapes[name]}")
                setattr(struct, name, _address(buffer))
                kept.append(buffer)
            if options.input == INPUT_VECTORS:
                inputs = _new(kind, chunk.steps * chunk.streams * options.input_size)
                struct.input_vectors = _address(inputs)
        initial = _new(kind, _size(_state_shape(state)))
        struct.initial_state = _address(initial)
        _lib.rnn_backward(model, state, byref(struct))
        state.norm_steps, state.kept = chunk.steps, None
        if inputs is not None:
            inputs = _shaped(inputs, chunk.steps, chunk.streams, options.input_size)
        return inputs, _shaped(initial, *_state_shape(state))

    def freeze(self, name, frozen=True):
        """Freezes or unfreezes a parameter. Optimizers don't change frozen parameters."""
        _lib.rnn_model_freeze(self, self._find(name)[1], int(bool(frozen)))

    def is_frozen(self, name):
        return self._find(name)[2].frozen != 0

    def average(self, model, weight):
        """Moves this model's parameters towards another's: self += weight (model - self). With weight 1 - d after every
        step this gives an exponential moving average. With weight 1 / (n + 1) it gives the mean of n + 1 models.
        """
        _lib.rnn_model_average(self, model, weight)

    def sample(self, state, sampler, first, n):
        """Draws n symbols after each stream's `first`: ids [n][B]."""
        state, n = _argument(_state, "state", state), _whole(c_int64, "n", n).value
        streams, (buffer, _) = _lib.rnn_state_streams(state), _taken(_INT32, "first", first)
        if len(buffer) != streams:
            raise ValueError(f"first has {len(buffer)} ids; the state has {streams} streams")
        ids = _new(_INT32, max(n, 0) * streams)
        _lib.rnn_sample(self, state, sampler, _address(buffer), n, _address(ids))
        return _shaped(ids, n, streams)


    def generate(self, state, sampler, most, prompts=None, stop=None):
        """Reads a prompt for each stream, a sequence of ids that may be empty, and draws up to `most` symbols. A stream
        ends earlier if it draws `stop`. Returns for each stream the ids drawn and their log-probabilities, both as
        lists. Without prompts, the streams continue from the state.
        """
        state = _argument(_state, "state", state)
        streams = _lib.rnn_state_streams(state)
        most = _whole(c_int64, "most", most).value
        prompts = [()] * streams if prompts is None else prompts
        if len(prompts) != streams:
            raise ValueError(f"there are {len(prompts)} prompts; the state has {streams} streams")
        prompts = [[int(id) for id in _taken(_INT32, f"prompts[{b}]", ids)[0]] if len(ids) else []
                   for b, ids in enumerate(prompts)]
        steps = max(map(len, prompts), default=0)
        padded = (c_int32 * (steps * streams))(*(ids[t] if t < len(ids) else 0 for t in range(steps)
                                                 for ids in prompts))
        lengths, counts = (c_int64 * streams)(*map(len, prompts)), (c_int64 * streams)()
        options = _GenerateOptions.filled(_lib.rnn_generate_options_init, {"most": most} | ({} if stop is None else
                                                                                    {"stop": stop}))
        if steps > 0:
            options.prompt, options.prompt_steps = ctypes.addressof(padded), steps
            options.prompt_lengths = ctypes.addressof(lengths)
        ids, logs = _new(_INT32, max(most, 0) * streams), _new("d", max(most, 0) * streams)
        _lib.rnn_generate(self, state, sampler, byref(options), _address(ids), counts, _address(logs))
        return [([int(ids[i * streams + b]) for i in range(counts[b])],
                 [float(logs[i * streams + b]) for i in range(counts[b])]) for b in range(streams)]


    def beam_search(self, most, state=None, prompt=(), **options):
        """Searches for the most probable continuations of up to `most` symbols. Returns a list of BeamResults, the best
        first. The state must have one stream, and isn't changed; None means a new state. Options are the other fields
        of rnn_beam_options: beams, results, length_penalty, excluded, vocab and stop.
        """
        filled = _BeamOptions.filled(_lib.rnn_beam_options_init, {"most": most} | options)
        ids = _taken(_INT32, "prompt", prompt)[0] if len(prompt) else ()
        if len(ids):
            filled.prompt, filled.prompt_steps = _address(ids), len(ids)
        length, wanted = max(filled.most, 0), max(filled.results, 0)
        found, counts = _new(_INT32, length * wanted), (c_int64 * wanted)()
        logs, scores = _new("d", wanted), _new("d", wanted)
        _lib.rnn_beam_search(self, _state() if state is None else state, byref(filled), _address(found), counts,
                     _address(logs), _address(scores))
        return [BeamResult([int(id) for id in found[k * length:k * length + counts[k]]], float(logs[k]),
                           float(scores[k])) for k in range(wanted) if counts[k]]


def softmax(logits):
    """The probabilities of logits [rows][symbols], for each row separately."""
    buffer, shape = _taken("d", "logits", logits, copy=True)  # computes in place
    if len(shape) < 2:
        raise ValueError(f"logits has the shape {shape}; it must be [rows][symbols]")
    _lib.rnn_softmax(FLOAT64, _address(buffer), _size(shape[:-1]), shape[-1], _address(buffer))
    return _shaped(buffer, *shape)


def _chunk_struct(model, chunk):
    if not isinstance(chunk, Chunk):
        raise TypeError(f"chunk is {_shown(chunk)}; it must be a Chunk")
    return chunk._struct(model.options)


def _described(model, index):
    parameter = _Parameter.sized()
    _lib.rnn_model_describe_parameter(model, index, byref(parameter))
    return parameter


def _memory(model, kind, address, count):
    """The library's memory as a ctypes array that keeps the model alive."""
    memory = ((ctypes.c_float if kind == "f" else c_double) * count).from_address(address)
    memory.owner = model
    return memory


def _view(model, parameter, address):
    if numpy is None:
        raise RuntimeError("a view needs numpy")
    if address is None:
        return None
    rank, kind = parameter.rank, _REAL[parameter.precision]
    memory = _memory(model, kind, address, parameter.count)
    strides = [stride * numpy.dtype(kind).itemsize for stride in parameter.strides[:rank]]
    view = numpy.ndarray(parameter.shape[:rank], kind, memory, strides=strides)
    view.flags.writeable = False
    return view


def _state_shape(state):
    """The shape of all values of a state: parts, layers, streams, units."""
    return state.parts, state.layers, _lib.rnn_state_streams(state), state.hidden_size


class State(_Object):
    """The hidden state of B streams, which a model carries from chunk to chunk. A copy doesn't observe."""

    _handle_type = _state

    def __init__(self, model, streams=1):
        model = _argument(_model, "model", model)
        self._create(_lib.rnn_state_create, model, streams)
        self._know_model(model.options)

    def _own(self, handle):
        handle.steps = handle.norm_steps = 1  # steps of the last chunk, and of the last backward pass
        handle.kept = None  # the chunk of the last forward_training(), until backward()
        super()._own(handle)

    def _know(self, precision, parts, layers, hidden_size):
        self._handle.kind, self._handle.parts = _REAL[precision], parts
        self._handle.layers, self._handle.hidden_size = layers, hidden_size

    def _know_model(self, options):
        layers = options.layers * (2 if options.bidirectional else 1)
        self._know(options.precision, 2 if options.cell == CELL_LSTM else 1, layers, options.hidden_size)

    @property
    def streams(self):
        return _lib.rnn_state_streams(self)

    def reset(self, stream=None):
        """Sets all streams, or one, to the initial state."""
        if stream is None:
            _lib.rnn_state_reset(self)
        else:
            _lib.rnn_state_reset_stream(self, stream)

    def copy_from(self, source):
        _lib.rnn_state_copy(self, source)

    def copy_stream_from(self, stream, source, source_stream):
        stream = _whole(c_int64, "stream", stream).value
        _lib.rnn_state_copy_stream(self, stream, source, source_stream)

    def get(self, layer=0, what=STATE_HIDDEN):
        """A copy of a layer's values, [B][H]."""
        state = self._open()
        shape = _lib.rnn_state_streams(state), state.hidden_size
        values = _new(state.kind, _size(shape))
        _lib.rnn_state_get(state, layer, what, _address(values), _size(shape))
        return _shaped(values, *shape)

    def set(self, values, layer=0, what=STATE_HIDDEN):
        state = self._open()
        buffer, _ = _taken(state.kind, "values", values)
        _lib.rnn_state_set(state, layer, what, _address(buffer), len(buffer))

    def get_all(self):
        """A copy of all values, [P][L][B][H]: all h and, for an LSTM (P = 2), then all c."""
        state = self._open()
        values = _new(state.kind, _size(_state_shape(state)))
        _lib.rnn_state_get_all(state, _address(values), _size(_state_shape(state)))
        return _shaped(values, *_state_shape(state))

    def set_all(self, values):
        state = self._open()
        buffer, _ = _taken(state.kind, "values", values)
        _lib.rnn_state_set_all(state, _address(buffer), len(buffer))

    @property
    def random_index(self):
        """The index of the next dropout mask."""
        return _lib.rnn_state_random_index(self)

    @random_index.setter
    def random_index(self, value):
        _lib.rnn_state_set_random_index(self, _whole(c_uint64, "random_index", value).value)

    def observe(self, what):
        """Chooses the data that later calls keep: a sum of OBSERVE_ values."""
        _lib.rnn_state_observe(self, what)

    def activations(self, layer=0):
        """h of a layer in the last chunk, [T][B][H]."""
        state = self._open()
        shape = state.steps, _lib.rnn_state_streams(state), state.hidden_size
        values = _new(state.kind, _size(shape))
        _lib.rnn_state_get_activations(state, layer, _address(values), _size(shape))
        return _shaped(values, *shape)

    def gradient_norms(self, layer=0):
        """How strongly the loss of the last forward_backward() depends on a layer's h at each step, [T]."""
        state = self._open()
        norms = _new(_REAL[FLOAT64], state.norm_steps)
        _lib.rnn_state_get_gradient_norms(state, layer, _address(norms), state.norm_steps)
        return _shaped(norms, state.norm_steps)


class Optimizer(_Object):
    """An update rule and its accumulated values. Options are the fields of rnn_optimizer_options; others have the
    rule's defaults.
    """

    _handle_type = _optimizer

    def __init__(self, model, rule=OPTIMIZER_ADAGRAD, **options):
        filled = _OptimizerOptions.filled(_lib.rnn_optimizer_options_init, options, rule)
        self._create(_lib.rnn_optimizer_create, model, byref(filled))

    def step(self, model):
        """Updates the model's parameters by its gradients, then sets the gradients to zero."""
        _lib.rnn_optimizer_step(self, model)

    @property
    def options(self):
        """The current options: the fields of rnn_optimizer_options."""
        options = _OptimizerOptions.sized()
        _lib.rnn_optimizer_get_options(self, byref(options))
        return _visible(options)

    def set_options(self, **options):
        """Changes some options from the next step on."""
        now = _OptimizerOptions.sized()
        _lib.rnn_optimizer_get_options(self, byref(now))
        _lib.rnn_optimizer_set_options(self, byref(now.changed(options)))

    @property
    def learning_rate(self):
        return _lib.rnn_optimizer_learning_rate(self)

    @learning_rate.setter
    def learning_rate(self, value):
        _lib.rnn_optimizer_set_learning_rate(self, value)


class Sampler(_Object):
    """A reproducible way of drawing symbols. Options are the fields of rnn_sampler_options."""

    _handle_type = _sampler

    def __init__(self, **options):
        self._create(_lib.rnn_sampler_create, byref(_SamplerOptions.filled(_lib.rnn_sampler_options_init, options)))

    @property
    def options(self):
        """The current options: the fields of rnn_sampler_options."""
        options = _SamplerOptions.sized()
        _lib.rnn_sampler_get_options(self, byref(options))
        visible = _visible(options)
        del visible["vocab"]  # its unknown symbol is among the excluded ids
        count = visible.pop("excluded_count")
        visible["excluded"] = list((c_int32 * count).from_address(options.excluded)) if count else []
        return visible

    def set_options(self, **options):
        """Changes some options from the next draw on. The number of draws made stays the same."""
        now = _SamplerOptions.sized()
        _lib.rnn_sampler_get_options(self, byref(now))
        _lib.rnn_sampler_set_options(self, byref(now.changed(options)))

    def draw(self, logits):
        """Draws a symbol for each row of logits [B][V]. Returns the ids and their log-probabilities, both as lists."""
        buffer, shape = _taken("d", "logits", logits)
        if len(shape) != 2:
            raise ValueError(f"logits has the shape {shape}; it must be [streams][symbols]")
        ids, logs = (c_int32 * shape[0])(), (c_double * shape[0])()
        _lib.rnn_sampler_draw(self, FLOAT64, _address(buffer), *shape, ids, logs)
        return list(ids), list(logs)


class Checkpoint(NamedTuple):
    """The contents of a checkpoint. Objects that it doesn't contain are None."""

    model: Model
    optimizer: Optimizer
    state: State
    sampler: Sampler
    vocab: Vocab
    corpus_position: int
    counters: tuple
    values: tuple
    average: Model = None


_CLASSES = {kind._handle_type.__name__: kind for kind in (Source, Vocab, Corpus, Batcher, Model, State, Optimizer,
                                                             Sampler)}
_PARTS = {name: _CLASSES[name] for name in ("model", "optimizer", "state", "sampler", "vocab")} | {"average": Model}


def save_checkpoint(path, model, optimizer=None, state=None, sampler=None, vocab=None, *, corpus_position=0,
                    counters=(), values=(), average=None):
    """Saves a training run to a file, which is replaced as a whole. There may be up to eight counters, which are whole
    numbers, and up to eight values, which are floats. The average is another model: see Model.average().
    """
    struct = _checkpoint(corpus_position, counters, values, model=_argument(_model, "model", model),
                         optimizer=optimizer, state=state, sampler=sampler, vocab=vocab, average=average)
    _lib.rnn_checkpoint_save(byref(struct), path)


def checkpoint_to_bytes(model=None, optimizer=None, state=None, sampler=None, vocab=None, *, corpus_position=0,
                        counters=(), values=(), average=None):
    """Returns the bytes that save_checkpoint() writes. Here the model may be None, to keep other objects alone."""
    struct = _checkpoint(corpus_position, counters, values, model=model, optimizer=optimizer, state=state,
                         sampler=sampler, vocab=vocab, average=average)
    return _filled(_lib.rnn_checkpoint_save_to_memory, byref(struct))


def _checkpoint(corpus_position, counters, values, **objects):
    """The C struct. It keeps the objects alive."""
    struct, struct.held = _Checkpoint.sized(), []
    for name, value in objects.items():
        if value is not None:
            struct.held.append(_argument(_PARTS[name]._handle_type, name, value))
            setattr(struct, name, struct.held[-1])
    struct.corpus_position = _whole(c_int64, "corpus_position", corpus_position)
    for name, numbers, kind in (("counters", counters, c_int64), ("values", values, c_double)):
        try:
            numbers = list(numbers)
        except TypeError:
            raise TypeError(f"{name} is {_shown(numbers)}; it must be a sequence of numbers") from None
        if len(numbers) > CHECKPOINT_NUMBERS:
            raise ValueError(f"there are {len(numbers)} {name}; a checkpoint has room for {CHECKPOINT_NUMBERS}")
        for index, number in enumerate(numbers):
            getattr(struct, name)[index] = _argument(kind, f"{name}[{index}]", number)
    return struct


def load_checkpoint(path):
    """Loads a training run from a file. Returns a Checkpoint of new objects."""
    struct = _Checkpoint.sized()
    _lib.rnn_checkpoint_load(path, byref(struct))
    return _found(struct)


def checkpoint_from_bytes(data):
    """Like load_checkpoint(), from the bytes of a file. The model is None if it was None in checkpoint_to_bytes()."""
    data, struct = _Bytes("data", data), _Checkpoint.sized()
    _lib.rnn_checkpoint_load_from_memory(data.address, data.size, byref(struct))
    return _found(struct, data)


def _found(struct, data=None):
    handles = {name: part._handle_type(getattr(struct, name).value) for name, part in _PARTS.items()}
    found = Checkpoint(**{name: _owned(_PARTS[name], handle) for name, handle in handles.items()},
                       corpus_position=struct.corpus_position, counters=tuple(struct.counters),
                       values=tuple(struct.values))
    if found.state and found.model:
        found.state._know_model(found.model._handle.options)
    elif found.state:  # the file's header has the precision and the shape: see docs/files.md
        length = int.from_bytes(ctypes.string_at(data.address, 8), "little")
        header = json.loads(ctypes.string_at(data.address + 8, length))
        hidden = header["librnn.state.hidden"]
        found.state._know({"F32": FLOAT32, "F64": FLOAT64}[hidden["dtype"]], 1 + ("librnn.state.memory" in header),
                          hidden["shape"][0], hidden["shape"][-1])
    return found
