"""Trains a small network on a text, saves it, loads it and lets it write: python3 train.py FILE [MODEL]"""

import sys

import librnn


def largest(values):
    """The largest absolute value in an array, or in nested lists"""
    return max(map(largest, values)) if hasattr(values, "__len__") else abs(values)


if len(sys.argv) not in (2, 3):
    sys.exit("usage: train.py FILE [MODEL]")
text, path = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
try:
    with librnn.Vocab.from_file(text) as vocab, librnn.Corpus.from_file(vocab, text, steps=25) as corpus, \
            librnn.Model(input_size=len(vocab), output_size=len(vocab), hidden_size=100) as model, \
            librnn.State(model) as state, librnn.Optimizer(model, learning_rate=0.1) as optimizer:
        total = 0.0
        for n in range(1, 10001):
            chunk, restarted = corpus.next()
            if restarted:
                state.reset()
            total += model.forward_backward(state, chunk).mean
            model.clip_value(5)
            if n % 1000 == 0:
                print(f"step {n}: {total / 1000:.3f} nats per symbol", flush=True)
                total = 0.0
            if n == 10000:
                for name in model.parameter_names:
                    print(f"gradient of {name}: {largest(model.gradient(name)):.2g} at most")
            optimizer.step(model)

        ids = model.sample(state, librnn.Sampler(temperature=0.8), first=chunk.targets[-1], n=500)
        print(vocab.decode(ids).decode(errors="replace"))
        if path:
            model.save(path, vocab)
    if path:
        model, vocab = librnn.Model.load(path)
        with model, vocab, librnn.State(model) as state, librnn.Sampler(temperature=0.8) as sampler:
            ids = model.sample(state, sampler, first=[0], n=200)
            print(f"loaded from {path}:", vocab.decode(ids).decode(errors="replace"))
except librnn.RnnError as error:
    sys.exit(f"train.py: {error}")
