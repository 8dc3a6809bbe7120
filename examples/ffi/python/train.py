"""Trains a small network on a text and lets it write: LIBRNN=path/to/librnn.so python3 train.py FILE"""

import sys

import rnn

if len(sys.argv) != 2:
    sys.exit("usage: train.py FILE")
try:
    vocab = rnn.Vocab.from_file(sys.argv[1])
    corpus = rnn.Corpus.from_file(vocab, sys.argv[1], steps=25)
    model = rnn.Model(input_size=len(vocab), output_size=len(vocab), hidden_size=100)
    state = rnn.State(model)
    optimizer = rnn.Optimizer(model, learning_rate=0.1)
    sampler = rnn.Sampler(temperature=0.8)

    total = 0.0
    for n in range(1, 10001):
        chunk, restarted = corpus.next()
        if restarted:
            state.reset()
        total += model.forward_backward(state, chunk).mean
        model.clip_value(5)
        optimizer.step(model)
        if n % 1000 == 0:
            print(f"step {n}: {total / 1000:.3f} nats per symbol", flush=True)
            total = 0.0

    ids = model.sample(state, sampler, first=chunk.targets[-1], n=500)
    print(vocab.decode(ids).decode(errors="replace"))
except rnn.RnnError as error:
    sys.exit(f"train.py: {error}")
