"""The seed's training loop in numpy, timed: configuration S of bench.c, in float64.

Andrej Karpathy's minimal character-level RNN, operation for operation: one-hot columns, a dictionary of arrays for each
step, Adagrad over five matrices. Sampling and printing are left out, as they are in bench.c.
Usage: seed.py SECONDS [FILE]; without a file it trains on 65 symbols in random order, as bench.c does.
Prints "S numpy: N tokens/s, loss X".
"""

import sys
import time

import numpy as np

HIDDEN, STEPS, RATE, LIMIT = 100, 25, 0.1, 5


def run_chunk(weights, inputs, targets, state):
    """The loss over a chunk, its clipped gradients, and the state after it."""
    Wxh, Whh, Why, bh, by = weights
    symbols = by.shape[0]
    x, h, p = {}, {-1: np.copy(state)}, {}
    loss = 0
    for t, symbol in enumerate(inputs):
        x[t] = np.zeros((symbols, 1))
        x[t][symbol] = 1
        h[t] = np.tanh(np.dot(Wxh, x[t]) + np.dot(Whh, h[t - 1]) + bh)
        y = np.dot(Why, h[t]) + by
        p[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(p[t][targets[t], 0])

    gradients = dWxh, dWhh, dWhy, dbh, dby = [np.zeros_like(w) for w in weights]
    from_later = np.zeros_like(state)
    for t in reversed(range(len(inputs))):
        dy = np.copy(p[t])
        dy[targets[t]] -= 1
        dWhy += np.dot(dy, h[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + from_later
        before_tanh = (1 - h[t] * h[t]) * dh
        dbh += before_tanh
        dWxh += np.dot(before_tanh, x[t].T)
        dWhh += np.dot(before_tanh, h[t - 1].T)
        from_later = np.dot(Whh.T, before_tanh)
    for gradient in gradients:
        np.clip(gradient, -LIMIT, LIMIT, out=gradient)
    return loss, gradients, h[len(inputs) - 1]


def train(text, seconds):
    """Trains for so many seconds and returns tokens a second and the smoothed loss."""
    unique = sorted(set(text))
    id_of = {symbol: i for i, symbol in enumerate(unique)}
    symbols = len(unique)
    random = np.random.RandomState(0)
    weights = [
        random.randn(HIDDEN, symbols) * 0.01,
        random.randn(HIDDEN, HIDDEN) * 0.01,
        random.randn(symbols, HIDDEN) * 0.01,
        np.zeros((HIDDEN, 1)),
        np.zeros((symbols, 1)),
    ]
    squares = [np.zeros_like(w) for w in weights]
    smooth_loss = -np.log(1.0 / symbols) * STEPS
    chunks = position = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        if position + STEPS + 1 >= len(text) or chunks == 0:
            state = np.zeros((HIDDEN, 1))
            position = 0
        inputs = [id_of[symbol] for symbol in text[position : position + STEPS]]
        targets = [id_of[symbol] for symbol in text[position + 1 : position + STEPS + 1]]
        loss, gradients, state = run_chunk(weights, inputs, targets, state)
        smooth_loss = smooth_loss * 0.999 + loss * 0.001
        for weight, gradient, square in zip(weights, gradients, squares):
            square += gradient * gradient
            weight += -RATE * gradient / np.sqrt(square + 1e-8)
        position += STEPS
        chunks += 1
    return chunks * STEPS / (time.perf_counter() - start), smooth_loss


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: seed.py SECONDS [FILE]")
    if len(sys.argv) == 3:
        with open(sys.argv[2], "rb") as file:
            text = file.read()
    else:
        text = bytes(np.random.RandomState(1).randint(65, size=100000, dtype=np.uint8))
    tokens, final_loss = train(text, float(sys.argv[1]))
    print(f"S numpy: {tokens:.0f} tokens/s, loss {final_loss:.2f}")
