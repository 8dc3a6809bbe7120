"""Reads and writes files of tensors (safetensors) with numpy.

If the package `safetensors` is installed, its load_file() and save_file() do the same. These functions also show how
simple the files are.
"""

import json
import pathlib
import struct

import numpy

# numpy has no bfloat16, so these arrays hold the bits.
TYPES = {"F32": numpy.dtype("<f4"), "F64": numpy.dtype("<f8"), "F16": numpy.dtype("<f2"), "BF16": numpy.dtype("<u2")}


def read_safetensors(path):
    """Returns the tensors of a file as a dictionary of numpy arrays, and its metadata."""
    data = pathlib.Path(path).read_bytes()
    length, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = numpy.frombuffer(data[begin:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata=None):
    """Writes a dictionary of numpy arrays to a file."""
    header, data = {"__metadata__": {"format": "pt", **(metadata or {})}}, b""
    for name, values in tensors.items():
        kind = next(kind for kind, dtype in TYPES.items() if dtype == values.dtype)
        begin, data = len(data), data + numpy.ascontiguousarray(values, TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)
