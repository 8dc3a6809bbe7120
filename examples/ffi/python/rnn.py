"""librnn from Python, through ctypes alone.

A thin layer over include/rnn/rnn.h, whose comments say what the calls do: one class for each kind of object, one method
for each call that takes one. What is added is what Python expects: an exception instead of a status, lengths that
follow from the data, memory that can't be used after it is gone.

The library is the file that the environment variable LIBRNN names, or else the system's librnn.so.0.

Arrays come back as numpy arrays where numpy can be imported, and as lists otherwise; either is taken as an argument.
Text is bytes. Objects are released by close(), at the end of a `with` block, or when they are no longer referred to.
"""

import array
import ctypes
import operator
import os
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_void_p, sizeof
from typing import NamedTuple

try:
    import numpy
except ImportError:
    numpy = None

VOCAB_BYTES, VOCAB_UTF8 = 0, 1
IGNORE = -1
CELL_TANH, CELL_GRU, CELL_LSTM = 0, 1, 2
INPUT_IDS, INPUT_EMBEDDING, INPUT_VECTORS = 0, 1, 2
LOSS_CROSS_ENTROPY, LOSS_SQUARED_ERROR = 0, 1
BIAS_INPUT, BIAS_BOTH = 0, 1
INIT_NORMAL, INIT_UNIFORM = 0, 1
FLOAT32, FLOAT64, PRECISION_STORED = 0, 1, -1
REDUCTION_SUM, REDUCTION_MEAN = 0, 1
STATE_HIDDEN, STATE_MEMORY = 0, 1
OBSERVE_ACTIVATIONS, OBSERVE_GRADIENT_NORMS = 1, 2
OPTIMIZER_ADAGRAD, OPTIMIZER_SGD, OPTIMIZER_RMSPROP, OPTIMIZER_ADAM, OPTIMIZER_ADAMW = 0, 1, 2, 3, 4

_INT32, _BYTE = "i", "B"  # element types, by the names that the modules array and numpy share
_REAL = {FLOAT32: "f", FLOAT64: "d"}


class RnnError(Exception):
    """A call failed. str() is the library's sentence; `status` is one of the numbers below."""

    ARGUMENT, MEMORY, IO, SYMBOL, MISMATCH, NONFINITE, FORMAT = range(1, 8)

    def __init__(self, status, sentence):
        super().__init__(sentence)
        self.status = status


class Loss(NamedTuple):
    """What a chunk costs: a sum over `count` positions."""

    sum: float
    count: int

    @property
    def mean(self):
        return self.sum / self.count


# ---- The header's structs ----


class _Struct(ctypes.Structure):
    """A struct that begins with its size."""

    @classmethod
    def sized(cls):
        return cls(struct_size=sizeof(cls))

    @classmethod
    def filled(cls, init, given, *arguments):
        """The library's defaults, and what the caller has given instead."""
        struct = cls()
        init(byref(struct), sizeof(cls), *arguments)
        types = dict(cls._fields_)
        for name, value in given.items():
            if name not in types or name in ("struct_size", "reserved"):
                raise TypeError(f"unknown option: {name}")
            setattr(struct, name, value if types[name] is c_double else _fit(types[name], value))
        return struct


class _Chunk(_Struct):
    _fields_ = [("struct_size", c_size_t), ("steps", c_int64), ("streams", c_int64), ("inputs", c_void_p),
                ("targets", c_void_p), ("input_vectors", c_void_p), ("target_vectors", c_void_p),
                ("target_mask", c_void_p)]


class _Loss(ctypes.Structure):
    _fields_ = [("sum", c_double), ("count", c_int64)]


class _ModelOptions(_Struct):
    _fields_ = [("struct_size", c_size_t), ("input_size", c_int64), ("hidden_size", c_int64), ("output_size", c_int64),
                ("layers", c_int64), ("cell", c_int32), ("precision", c_int32), ("reduction", c_int32),
                ("input", c_int32), ("loss", c_int32), ("bias", c_int32), ("initialization", c_int32),
                ("orthogonal", c_int32), ("tied", c_int32), ("reserved", c_int32), ("embedding_size", c_int64),
                ("weight_scale", c_double), ("forget_bias", c_double), ("dropout", c_double), ("seed", c_uint64)]


class _Parameter(_Struct):
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p), ("shape", c_int64 * 2), ("strides", c_int64 * 2),
                ("count", c_int64), ("rank", c_int32), ("precision", c_int32), ("values", c_void_p),
                ("gradient", c_void_p)]


class _OptimizerOptions(_Struct):
    _fields_ = [("struct_size", c_size_t), ("rule", c_int32), ("nesterov", c_int32), ("learning_rate", c_double),
                ("epsilon", c_double), ("weight_decay", c_double), ("momentum", c_double), ("beta1", c_double),
                ("beta2", c_double), ("clip_value", c_double)]


class _SamplerOptions(_Struct):
    _fields_ = [("struct_size", c_size_t), ("temperature", c_double), ("seed", c_uint64)]


class _LoadOptions(_Struct):
    _fields_ = [("struct_size", c_size_t), ("precision", c_int32), ("reserved", c_int32),
                ("configuration", POINTER(_ModelOptions)), ("rnn_name", c_char_p), ("decoder_name", c_char_p),
                ("embedding_name", c_char_p)]


class _Checkpoint(_Struct):
    _fields_ = [("struct_size", c_size_t), ("model", c_void_p), ("optimizer", c_void_p), ("state", c_void_p),
                ("sampler", c_void_p), ("vocab", c_void_p), ("corpus_position", c_int64), ("counters", c_int64 * 8),
                ("values", c_double * 8)]


# ---- The header's functions ----


def _fit(ctype, value):
    """The number as a C integer; ctypes itself would silently cut off what doesn't fit."""
    number = operator.index(value)
    result = ctype(number)
    if result.value != number:
        raise OverflowError(f"{number} doesn't fit in {8 * sizeof(ctype)} bits")
    return result


def _checked(ctype):
    return type(ctype.__name__, (), {"from_param": staticmethod(lambda value: _fit(ctype, value))})


def _opaque(name):
    """A pointer to a handle: one that the library won't be given where it wants one of another kind."""
    return POINTER(type(name, (ctypes.Structure,), {}))


_source, _vocab, _corpus, _model, _state, _optimizer, _sampler = map(
    _opaque, ["rnn_source", "rnn_vocab", "rnn_corpus", "rnn_model", "rnn_state", "rnn_optimizer", "rnn_sampler"])
_int32, _int64, _uint64, _size = _checked(c_int32), _checked(c_int64), _checked(c_uint64), _checked(c_size_t)
try:
    _library = ctypes.CDLL(os.environ.get("LIBRNN", "librnn.so.0"))
except OSError as error:
    raise ImportError(f"{error}; the environment variable LIBRNN can name the library's file") from None


def _raise_on_failure(status, function, arguments):
    if status != 0:
        raise RnnError(status, _last_error().decode(errors="replace"))


def _function(returns, name, *takes):
    function = getattr(_library, name)
    function.argtypes = takes
    function.restype = returns
    return function


def _call(name, *takes):
    """A function that returns an rnn_status."""
    function = _function(c_int32, name, *takes)
    function.errcheck = _raise_on_failure
    return function


_version = _function(c_char_p, "rnn_version")
_last_error = _function(c_char_p, "rnn_last_error")
_status_name = _function(c_char_p, "rnn_status_name", _int32)
_set_threads = _call("rnn_set_threads", _int32)
_threads = _function(c_int32, "rnn_threads")

# `const void *text` is c_char_p here, since that takes bytes alone; arrays of numbers are passed by their address.
_source_open = _call("rnn_source_open", POINTER(c_char_p), _int64, POINTER(_source))
_source_destroy = _function(None, "rnn_source_destroy", _source)
_source_size = _function(c_int64, "rnn_source_size", _source)

_vocab_create_from_text = _call("rnn_vocab_create_from_text", _int32, c_char_p, _size, POINTER(_vocab))
_vocab_create_from_file = _call("rnn_vocab_create_from_file", _int32, c_char_p, POINTER(_vocab))
_vocab_create_from_source = _call("rnn_vocab_create_from_source", _int32, _source, POINTER(_vocab))
_vocab_create_from_list = _call("rnn_vocab_create_from_list", _int32, c_char_p, _size, POINTER(_vocab))
_vocab_create_with_unknown = _call("rnn_vocab_create_with_unknown", _vocab, c_char_p, _size, POINTER(_vocab))
_vocab_destroy = _function(None, "rnn_vocab_destroy", _vocab)
_vocab_size = _function(c_int64, "rnn_vocab_size", _vocab)
_vocab_kind = _function(c_int32, "rnn_vocab_kind", _vocab)
_vocab_unknown = _function(c_int32, "rnn_vocab_unknown", _vocab)
_vocab_encode = _call("rnn_vocab_encode", _vocab, c_char_p, _size, c_void_p, _int64, POINTER(c_int64))
_vocab_decode = _call("rnn_vocab_decode", _vocab, c_void_p, _int64, c_char_p, _size, POINTER(c_size_t))
_vocab_symbol = _call("rnn_vocab_symbol", _vocab, _int32, POINTER(c_void_p), POINTER(c_size_t))

_corpus_create_from_text = _call("rnn_corpus_create_from_text", _vocab, c_char_p, _size, _int64, _int64,
                                 POINTER(_corpus))
_corpus_create_from_file = _call("rnn_corpus_create_from_file", _vocab, c_char_p, _int64, _int64, POINTER(_corpus))
_corpus_create_from_source = _call("rnn_corpus_create_from_source", _vocab, _source, _int64, _int64, POINTER(_corpus))
_corpus_split = _call("rnn_corpus_split", _corpus, c_double, POINTER(_corpus))
_corpus_destroy = _function(None, "rnn_corpus_destroy", _corpus)
_corpus_size = _function(c_int64, "rnn_corpus_size", _corpus)
_corpus_chunks = _function(c_int64, "rnn_corpus_chunks", _corpus)
_corpus_next = _call("rnn_corpus_next", _corpus, POINTER(_Chunk), POINTER(c_int32))
_corpus_position = _function(c_int64, "rnn_corpus_position", _corpus)
_corpus_seek = _call("rnn_corpus_seek", _corpus, _int64)
_corpus_rewind = _call("rnn_corpus_rewind", _corpus)

_model_options_init = _call("rnn_model_options_init", POINTER(_ModelOptions), _size)
_model_create = _call("rnn_model_create", POINTER(_ModelOptions), POINTER(_model))
_model_destroy = _function(None, "rnn_model_destroy", _model)
_model_get_options = _call("rnn_model_get_options", _model, POINTER(_ModelOptions))
_model_parameter_count = _function(c_int64, "rnn_model_parameter_count", _model)
_model_parameter = _call("rnn_model_parameter", _model, _int64, POINTER(_Parameter))
_model_find_parameter = _call("rnn_model_find_parameter", _model, c_char_p, POINTER(c_int64))
_model_get_parameter = _call("rnn_model_get_parameter", _model, _int64, c_void_p, _int64)
_model_set_parameter = _call("rnn_model_set_parameter", _model, _int64, c_void_p, _int64)
_model_get_gradient = _call("rnn_model_get_gradient", _model, _int64, c_void_p, _int64)
_model_check_finite = _call("rnn_model_check_finite", _model)
_model_flat_parameters = _call("rnn_model_flat_parameters", _model, POINTER(c_void_p), POINTER(c_int64))
_model_flat_gradients = _call("rnn_model_flat_gradients", _model, POINTER(c_void_p), POINTER(c_int64))
_model_zero_gradients = _call("rnn_model_zero_gradients", _model)
_model_clip_value = _call("rnn_model_clip_value", _model, c_double)
_model_clip_norm = _call("rnn_model_clip_norm", _model, c_double, POINTER(c_double))

_state_create = _call("rnn_state_create", _model, _int64, POINTER(_state))
_state_destroy = _function(None, "rnn_state_destroy", _state)
_state_streams = _function(c_int64, "rnn_state_streams", _state)
_state_reset = _call("rnn_state_reset", _state)
_state_reset_stream = _call("rnn_state_reset_stream", _state, _int64)
_state_copy = _call("rnn_state_copy", _state, _state)
_state_copy_stream = _call("rnn_state_copy_stream", _state, _int64, _state, _int64)
_state_get = _call("rnn_state_get", _state, _int64, _int32, c_void_p, _int64)
_state_set = _call("rnn_state_set", _state, _int64, _int32, c_void_p, _int64)
_state_random_index = _function(c_uint64, "rnn_state_random_index", _state)
_state_set_random_index = _call("rnn_state_set_random_index", _state, _uint64)
_state_observe = _call("rnn_state_observe", _state, _int32)
_state_activations = _call("rnn_state_activations", _state, _int64, c_void_p, _int64)
_state_gradient_norms = _call("rnn_state_gradient_norms", _state, _int64, c_void_p, _int64)

_forward = _call("rnn_forward", _model, _state, POINTER(_Chunk), c_void_p, _int64, POINTER(_Loss))
_forward_backward = _call("rnn_forward_backward", _model, _state, POINTER(_Chunk), POINTER(_Loss))

_optimizer_options_init = _call("rnn_optimizer_options_init", POINTER(_OptimizerOptions), _size, _int32)
_optimizer_create = _call("rnn_optimizer_create", _model, POINTER(_OptimizerOptions), POINTER(_optimizer))
_optimizer_destroy = _function(None, "rnn_optimizer_destroy", _optimizer)
_optimizer_step = _call("rnn_optimizer_step", _optimizer, _model)
_optimizer_learning_rate = _function(c_double, "rnn_optimizer_learning_rate", _optimizer)
_optimizer_set_learning_rate = _call("rnn_optimizer_set_learning_rate", _optimizer, c_double)

_sampler_options_init = _call("rnn_sampler_options_init", POINTER(_SamplerOptions), _size)
_sampler_create = _call("rnn_sampler_create", POINTER(_SamplerOptions), POINTER(_sampler))
_sampler_destroy = _function(None, "rnn_sampler_destroy", _sampler)
_sample = _call("rnn_sample", _model, _state, _sampler, c_void_p, _int64, c_void_p)

_load_options_init = _call("rnn_load_options_init", POINTER(_LoadOptions), _size)
_checkpoint_save = _call("rnn_checkpoint_save", POINTER(_Checkpoint), c_char_p)
_checkpoint_load = _call("rnn_checkpoint_load", c_char_p, POINTER(_Checkpoint))
_model_save = _call("rnn_model_save", _model, _vocab, c_char_p)
_model_save_to_memory = _call("rnn_model_save_to_memory", _model, _vocab, c_char_p, _size, POINTER(c_size_t))
_model_load = _call("rnn_model_load", c_char_p, POINTER(_LoadOptions), POINTER(_model), POINTER(_vocab))
_model_load_from_memory = _call("rnn_model_load_from_memory", c_char_p, _size, POINTER(_LoadOptions),
                                POINTER(_model), POINTER(_vocab))


def version():
    """The library's version, "major.minor.patch"."""
    return _version().decode()


def status_name(status):
    """The header's name of an RnnError's status."""
    return _status_name(status).decode()


def set_threads(threads):
    """Sets how many threads a call may compute with; 0 is the default. Results don't depend on it."""
    _set_threads(threads)


def threads():
    """How many threads a call may compute with."""
    return _threads()


# ---- Arrays: numpy's, or the standard library's ----


def _new(kind, count):
    """A buffer of `count` elements and its address."""
    if numpy is not None:
        buffer = numpy.empty(count, kind)
        return buffer, buffer.ctypes.data
    buffer = array.array(kind, bytes(count * array.array(kind).itemsize))
    return buffer, buffer.buffer_info()[0]


def _taken(kind, values):
    """A copy of the caller's numbers, row-major: a buffer, its address and its length."""
    if numpy is not None:
        given = numpy.asarray(values)
        buffer = numpy.array(given, kind, order="C").reshape(-1)
        if kind == _INT32 and not numpy.array_equal(buffer, given.reshape(-1)):
            raise OverflowError("an id is not a whole number of 32 bits")
        return buffer, buffer.ctypes.data, buffer.size
    buffer = array.array(kind, _flattened(values))
    return buffer, buffer.buffer_info()[0], len(buffer)


def _flattened(values):
    for value in values:
        if hasattr(value, "__iter__"):
            yield from _flattened(value)
        else:
            yield value


def _width(name, vectors):
    """The length of each of the vectors, which stand in a sequence or in nested ones."""
    widths = set()
    if numpy is not None:
        widths.update(numpy.shape(vectors)[1:][-1:])
    else:
        for value in vectors:
            nested = any(hasattr(number, "__iter__") for number in value)
            widths.add(_width(name, value) if nested else len(value))
    if len(widths) != 1 or 0 in widths:
        raise ValueError(f"{name} must be a sequence of vectors, all of one length")
    return widths.pop()


def _shaped(buffer, *shape):
    """The buffer as the caller gets it: an array of that shape, or lists of lists."""
    if numpy is not None:
        return buffer.reshape(shape)
    values = buffer.tolist()
    for length in reversed(shape[1:]):
        values = [values[i:i + length] for i in range(0, len(values), length)]
    return values


# ---- Objects ----


class _Handle:
    """Owns one of the library's objects. Views of its memory hold on to this, so that it goes last."""

    def __init__(self, pointer, destroy):
        self.pointer = pointer
        self._destroy = destroy

    def __del__(self):
        self._destroy(self.pointer)


class _Object:
    _pointer_type = None
    _destroy = None

    def _create(self, create, *arguments):
        pointer = self._pointer_type()
        create(*arguments, byref(pointer))
        self._own(pointer)

    def _own(self, pointer):
        self._handle = _Handle(pointer, self._destroy)

    @property
    def _as_parameter_(self):
        """What ctypes passes to the library: after close() NULL, which the library refuses with a sentence."""
        return self._handle.pointer if self._handle is not None else self._pointer_type()

    def close(self):
        """Releases the object, or when there are views of its memory, lets the last of them release it."""
        self._handle = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def _path(path):
    name = os.fsencode(path)
    if b"\0" in name:
        raise ValueError("a path can't hold a NUL byte")
    return name


class Source(_Object):
    """Where a text comes from: files one behind the other, standard input ("-"), pipes."""

    _pointer_type, _destroy = _source, _source_destroy

    def __init__(self, *paths):
        names = [_path(path) for path in paths]
        self._create(_source_open, (c_char_p * len(names))(*names), len(names))

    def __len__(self):
        """The length in bytes."""
        return _source_size(self)


class Vocab(_Object):
    """The symbols of a text and their ids."""

    _pointer_type, _destroy = _vocab, _vocab_destroy

    def __init__(self, create, *arguments):
        """Use from_text(), from_file(), from_source(), from_list() or with_unknown()."""
        self._create(create, *arguments)

    @classmethod
    def from_text(cls, text, kind=VOCAB_BYTES):
        return cls(_vocab_create_from_text, kind, text, len(text))

    @classmethod
    def from_file(cls, path, kind=VOCAB_BYTES):
        return cls(_vocab_create_from_file, kind, _path(path))

    @classmethod
    def from_source(cls, source, kind=VOCAB_BYTES):
        return cls(_vocab_create_from_source, kind, source)

    @classmethod
    def from_list(cls, symbols, kind=VOCAB_BYTES):
        return cls(_vocab_create_from_list, kind, symbols, len(symbols))

    def with_unknown(self, shown=None):
        """A vocabulary with one symbol more, for all that this one doesn't have, decoded as the bytes `shown`."""
        return Vocab(_vocab_create_with_unknown, self, shown, len(shown or b""))

    def __len__(self):
        return _vocab_size(self)

    @property
    def kind(self):
        return _vocab_kind(self)

    @property
    def unknown(self):
        """The id of the unknown symbol, or -1."""
        return _vocab_unknown(self)

    def encode(self, text):
        """The ids of bytes."""
        ids, address = _new(_INT32, len(text))
        count = c_int64()
        _vocab_encode(self, text, len(text), address, len(text), byref(count))
        return _shaped(ids[:count.value], count.value)

    def decode(self, ids):
        """The bytes of ids."""
        _buffer, address, count = _taken(_INT32, ids)
        size = c_size_t()
        _vocab_decode(self, address, count, None, 0, byref(size))
        text = ctypes.create_string_buffer(max(size.value, 1))
        _vocab_decode(self, address, count, text, size.value, byref(size))
        return text.raw[:size.value]

    def symbol(self, index):
        """The bytes of one symbol."""
        symbol, size = c_void_p(), c_size_t()
        _vocab_symbol(self, index, byref(symbol), byref(size))
        return ctypes.string_at(symbol, size.value)


class _Field:
    """One array of a chunk, a copy: a number for each position or, with a width, a vector of so many numbers."""

    def __init__(self, kind, values, width=None):
        self._kind, self.width = kind, width
        self._taken = {kind: _taken(kind, values)}
        self.count = self._taken[kind][2] // (width or 1)

    def address(self, real):
        """Where the numbers stand: ids and masks as they are, vectors as elements of the type `real`."""
        kind = self._kind if self.width is None else real
        if kind not in self._taken:
            self._taken[kind] = _taken(kind, self._taken[self._kind][0])
        return self._taken[kind][1]

    def shaped(self, *shape):
        return _shaped(self._taken[self._kind][0], *shape, *([] if self.width is None else [self.width]))


class Chunk:
    """T steps of B streams: ids [T][B], given as one sequence or nested; or vectors, given as [T][B][n] or [T * B][n].
    A target vector counts where the mask [T][B] is true, or everywhere if there is none.
    """

    def __init__(self, inputs=None, targets=None, streams=1, *, input_vectors=None, target_vectors=None,
                 target_mask=None):
        if inputs is None and input_vectors is None:
            raise TypeError("a chunk needs inputs or input_vectors")
        self._fields = {}
        for name, ids in (("inputs", inputs), ("targets", targets)):
            if ids is not None:
                self._fields[name] = _Field(_INT32, ids)
        for name, vectors in (("input_vectors", input_vectors), ("target_vectors", target_vectors)):
            if vectors is not None:
                self._fields[name] = _Field(_REAL[FLOAT64], vectors, _width(name, vectors))
        if target_mask is not None:
            self._fields["target_mask"] = _Field(_BYTE, [bool(value) for value in _flattened(target_mask)])
        counts = {name: field.count for name, field in self._fields.items()}
        count = next(iter(counts.values()))
        if set(counts.values()) != {count}:
            raise ValueError("; ".join(f"{name} has {count} positions" for name, count in counts.items()))
        if streams < 1 or count % streams != 0:
            raise ValueError(f"{count} positions can't be divided into {streams} streams")
        self.steps, self.streams = count // streams, streams

    def _struct(self, options):
        """The C struct for a model. C can't see how long a vector is, so that is checked here."""
        struct = _Chunk(sizeof(_Chunk), self.steps, self.streams)
        widths = {"input_vectors": options.input_size, "target_vectors": options.output_size}
        for name, field in self._fields.items():
            if field.width != widths.get(name):
                raise ValueError(f"{name} has vectors of {field.width} numbers; the model's have {widths[name]}")
            setattr(struct, name, field.address(_REAL[options.precision]))
        return struct

    def _shaped(self, name):
        return self._fields[name].shaped(self.steps, self.streams) if name in self._fields else None

    inputs = property(lambda self: self._shaped("inputs"))
    targets = property(lambda self: self._shaped("targets"))
    input_vectors = property(lambda self: self._shaped("input_vectors"))
    target_vectors = property(lambda self: self._shaped("target_vectors"))
    target_mask = property(lambda self: self._shaped("target_mask"))

    @property
    def has_targets(self):
        return "targets" in self._fields or "target_vectors" in self._fields


class Corpus(_Object):
    """A text, encoded as it is read and served chunk after chunk."""

    _pointer_type, _destroy = _corpus, _corpus_destroy

    def __init__(self, create, *arguments):
        """Use from_text(), from_file(), from_source() or split()."""
        self._create(create, *arguments)

    @classmethod
    def from_text(cls, vocab, text, steps, streams=1):
        return cls(_corpus_create_from_text, vocab, text, len(text), steps, streams)

    @classmethod
    def from_file(cls, vocab, path, steps, streams=1):
        return cls(_corpus_create_from_file, vocab, _path(path), steps, streams)

    @classmethod
    def from_source(cls, vocab, source, steps, streams=1):
        return cls(_corpus_create_from_source, vocab, source, steps, streams)

    def split(self, share):
        """Moves the last `share` of the symbols into a new corpus."""
        return type(self)(_corpus_split, self, share)

    def next(self):
        """The next chunk, a copy, and whether it is the first of the text: the moment to reset the state."""
        chunk, restarted = _Chunk.sized(), c_int32()
        _corpus_next(self, byref(chunk), byref(restarted))
        ids = (c_int32 * (chunk.steps * chunk.streams)).from_address
        return Chunk(ids(chunk.inputs), ids(chunk.targets), chunk.streams), bool(restarted.value)

    def rewind(self):
        _corpus_rewind(self)

    def seek(self, position):
        """Goes to a position that a corpus of the same text and shape had."""
        _corpus_seek(self, position)

    def __len__(self):
        return _corpus_size(self)

    @property
    def chunks(self):
        return _corpus_chunks(self)

    @property
    def position(self):
        return _corpus_position(self)


class Model(_Object):
    """A network and its parameters. Options are the fields of rnn_model_options; the rest take the library's defaults.

    parameter(), set_parameter() and gradient() copy. The views, which need numpy, show the model's own memory, as it
    changes; they are read-only, and valid even after close().
    """

    _pointer_type, _destroy = _model, _model_destroy

    def __init__(self, **options):
        self._create(_model_create, byref(_ModelOptions.filled(_model_options_init, options)))
        self._read_options()

    def _read_options(self):
        self._options = _ModelOptions.sized()
        _model_get_options(self, byref(self._options))

    @classmethod
    def load(cls, path, **options):
        """A model from a file, and the vocabulary that was saved with it, or None. Options are the fields of
        rnn_load_options, the configuration being a dictionary of a model's options.
        """
        return cls._loaded(_model_load, [_path(path)], **options)

    @classmethod
    def from_bytes(cls, data, **options):
        """The same from the bytes of a file."""
        return cls._loaded(_model_load_from_memory, [data, len(data)], **options)

    @classmethod
    def _loaded(cls, load, arguments, configuration=None, **options):
        names = {name: options.pop(name) for name in ("rnn_name", "decoder_name", "embedding_name") if name in options}
        filled = _LoadOptions.filled(_load_options_init, options)
        for name, value in names.items():
            setattr(filled, name, value.encode())
        if configuration is not None:
            given = _ModelOptions.filled(_model_options_init, configuration)
            filled.configuration = ctypes.pointer(given)
        model, vocab = _model(), _vocab()
        load(*arguments, byref(filled), byref(model), byref(vocab))
        result, its_vocab = cls.__new__(cls), Vocab.__new__(Vocab) if vocab else None
        result._own(model)
        result._read_options()
        if its_vocab is not None:
            its_vocab._own(vocab)
        return result, its_vocab

    def save(self, path, vocab=None):
        """Saves the model, and the vocabulary with it, to a file, which is replaced as a whole."""
        _model_save(self, vocab, _path(path))

    def to_bytes(self, vocab=None):
        """What save() writes."""
        size = c_size_t()
        _model_save_to_memory(self, vocab, None, 0, byref(size))
        data = ctypes.create_string_buffer(size.value)
        _model_save_to_memory(self, vocab, data, size.value, byref(size))
        return data.raw

    def check_finite(self):
        """Raises an RnnError when a parameter is NaN or infinite."""
        _model_check_finite(self)

    @property
    def options(self):
        return {name: getattr(self._options, name) for name, _ in _ModelOptions._fields_
                if name not in ("struct_size", "reserved")}

    @property
    def parameter_names(self):
        return [self._describe(index).name.decode() for index in range(_model_parameter_count(self))]

    def _describe(self, index):
        parameter = _Parameter.sized()
        _model_parameter(self, index, byref(parameter))
        return parameter

    def _find(self, name):
        index = c_int64()
        _model_find_parameter(self, name.encode(), byref(index))
        return index.value, self._describe(index.value)

    def _copied(self, get, name):
        index, parameter = self._find(name)
        values, address = _new(_REAL[parameter.precision], parameter.count)
        get(self, index, address, parameter.count)
        return _shaped(values, *parameter.shape[:parameter.rank])

    def parameter(self, name):
        """A copy of a parameter's values."""
        return self._copied(_model_get_parameter, name)

    def gradient(self, name):
        """A copy of a parameter's gradient."""
        return self._copied(_model_get_gradient, name)

    def set_parameter(self, name, values):
        index, parameter = self._find(name)
        _buffer, address, count = _taken(_REAL[parameter.precision], values)
        _model_set_parameter(self, index, address, count)

    def _memory(self, kind, address, count):
        """The library's memory as a ctypes array that keeps the model alive."""
        memory = ((ctypes.c_float if kind == "f" else c_double) * count).from_address(address)
        memory.owner = self._handle
        return memory

    def _view(self, parameter, address):
        if numpy is None:
            raise RuntimeError("a view needs numpy")
        if address is None:
            return None
        rank, kind = parameter.rank, _REAL[parameter.precision]
        memory = self._memory(kind, address, parameter.count)
        strides = [stride * numpy.dtype(kind).itemsize for stride in parameter.strides[:rank]]
        view = numpy.ndarray(parameter.shape[:rank], kind, memory, strides=strides)
        view.flags.writeable = False
        return view

    def parameter_view(self, name):
        """A parameter's values where they are."""
        _, parameter = self._find(name)
        return self._view(parameter, parameter.values)

    def gradient_view(self, name):
        """A parameter's gradient where it is; None before there are gradients."""
        _, parameter = self._find(name)
        return self._view(parameter, parameter.gradient)

    def flat_parameters(self):
        """All parameters as one read-only memoryview."""
        return self._flat(_model_flat_parameters).toreadonly()

    def flat_gradients(self):
        """All gradients as one memoryview, which may be written to."""
        return self._flat(_model_flat_gradients)

    def _flat(self, get):
        address, count = c_void_p(), c_int64()
        get(self, byref(address), byref(count))
        kind = _REAL[self._options.precision]
        return memoryview(self._memory(kind, address.value, count.value)).cast("B").cast(kind)

    def zero_gradients(self):
        _model_zero_gradients(self)

    def clip_value(self, limit):
        _model_clip_value(self, limit)

    def clip_norm(self, limit):
        """Scales the gradients down to a norm of at most `limit`; returns the norm that they had."""
        norm = c_double()
        _model_clip_norm(self, limit, byref(norm))
        return norm.value

    def forward(self, state, chunk):
        """Runs over a chunk; returns the outputs [T][B][O] and, if the chunk has targets, the loss, else None."""
        shape = chunk.steps, chunk.streams, self._options.output_size
        count = shape[0] * shape[1] * shape[2]
        outputs, address = _new(_REAL[self._options.precision], count)
        loss = _Loss() if chunk.has_targets else None
        _forward(self, state, byref(chunk._struct(self._options)), address, count, loss and byref(loss))
        state._steps = chunk.steps
        return _shaped(outputs, *shape), loss and Loss(loss.sum, loss.count)

    def forward_backward(self, state, chunk):
        """Runs over a chunk, forward and back; adds to the gradients and returns the loss."""
        loss = _Loss()
        _forward_backward(self, state, byref(chunk._struct(self._options)), byref(loss))
        state._steps = chunk.steps
        return Loss(loss.sum, loss.count)

    def sample(self, state, sampler, first, n):
        """Draws n symbols after each stream's `first`: ids [n][B]."""
        streams = state.streams
        _first, first_address, count = _taken(_INT32, first)
        if count != streams:
            raise ValueError(f"{count} first symbols for {streams} streams")
        ids, address = _new(_INT32, max(n, 0) * streams)
        _sample(self, state, sampler, first_address, n, address)
        return _shaped(ids, n, streams)


class State(_Object):
    """What a model remembers from chunk to chunk, for B streams."""

    _pointer_type, _destroy = _state, _state_destroy

    def __init__(self, model, streams=1):
        self._create(_state_create, model, streams)
        self._know(model)

    def _know(self, model):
        self._kind, self._hidden_size = _REAL[model._options.precision], model._options.hidden_size
        self._steps = 1  # of the last chunk

    @property
    def streams(self):
        return _state_streams(self)

    def reset(self, stream=None):
        """Sets all streams to zeros, or one."""
        if stream is None:
            _state_reset(self)
        else:
            _state_reset_stream(self, stream)

    def copy_from(self, source):
        _state_copy(self, source)

    def copy_stream_from(self, stream, source, source_stream):
        _state_copy_stream(self, stream, source, source_stream)

    def get(self, layer=0, what=STATE_HIDDEN):
        """A copy of a layer's values, [B][H]."""
        shape = self.streams, self._hidden_size
        values, address = _new(self._kind, shape[0] * shape[1])
        _state_get(self, layer, what, address, shape[0] * shape[1])
        return _shaped(values, *shape)

    def set(self, values, layer=0, what=STATE_HIDDEN):
        _buffer, address, count = _taken(self._kind, values)
        _state_set(self, layer, what, address, count)

    @property
    def random_index(self):
        """Which dropout mask comes next."""
        return _state_random_index(self)

    @random_index.setter
    def random_index(self, value):
        _state_set_random_index(self, value)

    def observe(self, what):
        """Chooses what the next chunks leave behind: a sum of OBSERVE_ values."""
        _state_observe(self, what)

    def activations(self, layer=0):
        """h of a layer in the last chunk, [T][B][H]."""
        shape = self._steps, self.streams, self._hidden_size
        count = shape[0] * shape[1] * shape[2]
        values, address = _new(self._kind, count)
        _state_activations(self, layer, address, count)
        return _shaped(values, *shape)

    def gradient_norms(self, layer=0):
        """How strongly the loss of the last chunk depends on a layer's h at each step, [T]."""
        norms, address = _new(_REAL[FLOAT64], self._steps)
        _state_gradient_norms(self, layer, address, self._steps)
        return _shaped(norms, self._steps)


class Optimizer(_Object):
    """A rule of update and what it has accumulated. Options are the fields of rnn_optimizer_options; the rest take the
    rule's usual settings.
    """

    _pointer_type, _destroy = _optimizer, _optimizer_destroy

    def __init__(self, model, rule=OPTIMIZER_ADAGRAD, **options):
        filled = _OptimizerOptions.filled(_optimizer_options_init, options, rule)
        self._create(_optimizer_create, model, byref(filled))

    def step(self, model):
        """Updates the model's parameters by its gradients, then sets the gradients to zero."""
        _optimizer_step(self, model)

    @property
    def learning_rate(self):
        return _optimizer_learning_rate(self)

    @learning_rate.setter
    def learning_rate(self, value):
        _optimizer_set_learning_rate(self, value)


class Sampler(_Object):
    """A reproducible way of drawing symbols. Options are the fields of rnn_sampler_options."""

    _pointer_type, _destroy = _sampler, _sampler_destroy

    def __init__(self, **options):
        self._create(_sampler_create, byref(_SamplerOptions.filled(_sampler_options_init, options)))


class Checkpoint(NamedTuple):
    """What load_checkpoint() has found: None for the objects that the file doesn't hold."""

    model: Model
    optimizer: Optimizer
    state: State
    sampler: Sampler
    vocab: Vocab
    corpus_position: int
    counters: tuple
    values: tuple


def save_checkpoint(path, model, optimizer=None, state=None, sampler=None, vocab=None, *, corpus_position=0,
                    counters=(), values=()):
    """Saves a run of training to a file, which is replaced as a whole. There is room for eight counters, whole numbers,
    and eight values, floats.
    """
    struct = _Checkpoint.sized()
    objects = {"model": model, "optimizer": optimizer, "state": state, "sampler": sampler, "vocab": vocab}
    for name, kind in _CHECKPOINT_OBJECTS.items():
        if objects[name] is not None:
            if not isinstance(objects[name], kind):
                raise TypeError(f"{name} is a {type(objects[name]).__name__}; it must be a {kind.__name__}")
            if objects[name]._handle is None:
                raise ValueError(f"{name} is closed")
            setattr(struct, name, ctypes.cast(objects[name]._as_parameter_, c_void_p))
    struct.corpus_position = _fit(c_int64, corpus_position)
    if len(counters) > 8 or len(values) > 8:
        raise ValueError(f"{len(counters)} counters and {len(values)} values; a checkpoint has room for 8 of each")
    for index, counter in enumerate(counters):
        struct.counters[index] = _fit(c_int64, counter).value
    struct.values[:len(values)] = values
    _checkpoint_save(byref(struct), _path(path))


def load_checkpoint(path):
    """A run of training from a file: a Checkpoint of new objects."""
    struct = _Checkpoint.sized()
    _checkpoint_load(_path(path), byref(struct))
    found = {}
    for name, kind in _CHECKPOINT_OBJECTS.items():
        address = getattr(struct, name)
        found[name] = kind.__new__(kind) if address else None
        if address:
            found[name]._own(ctypes.cast(address, kind._pointer_type))
    found["model"]._read_options()
    if found["state"]:
        found["state"]._know(found["model"])
    return Checkpoint(**found, corpus_position=struct.corpus_position, counters=tuple(struct.counters),
                      values=tuple(struct.values))


_CHECKPOINT_OBJECTS = {"model": Model, "optimizer": Optimizer, "state": State, "sampler": Sampler, "vocab": Vocab}
