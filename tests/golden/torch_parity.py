#!/usr/bin/env python3
"""Makes the golden files of test_torch.c: what PyTorch computes, in float64.

    torch_cells.f64      for each cell and each of CASES: one chunk, forward and backward
    torch_training.f64   for each of NETWORKS and each of RULES: STEPS_OF_TRAINING steps of an optimizer

Both hold little-endian float64 numbers: the results of the cases, in the order of the tables below and of those in
test_torch.c. A file begins with n, the number of cases, and n + 1 numbers: the index at which each case begins, and
the index at which the last one ends. Each case then has

    of torch_cells.f64      the loss, reduced; the outputs [T][B][O]; the state after the chunk: h [L][B][H] and, of an
                            LSTM, c [L][B][H]; the gradients of the parameters
    of torch_training.f64   each step's loss; if gradients are clipped by norm, each step's norm; the parameters after
                            the last step

Parameters are always in the order of Module.named_parameters(), each row by row.

What goes in isn't stored: both sides draw it from splitmix64, seeded with the number of the case in torch_cells.f64,
from 1 on, or with TRAINING_SEED. In this order: the parameters, uniform in +-1/2; h of all layers, then c of all
layers, uniform in +-1; and for each chunk its inputs, its targets and, where some are to be ignored, for every position
whether its target is, with probability 1/3. Ids are uniform, and vectors like the state.

Where a gradient is next to nothing, Adagrad, RMSprop and Adam turn its rounding error into a step of full length. So
that two programs can be compared after many steps, run_training() makes sure that each run stays where it is when the
initial parameters are off by a bit.

Run it without arguments, from anywhere, with Debian's python3-torch (1.13): another version rounds differently.
"""

import itertools
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

# None of them the width of a vector.
SYMBOLS = 11
FEATURES_IN = 5
FEATURES_OUT = 4
EMBEDDING = 6

IGNORE = -1
BOTH, INPUT = "both biases", "bias_ih alone: bias_hh is zero and stays so"
SUM, MEAN = "sum", "mean"
ALL, SOME = "all targets count", "some are ignored"
CROSS_ENTROPY, SQUARED_ERROR = "cross-entropy", "squared error"
ONE_HOT, EMBEDDED, TIED, VECTORS = "one-hot ids", "embedded ids", "embedding tied to the decoder", "vectors"

CELLS = [nn.RNN, nn.GRU, nn.LSTM]

CASES = [
    # input, loss, layers, T, B, H, bias, reduction, targets
    (ONE_HOT, CROSS_ENTROPY, 1, 7, 3, 9, BOTH, SUM, ALL),
    (ONE_HOT, CROSS_ENTROPY, 2, 7, 3, 9, BOTH, MEAN, SOME),
    (ONE_HOT, CROSS_ENTROPY, 3, 7, 3, 9, INPUT, SUM, SOME),
    (ONE_HOT, CROSS_ENTROPY, 2, 7, 1, 9, INPUT, SUM, ALL),
    (ONE_HOT, CROSS_ENTROPY, 1, 14, 19, 37, BOTH, MEAN, ALL),
    (ONE_HOT, SQUARED_ERROR, 1, 7, 3, 9, BOTH, MEAN, SOME),
    (ONE_HOT, SQUARED_ERROR, 2, 7, 3, 9, INPUT, SUM, ALL),
    (ONE_HOT, SQUARED_ERROR, 3, 7, 3, 9, BOTH, SUM, SOME),
    (EMBEDDED, CROSS_ENTROPY, 1, 7, 3, 9, INPUT, MEAN, SOME),
    (EMBEDDED, CROSS_ENTROPY, 2, 7, 3, 9, BOTH, SUM, ALL),
    (EMBEDDED, CROSS_ENTROPY, 3, 7, 3, 9, BOTH, MEAN, ALL),
    (TIED, CROSS_ENTROPY, 1, 7, 3, 9, BOTH, SUM, SOME),
    (TIED, CROSS_ENTROPY, 2, 7, 3, 9, INPUT, MEAN, ALL),
    (TIED, CROSS_ENTROPY, 3, 7, 3, 9, BOTH, SUM, ALL),
    (TIED, CROSS_ENTROPY, 2, 14, 19, 37, BOTH, SUM, SOME),
    (VECTORS, CROSS_ENTROPY, 1, 7, 3, 9, BOTH, MEAN, ALL),
    (VECTORS, CROSS_ENTROPY, 2, 7, 3, 9, BOTH, SUM, SOME),
    (VECTORS, CROSS_ENTROPY, 3, 7, 3, 9, INPUT, MEAN, SOME),
    (VECTORS, SQUARED_ERROR, 1, 7, 3, 9, INPUT, SUM, ALL),
    (VECTORS, SQUARED_ERROR, 2, 7, 3, 9, BOTH, MEAN, SOME),
    (VECTORS, SQUARED_ERROR, 3, 7, 3, 9, BOTH, SUM, ALL),
    (VECTORS, SQUARED_ERROR, 1, 1, 1, 9, BOTH, SUM, ALL),
]


class Adagrad(torch.optim.Optimizer):
    """min-char-rnn's and librnn's, with epsilon in the root; torch.optim.Adagrad adds it to the root."""

    def __init__(self, parameters, lr, eps, weight_decay=0):
        super().__init__(parameters, dict(lr=lr, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for x in group["params"]:
                g = x.grad + group["weight_decay"] * x
                m = self.state[x].setdefault("sum", torch.zeros_like(x))
                m += g**2
                x -= group["lr"] * g / torch.sqrt(m + group["eps"])


NETWORKS = [
    # cell, layers, input
    (nn.LSTM, 2, ONE_HOT),
    (nn.GRU, 1, EMBEDDED),
]

BY_NORM, BY_VALUE = nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_
SGD, RMSPROP, ADAM, ADAMW = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW

RULES = [
    # rule, options, learning rate from the middle on, clip, limit
    (Adagrad, dict(lr=0.1, eps=1e-8), None, BY_VALUE, 0.05),
    (Adagrad, dict(lr=0.1, eps=1e-8, weight_decay=0.01), None, BY_NORM, 0.35),
    (SGD, dict(lr=2.0), None, None, None),
    (SGD, dict(lr=2.0, weight_decay=0.01), None, BY_VALUE, 0.05),
    (SGD, dict(lr=0.5, momentum=0.9), None, BY_NORM, 0.35),
    (SGD, dict(lr=0.5, momentum=0.9, nesterov=True), None, BY_NORM, 0.35),
    (SGD, dict(lr=0.5, momentum=0.9, nesterov=True, weight_decay=0.01), None, None, None),
    (RMSPROP, dict(lr=0.02, alpha=0.9, eps=1e-8), None, BY_VALUE, 0.05),
    (RMSPROP, dict(lr=0.02, alpha=0.9, eps=1e-8, momentum=0.5, weight_decay=0.01), None, BY_NORM, 0.35),
    (ADAM, dict(lr=0.02, betas=(0.9, 0.99), eps=1e-8), None, None, None),
    (ADAM, dict(lr=0.05, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.01), 0.01, BY_NORM, 0.35),
    (ADAMW, dict(lr=0.02, betas=(0.8, 0.99), eps=1e-8, weight_decay=0.2), None, BY_VALUE, 0.05),
]

STEPS_OF_TRAINING = 50
CHUNKS = 3  # served in turn, so that symbols come and go
TRAINING_SEED = 1  # with which some symbols never come
TRAINING_SIZES = 5, 2, 6  # T, B, H

HERE = Path(__file__).parent


class Source:
    """splitmix64 by Sebastiano Vigna and what is made of it: support.h's random_source."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def uniform(self, scale, *shape):
        """In +-scale, a power of two, so that nothing is rounded."""
        numbers = [-scale + 2 * scale * ((self.bits() >> 11) * 2.0**-53) for _ in range(math.prod(shape))]
        return torch.tensor(numbers).reshape(shape)

    def below(self, limit, *shape):
        return torch.tensor([self.bits() % limit for _ in range(math.prod(shape))]).reshape(shape)


class Network(nn.Module):
    """librnn's model in PyTorch's terms; the parameters have librnn's names."""

    def __init__(self, cell, layers, hidden, input_kind, outputs, bias):
        super().__init__()
        self.input_kind = input_kind
        features = {ONE_HOT: SYMBOLS, EMBEDDED: EMBEDDING, TIED: hidden, VECTORS: FEATURES_IN}[input_kind]
        if input_kind in (EMBEDDED, TIED):
            self.embedding = nn.Embedding(SYMBOLS, features)
        self.rnn = cell(features, hidden, num_layers=layers)
        self.decoder = nn.Linear(hidden, outputs)
        if input_kind == TIED:
            self.decoder.weight = self.embedding.weight
        for name, parameter in self.named_parameters():
            if bias == INPUT and "bias_hh" in name:
                nn.init.zeros_(parameter).requires_grad_(False)

    def trained(self):
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def draw(self, source):
        for parameter in self.trained():
            parameter.copy_(source.uniform(0.5, *parameter.shape))

    def draw_state(self, source, streams):
        parts = 2 if isinstance(self.rnn, nn.LSTM) else 1
        state = [source.uniform(1, self.rnn.num_layers, streams, self.rnn.hidden_size) for _ in range(parts)]
        return tuple(state) if parts == 2 else state[0]

    def forward(self, inputs, state):
        """Returns the outputs and the state after the chunk, which no gradient goes through."""
        if self.input_kind == ONE_HOT:
            inputs = functional.one_hot(inputs, SYMBOLS).to(torch.get_default_dtype())
        elif self.input_kind != VECTORS:
            inputs = self.embedding(inputs)
        hidden, state = self.rnn(inputs, state)
        state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        return self.decoder(hidden), state


def outputs_of(input_kind, loss_kind):
    """A model that writes what it reads has as many outputs as symbols."""
    return SYMBOLS if loss_kind == CROSS_ENTROPY and input_kind != VECTORS else FEATURES_OUT


def draw_chunk(source, input_kind, loss_kind, steps, streams, targets_kind):
    """Returns inputs, targets, and which positions count."""
    outputs = outputs_of(input_kind, loss_kind)
    if input_kind == VECTORS:
        inputs = source.uniform(1, steps, streams, FEATURES_IN)
    else:
        inputs = source.below(SYMBOLS, steps, streams)
    if loss_kind == SQUARED_ERROR:
        targets = source.uniform(1, steps, streams, outputs)
    else:
        targets = source.below(outputs, steps, streams)
    counted = torch.ones(steps, streams, dtype=torch.bool)
    if targets_kind == SOME:
        counted = source.below(3, steps, streams) != 0
        assert 0 < counted.sum() < counted.numel()
    return inputs, targets, counted


def loss_of(outputs, targets, counted, loss_kind, reduction):
    if loss_kind == SQUARED_ERROR:
        total = functional.mse_loss(outputs[counted], targets[counted], reduction="sum")
        return total / counted.sum() if reduction == MEAN else total
    targets = targets.masked_fill(~counted, IGNORE)
    outputs, targets = outputs.flatten(0, 1), targets.flatten()
    return functional.cross_entropy(outputs, targets, ignore_index=IGNORE, reduction=reduction)


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def run_case(source, cell, case):
    """Returns the case's numbers."""
    input_kind, loss_kind, layers, steps, streams, hidden, bias, reduction, targets_kind = case
    network = Network(cell, layers, hidden, input_kind, outputs_of(input_kind, loss_kind), bias)
    network.draw(source)
    state = network.draw_state(source, streams)
    inputs, targets, counted = draw_chunk(source, input_kind, loss_kind, steps, streams, targets_kind)
    outputs, state = network(inputs, state)
    loss = loss_of(outputs, targets, counted, loss_kind, reduction)
    loss.backward()
    states = state if isinstance(state, tuple) else (state,)
    return flat([loss, outputs, *states, *(parameter.grad for parameter in network.trained())])


def draw_training(source, network_options):
    """Returns the network, its first state and the chunks."""
    cell, layers, input_kind = network_options
    steps, streams, hidden = TRAINING_SIZES
    network = Network(cell, layers, hidden, input_kind, SYMBOLS, BOTH)
    network.draw(source)
    state = network.draw_state(source, streams)
    chunks = [draw_chunk(source, input_kind, CROSS_ENTROPY, steps, streams, ALL) for _ in range(CHUNKS)]
    return network, state, chunks


def gradients_of(network):
    return flat(parameter.grad for parameter in network.parameters())


def train(network, state, chunks, rule_options):
    """Changes the network. Returns losses, norms, and in how many steps gradients were clipped."""
    rule, options, later_rate, clip, limit = rule_options
    optimizer = rule(network.parameters(), **options)
    losses, norms, clipped = [], [], 0
    for step in range(STEPS_OF_TRAINING):
        if later_rate is not None and step == STEPS_OF_TRAINING // 2:
            optimizer.param_groups[0]["lr"] = later_rate
        inputs, targets, counted = chunks[step % CHUNKS]
        optimizer.zero_grad()
        outputs, state = network(inputs, state)
        loss = loss_of(outputs, targets, counted, CROSS_ENTROPY, MEAN)
        loss.backward()
        losses.append(loss.item())
        unclipped = gradients_of(network)
        if clip is BY_NORM:
            norms.append(clip(network.parameters(), limit).item())
        elif clip is BY_VALUE:
            clip(network.parameters(), limit)
        clipped += not torch.equal(gradients_of(network), unclipped)
        optimizer.step()
    return torch.tensor(losses), torch.tensor(norms), clipped


def relative_error(actual, expected):
    return float(abs(actual - expected).max() / abs(expected).max())


def run_training(network_options, rule_options):
    """Returns the run's numbers, after making sure that they say something."""
    network, state, chunks = draw_training(Source(TRAINING_SEED), network_options)
    initial = flat(network.parameters())
    losses, norms, clipped = train(network, state, chunks, rule_options)
    parameters = flat(network.parameters())

    nudged, _, _ = draw_training(Source(TRAINING_SEED), network_options)
    with torch.no_grad():
        for parameter in nudged.parameters():
            parameter *= 1 + 2**-52
    nudged_losses, _, _ = train(nudged, state, chunks, rule_options)
    spread = max(relative_error(nudged_losses, losses), relative_error(flat(nudged.parameters()), parameters))

    rule, options, _, clip, _ = rule_options
    print(
        f"{network_options[0].__name__}, {rule.__name__} {options}: loss {losses[0]:.2f} to {losses[-1]:.2f}, "
        f"clipped in {clipped} steps, off by {spread:.0e} for a bit"
    )
    symbols = [set(inputs.flatten().tolist()) for inputs, _, _ in chunks]
    assert len(set.union(*symbols)) < SYMBOLS, "every symbol occurs: one must show what happens to those that don't"
    assert len(set.intersection(*symbols)) < len(set.union(*symbols)), "no symbol pauses"
    assert relative_error(parameters, initial) > 0.1, "the parameters hardly move"
    expected = {None: range(1), BY_VALUE: range(1, STEPS_OF_TRAINING + 1), BY_NORM: range(1, STEPS_OF_TRAINING)}
    assert clipped in expected[clip], "gradients are clipped in no step, or by norm in every one"
    assert spread < 1e-11, "the run is too sensitive to rounding"
    return torch.cat([losses, norms, parameters])


def save(name, records):
    offsets = np.cumsum([len(records) + 2] + [len(record) for record in records])
    numbers = np.concatenate([[len(records)], offsets, *records]).astype("<f8")
    numbers.tofile(HERE / name)
    print(f"{name}: {len(records)} cases, {numbers.nbytes} bytes")


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)

    cases = enumerate(itertools.product(CELLS, CASES), 1)
    save("torch_cells.f64", [run_case(Source(seed), cell, case).numpy() for seed, (cell, case) in cases])
    runs = itertools.product(NETWORKS, RULES)
    save("torch_training.f64", [run_training(network, rule).numpy() for network, rule in runs])


if __name__ == "__main__":
    main()
