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

STANDARD = ("rnn", "decoder", "embedding")
CASES = [
    # name, cell, inputs, layers, bias, type of the numbers in the file, names of the modules
    ("rnn", nn.RNN, "ids", 1, True, torch.float32, STANDARD),
    ("gru", nn.GRU, "embedding", 2, True, torch.float32, ("gru", "fc", "encoder")),
    ("lstm", nn.LSTM, "vectors", 1, False, torch.float32, STANDARD),
    ("lstm64", nn.LSTM, "ids", 2, True, torch.float64, STANDARD),
    ("half", nn.GRU, "ids", 1, True, torch.float16, STANDARD),
    ("tied", nn.LSTM, "tied", 1, True, torch.bfloat16, STANDARD),
]


def array(tensor):
    """As write_safetensors() takes it: of a bfloat16 the bits."""
    return tensor.view(torch.int16).numpy().astype("<u2") if tensor.dtype == torch.bfloat16 else tensor.numpy()


numbers = []
for seed, (name, cell, kind, layers, bias, stored, modules) in enumerate(CASES):
    torch.manual_seed(seed)
    precision = torch.float64 if stored == torch.float64 else torch.float32
    width = {"ids": SYMBOLS, "embedding": EMBEDDING, "vectors": FEATURES_IN, "tied": HIDDEN}[kind]
    outputs = FEATURES_OUT if kind == "vectors" else SYMBOLS
    network = nn.ModuleDict({modules[0]: cell(width, HIDDEN, layers, bias=bias),
                             modules[1]: nn.Linear(HIDDEN, outputs, bias=bias)}).to(precision)
    if kind == "embedding":
        network[modules[2]] = nn.Embedding(SYMBOLS, EMBEDDING).to(precision)
    if kind == "tied":
        network[modules[2]] = nn.Embedding(SYMBOLS, HIDDEN).to(precision)
        network[modules[1]].weight = network[modules[2]].weight
    with torch.no_grad():
        for parameter in network.parameters():  # computes with what the file will hold
            parameter.copy_(parameter.to(stored))
    if kind == "vectors":
        given = vectors = torch.randn(STEPS, STREAMS, FEATURES_IN, dtype=precision)
    else:
        given = torch.randint(SYMBOLS, (STEPS, STREAMS))
        vectors = network[modules[2]](given) if modules[2] in network else functional.one_hot(given, SYMBOLS)
    with torch.no_grad():
        result = network[modules[1]](network[modules[0]](vectors.to(precision))[0])
    tensors = {key: array(tensor.to(stored)) for key, tensor in network.state_dict().items()}
    if kind == "tied":  # safetensors' save_model() keeps the first of the names that share memory
        del tensors[f"{modules[2]}.weight"]
    write_safetensors(HERE / f"torch_{name}.safetensors", tensors)
    numbers += [given.double().flatten().numpy(), result.double().flatten().numpy()]
np.concatenate(numbers).astype("<f8").tofile(HERE / "torch_files.f64")
