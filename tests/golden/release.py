#!/usr/bin/env python3
"""Makes the golden files of a release: what it saves, and what that computes there.

    model-VERSION.safetensors   a trained LSTM with a vocabulary of bytes
    model-VERSION.f64           its outputs [T][O] for TEXT from a state of zeros: little-endian float64 numbers

Every later release must load the one and compute the other, so files that are there are never made again.

    LIBRNN=path/to/librnn.so python3 tests/golden/release.py
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples" / "ffi" / "python"))
sys.dont_write_bytecode = True
import rnn  # noqa: E402

SYMBOLS = b"\n !adehlorw"
TEXT = b"hello world!\nhold a whole whale"

path = HERE / f"model-{rnn.version()}.safetensors"
if path.exists():
    sys.exit(f"{path} is there already")
vocab = rnn.Vocab.from_list(SYMBOLS)
model = rnn.Model(cell=rnn.CELL_LSTM, layers=2, input_size=len(vocab), hidden_size=6, output_size=len(vocab),
                  initialization=rnn.INIT_UNIFORM, reduction=rnn.REDUCTION_MEAN, forget_bias=1, dropout=0.1, seed=42)
ids = vocab.encode(TEXT)
optimizer, state = rnn.Optimizer(model), rnn.State(model)
for _ in range(200):
    state.reset()
    model.forward_backward(state, rnn.Chunk(ids[:-1], ids[1:]))
    optimizer.step(model)
state.reset()
outputs, _ = model.forward(state, rnn.Chunk(ids))
model.save(path, vocab)
np.asarray(outputs, "<f8").tofile(path.with_suffix(".f64"))
