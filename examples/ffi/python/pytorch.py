"""Models between PyTorch and librnn, both ways: LIBRNN=path/to/librnn.so python3 pytorch.py

Trains nothing: it shows how weights go from one to the other, and that both then compute the same. Where the package
`safetensors` is installed, its load_file() and save_file() do what the two functions here do; they also show how little
there is to the files.
"""

import json
import pathlib
import struct
import sys
import tempfile

import numpy

# numpy has no bfloat16: of these numbers there are the bits.
TYPES = {"F32": numpy.dtype("<f4"), "F64": numpy.dtype("<f8"), "F16": numpy.dtype("<f2"), "BF16": numpy.dtype("<u2")}


def read_safetensors(path):
    """The tensors of a file as a dictionary of numpy arrays, and its metadata."""
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
    """Writes such a dictionary."""
    header, data = {"__metadata__": {"format": "pt", **(metadata or {})}}, b""
    for name, values in tensors.items():
        kind = next(kind for kind, dtype in TYPES.items() if dtype == values.dtype)
        begin, data = len(data), data + numpy.ascontiguousarray(values, TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    import torch
    from torch import nn

    import rnn

    class Network(nn.Module):
        """What a model of librnn is in PyTorch: these modules, by these names. For ids, one-hot vectors go in."""

        def __init__(self, input_size, hidden_size, output_size):
            super().__init__()
            self.rnn = nn.LSTM(input_size, hidden_size)
            self.decoder = nn.Linear(hidden_size, output_size)

        def forward(self, inputs):
            return self.decoder(self.rnn(inputs)[0])

    def difference(network, model, ids):
        """The largest between the outputs of the two, over ids [T][B]."""
        inputs = nn.functional.one_hot(torch.tensor(ids), model.options["input_size"]).float()
        with torch.no_grad():
            expected = network(inputs).numpy()
        outputs, _ = model.forward(rnn.State(model, streams=len(ids[0])), rnn.Chunk(ids, streams=len(ids[0])))
        return abs(outputs - expected).max()

    ids = [[0, 3], [1, 2], [4, 4], [2, 0]]
    differences = []
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "model.safetensors"

        # From PyTorch to librnn: shapes tell all of the model, but that the columns of layer 0 are those of symbols.
        network = Network(5, 8, 5)
        write_safetensors(path, {name: tensor.numpy() for name, tensor in network.state_dict().items()})
        model, _ = rnn.Model.load(path, configuration={"input": rnn.INPUT_IDS}, infer=True)
        differences.append(difference(network, model, ids))
        print(f"from PyTorch to librnn: outputs differ by at most {differences[-1]:.1g}")

        # From librnn to PyTorch: the file's names are state_dict()'s.
        model = rnn.Model(cell=rnn.CELL_LSTM, input_size=5, hidden_size=8, output_size=5, seed=1,
                          initialization=rnn.INIT_UNIFORM)
        model.save(path)
        tensors, _ = read_safetensors(path)
        network = Network(5, 8, 5)
        network.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
        differences.append(difference(network, model, ids))
        print(f"from librnn to PyTorch: outputs differ by at most {differences[-1]:.1g}")
    if max(differences) > 1e-5:
        sys.exit("pytorch.py: that is too much")


if __name__ == "__main__":
    main()
