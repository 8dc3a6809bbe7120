"""Files between librnn and PyTorch, both ways: LIBRNN=path/to/librnn.so python3 test_torch_files.py"""

import itertools
import pathlib
import sys
import tempfile
import unittest

import torch
from torch import nn
from torch.nn import functional

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "ffi" / "python"))
import librnn as rnn  # noqa: E402
from pytorch import read_safetensors, write_safetensors  # noqa: E402

SYMBOLS, FEATURES, HIDDEN, EMBEDDING, STEPS, STREAMS = 7, 3, 6, 4, 9, 2
CELLS = {rnn.CELL_TANH: nn.RNN, rnn.CELL_GRU: nn.GRU, rnn.CELL_LSTM: nn.LSTM}
TYPES = {rnn.FLOAT32: torch.float32, rnn.FLOAT64: torch.float64}


class Network(nn.Module):
    """What `options` say, in PyTorch."""

    def __init__(self, options, bias=True):
        super().__init__()
        width = options["embedding_size"] if options["input"] == rnn.INPUT_EMBEDDING else options["input_size"]
        self.options = options
        if options["input"] == rnn.INPUT_EMBEDDING:
            self.embedding = nn.Embedding(SYMBOLS, width)
        both = bool(options["bidirectional"])
        self.rnn = CELLS[options["cell"]](width, HIDDEN, options["layers"], bias=bias, bidirectional=both)
        self.decoder = nn.Linear(HIDDEN * (1 + both), options["output_size"], bias=bias)
        if options["tied"]:
            self.decoder.weight = self.embedding.weight
        self.to(TYPES[options["precision"]])

    def forward(self, given):
        kind = self.options["input"]
        vectors = (self.embedding(given) if kind == rnn.INPUT_EMBEDDING
                   else functional.one_hot(given, SYMBOLS) if kind == rnn.INPUT_IDS else given)
        return self.decoder(self.rnn(vectors.to(TYPES[self.options["precision"]]))[0])


def all_options():
    inputs = ({"input": rnn.INPUT_IDS}, {"input": rnn.INPUT_EMBEDDING, "embedding_size": EMBEDDING},
              {"input": rnn.INPUT_EMBEDDING, "embedding_size": HIDDEN, "tied": 1},
              {"input": rnn.INPUT_VECTORS, "input_size": FEATURES})
    for cell, kind, layers, precision, both in itertools.product(CELLS, inputs, (1, 2), TYPES, (0, 1)):
        options = {"cell": cell, "layers": layers, "precision": precision, "input_size": SYMBOLS, "hidden_size": HIDDEN,
                   "output_size": SYMBOLS, "embedding_size": 0, "tied": 0, "initialization": rnn.INIT_UNIFORM,
                   "bidirectional": both, **kind}
        if options["tied"] and both:
            options["embedding_size"] = 2 * HIDDEN
        yield options


class Tests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "model.safetensors"
        torch.manual_seed(1)

    def assert_same_outputs(self, network, model):
        options = model.options
        if options["input"] == rnn.INPUT_VECTORS:
            given = torch.randn(STEPS, STREAMS, FEATURES, dtype=TYPES[options["precision"]])
            chunk = rnn.Chunk(input_vectors=given.numpy(), streams=STREAMS)
        else:
            given = torch.randint(SYMBOLS, (STEPS, STREAMS))
            chunk = rnn.Chunk(given.numpy(), streams=STREAMS)
        outputs, _ = model.forward(rnn.State(model, STREAMS), chunk)
        with torch.no_grad():
            expected = network(given).numpy()
        limit = {rnn.FLOAT32: 2e-6, rnn.FLOAT64: 1e-13}[options["precision"]]
        self.assertLess(abs(outputs - expected).max() / abs(expected).max(), limit, options)

    def test_what_librnn_saves_pytorch_loads_without_a_missing_or_unknown_name(self):
        for options, bias in itertools.product(all_options(), (rnn.BIAS_INPUT, rnn.BIAS_BOTH)):
            model = rnn.Model(**options, bias=bias, seed=3)
            model.save(self.path)
            state = {name: torch.tensor(values) for name, values in read_safetensors(self.path)[0].items()}
            network = Network(options)
            if options["tied"]:
                state["decoder.weight"] = state["embedding.weight"]  # as safetensors' own loaders do
            network.load_state_dict(state, strict=True)
            self.assert_same_outputs(network, model)

    def test_what_pytorch_saves_librnn_loads(self):
        for options, bias in itertools.product(all_options(), (False, True)):
            network = Network(options, bias)
            write_safetensors(self.path, {name: t.numpy() for name, t in network.state_dict().items()})
            for of_model in (rnn.BIAS_INPUT, rnn.BIAS_BOTH):
                configuration = {**options, "bias": of_model}
                if bias and of_model == rnn.BIAS_INPUT and options["cell"] == rnn.CELL_GRU:
                    with self.assertRaisesRegex(rnn.RnnError, "unless bias is RNN_BIAS_BOTH"):
                        rnn.Model.load(self.path, configuration=configuration)
                    continue
                model, vocab = rnn.Model.load(self.path, configuration=configuration)
                self.assertIsNone(vocab)
                self.assertEqual(model.options["precision"], options["precision"])
                self.assert_same_outputs(network, model)

    def test_what_pytorch_saves_tells_what_it_is(self):
        for options, bias in itertools.product(all_options(), (False, True)):
            network = Network(options, bias)
            tensors = {name: t.numpy() for name, t in network.state_dict().items()}
            for twin in ("embedding.weight", "decoder.weight") if options["tied"] else (None,):
                write_safetensors(self.path, {name: values for name, values in tensors.items() if name != twin})
                given = {"configuration": {"input": options["input"]}, "infer": True}
                if options["input"] == rnn.INPUT_EMBEDDING and twin != "embedding.weight":
                    given = {}
                model, _ = rnn.Model.load(self.path, **given)
                wanted = {**options, "bias": rnn.BIAS_BOTH if bias else rnn.BIAS_INPUT}
                for name in ("cell", "input", "layers", "input_size", "hidden_size", "output_size", "embedding_size",
                             "tied", "bias", "bidirectional", "precision"):
                    self.assertEqual(model.options[name], wanted[name], (name, wanted))
                self.assert_same_outputs(network, model)

    def test_half_precision_becomes_float32(self):
        for options in all_options():
            if options["precision"] == rnn.FLOAT64:
                continue
            for half in (torch.float16, torch.bfloat16):
                network = Network(options).to(half)
                bits = {name: t.view(torch.int16).numpy().view("u2") if half == torch.bfloat16 else t.numpy()
                        for name, t in network.state_dict().items()}
                write_safetensors(self.path, bits)
                model, _ = rnn.Model.load(self.path, configuration={**options, "bias": rnn.BIAS_BOTH})
                self.assertEqual(model.options["precision"], rnn.FLOAT32)
                self.assert_same_outputs(network.float(), model)

    def test_modules_have_the_names_that_they_are_saved_under(self):
        model = rnn.Model(cell=rnn.CELL_GRU, input_size=SYMBOLS, hidden_size=HIDDEN, output_size=SYMBOLS, layers=2,
                          initialization=rnn.INIT_UNIFORM)
        model.save(self.path, rnn_name="encoder.gru", decoder_name="head")
        network = nn.ModuleDict({"encoder": nn.ModuleDict({"gru": nn.GRU(SYMBOLS, HIDDEN, 2)}),
                                 "head": nn.Linear(HIDDEN, SYMBOLS)})
        network.load_state_dict({name: torch.tensor(values) for name, values in
                                 read_safetensors(self.path)[0].items()}, strict=True)

    def test_what_a_configuration_or_librnn_has_not_is_refused_by_name(self):
        for options, part in (({"bidirectional": True}, "but bidirectional is 0 in the configuration"), ({"proj_size": 2}, "projections")):
            network = nn.ModuleDict({"rnn": nn.LSTM(3, 4, **options), "decoder": nn.Linear(4, 3)})
            write_safetensors(self.path, {name: t.numpy() for name, t in network.state_dict().items()})
            with self.assertRaisesRegex(rnn.RnnError, part) as caught:
                rnn.Model.load(self.path, configuration={"cell": rnn.CELL_LSTM, "input_size": 3, "hidden_size": 4,
                                                         "output_size": 3})
            self.assertEqual(caught.exception.status, rnn.RnnError.FORMAT)


if __name__ == "__main__":
    unittest.main()
