"""The bytes of librnn's files, read by nothing but json and struct: LIBRNN=path/to/librnn.so python3 test_files.py"""

import itertools
import json
import pathlib
import struct
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "ffi" / "python"))
import librnn as rnn  # noqa: E402


def flat(values):
    return [number for value in values for number in flat(value)] if hasattr(values, "__iter__") else [values]


class Tests(unittest.TestCase):
    def read(self, data):
        """The metadata, and each tensor's numbers and shape in the order of their bytes."""
        length, = struct.unpack_from("<Q", data)
        header = data[8:8 + length]
        self.assertEqual(length % 8, 0)
        self.assertEqual(header[:1], b"{")
        self.assertEqual(header.rstrip(b" ")[-1:], b"}")
        entries = json.loads(header.decode("utf-8"))
        metadata, tensors, position = entries.pop("__metadata__"), {}, 0
        for name, entry in entries.items():
            self.assertEqual(set(entry), {"dtype", "shape", "data_offsets"})
            begin, end = entry["data_offsets"]
            count = 1
            for extent in entry["shape"]:
                count *= extent
            kind = {"F32": "f", "F64": "d"}[entry["dtype"]]
            self.assertEqual(begin, position)
            self.assertEqual(end - begin, count * struct.calcsize(kind))
            tensors[name] = struct.unpack_from(f"<{count}{kind}", data, 8 + length + begin), entry["shape"]
            position = end
        self.assertEqual(8 + length + position, len(data))
        return metadata, tensors

    def test_files_hold_the_parameters_in_the_shapes_of_pytorch(self):
        cells = {rnn.CELL_TANH: 1, rnn.CELL_GRU: 3, rnn.CELL_LSTM: 4}
        for (cell, gates), tied, bias, precision in itertools.product(cells.items(), (0, 1, None), (0, 1), (0, 1)):
            options = {} if tied is None else {"input": rnn.INPUT_EMBEDDING, "embedding_size": 4, "tied": tied}
            model = rnn.Model(cell=cell, bias=bias, precision=precision, layers=2, input_size=5, hidden_size=4,
                              output_size=5, initialization=rnn.INIT_UNIFORM, **options)
            metadata, tensors = self.read(model.to_bytes())
            names = [f"rnn.{kind}_l{layer}" for layer in (0, 1)
                     for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")] + ["decoder.bias"]
            names += ["decoder.weight"] if not tied else []
            names += ["embedding.weight"] if tied is not None else []
            self.assertEqual(set(tensors), set(names))
            for name, (values, shape) in tensors.items():
                if name in model.parameter_names:
                    self.assertEqual(list(values), flat(model.parameter(name)), name)
                else:
                    self.assertEqual(name[:11], "rnn.bias_hh")
                    self.assertEqual(set(values), {0.0})
                if name == "rnn.weight_ih_l0":
                    self.assertEqual(shape, [gates * 4, 5 if tied is None else 4])
                elif "bias_" in name:
                    self.assertEqual(shape, [gates * 4])
            self.assertEqual(metadata["format"], "pt")
            self.assertEqual(metadata["librnn.format"], "1")
            self.assertEqual(metadata["librnn.version"], rnn.version())
            self.assertEqual(metadata["librnn.cell"], {0: "tanh", 1: "gru", 2: "lstm"}[cell])

    def test_metadata_hold_the_vocabulary(self):
        symbols = b"z\x00\xffa\n"
        model = rnn.Model(input_size=5, output_size=5, hidden_size=3)
        metadata, _ = self.read(model.to_bytes(rnn.Vocab.from_list(symbols)))
        self.assertEqual(metadata["librnn.vocab.kind"], "bytes")
        self.assertEqual(bytes.fromhex(metadata["librnn.vocab.symbols"]), symbols)
        self.assertEqual(metadata["librnn.vocab.symbols"], symbols.hex())

    def test_a_file_written_elsewhere_loads(self):
        """Other spaces, order of keys, escapes and addresses than librnn's own."""
        model = rnn.Model(input_size=3, output_size=3, hidden_size=2, initialization=rnn.INIT_UNIFORM)
        metadata, tensors = self.read(model.to_bytes())
        header, data = {}, b""
        for name, (values, shape) in reversed(tensors.items()):
            begin, data = len(data), data + struct.pack(f"<{len(values)}f", *values)
            header[name] = {"data_offsets": [begin, len(data)], "shape": shape, "dtype": "F32"}
        header["__metadata__"] = {**metadata, "by": "somebody \u00e9\U0001f600"}
        for indent, ascii_only in itertools.product((None, 3), (False, True)):
            text = json.dumps(header, indent=indent, ensure_ascii=ascii_only).encode()
            text += b" " * (8 - len(text) % 8 + 3)
            loaded, _ = rnn.Model.from_bytes(struct.pack("<Q", len(text)) + text + data)
            self.assertEqual(bytes(loaded.flat_parameters()), bytes(model.flat_parameters()))


if __name__ == "__main__":
    unittest.main()
