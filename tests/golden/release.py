#!/usr/bin/env python3
"""Makes the golden files of a release: what it saves, and what that computes there.

    model-VERSION.safetensors       a trained LSTM with a vocabulary of bytes
    model-VERSION.f64               its outputs [T][O] for TEXT from a state of zeros: little-endian float64 numbers
    checkpoint-VERSION.safetensors  a run of a GRU that has stopped between a chunk and its update
    checkpoint-VERSION.f64          the losses of the chunks that follow: twice TEXT, in chunks of STEPS

Every later release must load the former and compute the latter, so files that are there are never made again.

    LIBRNN=path/to/librnn.so python3 tests/golden/release.py
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples" / "ffi" / "python"))
sys.dont_write_bytecode = True
import librnn as rnn  # noqa: E402

SYMBOLS = b"\n !adehlorw"
TEXT = b"hello world!\nhold a whole whale"
STEPS = 6


def make_model(path):
    vocab = rnn.Vocab.from_list(SYMBOLS)
    model = rnn.Model(cell=rnn.CELL_LSTM, layers=2, input_size=len(vocab), hidden_size=6, output_size=len(vocab),
                      initialization=rnn.INIT_UNIFORM, reduction=rnn.REDUCTION_MEAN, forget_bias=1, dropout=0.1,
                      seed=42)
    ids = vocab.encode(TEXT)
    optimizer, state = rnn.Optimizer(model), rnn.State(model)
    for _ in range(200):
        state.reset()
        model.forward_backward(state, rnn.Chunk(ids[:-1], ids[1:]))
        optimizer.step(model)
    state.reset()
    outputs, _ = model.forward(state, rnn.Chunk(ids))
    model.save(path, vocab)
    return outputs


def make_checkpoint(path):
    vocab = rnn.Vocab.from_list(SYMBOLS)
    model = rnn.Model(cell=rnn.CELL_GRU, layers=2, input_size=len(vocab), hidden_size=4, output_size=len(vocab),
                      initialization=rnn.INIT_UNIFORM, bias=rnn.BIAS_BOTH, dropout=0.2, seed=2**64 - 1)
    optimizer = rnn.Optimizer(model, rnn.OPTIMIZER_ADAM, learning_rate=0.03, clip_value=0.7)
    state, sampler = rnn.State(model), rnn.Sampler(temperature=0.9, seed=2**64 - 2)
    corpus = rnn.Corpus.from_text(vocab, TEXT, STEPS)
    for n in range(23):
        if n > 0:
            optimizer.step(model)
        loss = model.forward_backward(state, corpus.next()[0])
    model.sample(state, sampler, [3], 10)
    rnn.save_checkpoint(path, model, optimizer, state, sampler, vocab, corpus_position=corpus.position,
                        counters=[23, -1], values=[1 / 3, float("-inf")])
    losses = []
    for _ in range(2 * corpus.chunks):
        optimizer.step(model)
        losses.append(model.forward_backward(state, corpus.next()[0]).sum)
    return losses


for make, kind in (make_model, "model"), (make_checkpoint, "checkpoint"):
    file = HERE / f"{kind}-{rnn.version()}.safetensors"
    if not file.exists():
        np.asarray(make(file), "<f8").tofile(file.with_suffix(".f64"))
