"""Streams of unequal length, both directions and losses of one's own against PyTorch's packed sequences, in float64.

LIBRNN=path/to/librnn.so python3 tests/ffi/test_torch_ragged.py
"""

import itertools
import pathlib
import sys
import unittest

import numpy
import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "ffi" / "python"))

import librnn as rnn  # noqa: E402

STEPS, STREAMS, INPUTS, HIDDEN, OUTPUTS = 7, 4, 3, 5, 2
LENGTHS = [7, 2, 5, 1]
TOLERANCE = 1e-10
CELLS = {rnn.CELL_TANH: torch.nn.RNN, rnn.CELL_GRU: torch.nn.GRU, rnn.CELL_LSTM: torch.nn.LSTM}


def random(seed, *shape):
    return numpy.random.RandomState(seed).standard_normal(shape)


def create(cell, layers, bidirectional):
    """The same network here and there."""
    model = rnn.Model(input_size=INPUTS, hidden_size=HIDDEN, output_size=OUTPUTS, layers=layers, cell=cell,
                      input=rnn.INPUT_VECTORS, loss=rnn.LOSS_SQUARED_ERROR, bias=rnn.BIAS_BOTH, precision=rnn.FLOAT64,
                      initialization=rnn.INIT_UNIFORM, bidirectional=bidirectional, seed=3)
    modules = torch.nn.ModuleDict({"rnn": CELLS[cell](INPUTS, HIDDEN, layers, bidirectional=bidirectional),
                                   "decoder": torch.nn.Linear(HIDDEN * (1 + bidirectional), OUTPUTS)})
    modules.double().load_state_dict({name: torch.tensor(model.parameter(name)) for name in model.parameter_names})
    return model, modules


def run_torch(modules, inputs, of_outputs, of_state):
    """Outputs, state and gradients of a loss that is linear in the outputs up to each stream's end and in the state."""
    inputs = torch.tensor(inputs, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False)
    hidden, state = modules["rnn"](packed)
    hidden, _ = torch.nn.utils.rnn.pad_packed_sequence(hidden, total_length=STEPS)
    there = torch.tensor([[t < length for length in LENGTHS] for t in range(STEPS)])[:, :, None]
    outputs = modules["decoder"](hidden) * there
    state = torch.stack(state if isinstance(state, tuple) else (state,))
    ((outputs * torch.tensor(of_outputs)).sum() + (state * torch.tensor(of_state)).sum()).backward()
    gradients = {name: parameter.grad.numpy() for name, parameter in modules.named_parameters()}
    return outputs.detach().numpy(), state.detach().numpy(), inputs.grad.numpy(), gradients


class Ragged(unittest.TestCase):
    def assert_close(self, actual, expected, what):
        self.assertLess(abs(actual - expected).max(), TOLERANCE, what)

    def test_outputs_states_and_gradients_are_those_of_packed_sequences(self):
        for cell, layers, bidirectional in itertools.product(CELLS, (1, 2, 3), (False, True)):
            model, modules = create(cell, layers, bidirectional)
            parts = 2 if cell == rnn.CELL_LSTM else 1
            inputs, of_outputs = random(1, STEPS, STREAMS, INPUTS), random(2, STEPS, STREAMS, OUTPUTS)
            of_state = random(3, parts, layers * (1 + bidirectional), STREAMS, HIDDEN)
            outputs, values, of_inputs, gradients = run_torch(modules, inputs, of_outputs, of_state)

            state = rnn.State(model, STREAMS)
            chunk = rnn.Chunk(input_vectors=inputs, streams=STREAMS, lengths=LENGTHS)
            self.assert_close(model.forward_training(state, chunk), outputs, "outputs")
            self.assert_close(state.get_all(), values, "state")
            self.assert_close(model.backward(state, of_outputs, of_state)[0], of_inputs, "input vectors")
            for name in model.parameter_names:
                self.assert_close(model.gradient(name), gradients[name], name)


def normalised(products, gain):
    """Of one group: the gain times what has mean 0 and variance 1."""
    centred = products - products.mean(-1, keepdim=True)
    return gain * centred / torch.sqrt((centred ** 2).mean(-1, keepdim=True) + 1e-5)


def plain_step(cell, p, x, h, c):
    """A step of a layer with layer normalisation, of plain operations."""
    size = h.shape[-1]
    u, v = x @ p["weight_ih_l0"].T, h @ p["weight_hh_l0"].T
    groups = [slice(0, 2 * size), slice(2 * size, None)] if cell == rnn.CELL_GRU else [slice(None)]
    u = torch.cat([normalised(u[:, g], p["norm_ih_l0"][g]) for g in groups], -1) + p["bias_ih_l0"]
    v = torch.cat([normalised(v[:, g], p["norm_hh_l0"][g]) for g in groups], -1) + p["bias_hh_l0"]
    if cell == rnn.CELL_TANH:
        return torch.tanh(u + v), c
    if cell == rnn.CELL_GRU:
        r, z = torch.sigmoid(u + v)[:, :size], torch.sigmoid(u + v)[:, size:2 * size]
        return (1 - z) * torch.tanh(u[:, 2 * size:] + r * v[:, 2 * size:]) + z * h, c
    i, f, g, o = (u + v).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class Normalised(unittest.TestCase):
    def test_layer_normalisation_is_that_of_plain_operations(self):
        for cell in CELLS:
            model = rnn.Model(input_size=INPUTS, hidden_size=HIDDEN, output_size=OUTPUTS, cell=cell, layer_norm=True,
                              input=rnn.INPUT_VECTORS, loss=rnn.LOSS_SQUARED_ERROR, bias=rnn.BIAS_BOTH,
                              precision=rnn.FLOAT64, initialization=rnn.INIT_UNIFORM, seed=3)
            for name in ("rnn.norm_ih_l0", "rnn.norm_hh_l0"):
                model.set_parameter(name, 1 + 0.3 * random(5, *model.parameter(name).shape))
            p = {name: torch.tensor(model.parameter(name), requires_grad=True) for name in model.parameter_names}
            layer = {name[4:]: value for name, value in p.items() if name.startswith("rnn.")}
            inputs, of_outputs = random(1, STEPS, STREAMS, INPUTS), random(2, STEPS, STREAMS, OUTPUTS)
            h = c = torch.zeros(STREAMS, HIDDEN, dtype=torch.float64)
            expected = []
            for x in torch.tensor(inputs):
                h, c = plain_step(cell, layer, x, h, c)
                expected.append(h @ p["decoder.weight"].T + p["decoder.bias"])
            expected = torch.stack(expected)
            (expected * torch.tensor(of_outputs)).sum().backward()
            state, chunk = rnn.State(model, STREAMS), rnn.Chunk(input_vectors=inputs, streams=STREAMS)
            outputs = model.forward_training(state, chunk)
            self.assertLess(abs(outputs - expected.detach().numpy()).max(), TOLERANCE)
            model.backward(state, of_outputs)
            for name in model.parameter_names:
                self.assertLess(abs(model.gradient(name) - p[name].grad.numpy()).max(), TOLERANCE, name)


if __name__ == "__main__":
    unittest.main()
