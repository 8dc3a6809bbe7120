#!/usr/bin/env python3
"""Makes the golden files of test_torch_files.c: models that PyTorch has, as it would save them, and what they compute.

    torch_NAME.safetensors   the state_dict() of a network for each of CASES
    torch_files.f64          little-endian float64 numbers, case after case: the inputs, ids [T][B] or vectors [T][B][I],
                             and the outputs [T][B][O]

All networks run over STEPS steps of STREAMS streams from a state of zeros. Run it without arguments, from anywhere,
with Debian's python3-torch (1.13).
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples" / "ffi" / "python"))
sys.dont_write_bytecode = True
from pytorch import write_safetensors  # noqa: E402

STEPS, STREAMS = 6, 2
SYMBOLS, FEATURES_IN, HIDDEN, EMBEDDING, FEATURES_OUT = 7, 3, 5, 4, 2

CASES = [
    # name, cell, inputs, layers, bias, precision, names of the modules
    ("rnn", nn.RNN, "ids", 1, True, torch.float32, ("rnn", "decoder", "embedding")),
    ("gru", nn.GRU, "embedding", 2, True, torch.float32, ("gru", "fc", "encoder")),
    ("lstm", nn.LSTM, "vectors", 1, False, torch.float32, ("rnn", "decoder", "embedding")),
    ("lstm64", nn.LSTM, "ids", 2, True, torch.float64, ("rnn", "decoder", "embedding")),
]

numbers = []
for seed, (name, cell, kind, layers, bias, precision, modules) in enumerate(CASES):
    torch.manual_seed(seed)
    width = {"ids": SYMBOLS, "embedding": EMBEDDING, "vectors": FEATURES_IN}[kind]
    outputs = FEATURES_OUT if kind == "vectors" else SYMBOLS
    network = nn.ModuleDict({modules[0]: cell(width, HIDDEN, layers, bias=bias),
                             modules[1]: nn.Linear(HIDDEN, outputs, bias=bias)}).to(precision)
    if kind == "embedding":
        network[modules[2]] = nn.Embedding(SYMBOLS, EMBEDDING).to(precision)
    if kind == "vectors":
        given = vectors = torch.randn(STEPS, STREAMS, FEATURES_IN, dtype=precision)
    else:
        given = torch.randint(SYMBOLS, (STEPS, STREAMS))
        vectors = network[modules[2]](given) if kind == "embedding" else functional.one_hot(given, SYMBOLS)
    with torch.no_grad():
        result = network[modules[1]](network[modules[0]](vectors.to(precision))[0])
    write_safetensors(HERE / f"torch_{name}.safetensors", {key: t.numpy() for key, t in network.state_dict().items()})
    numbers += [given.double().flatten().numpy(), result.double().flatten().numpy()]
np.concatenate(numbers).astype("<f8").tofile(HERE / "torch_files.f64")
