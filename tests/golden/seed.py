#!/usr/bin/env python3
"""Makes the golden files of test_seed.c: a short training run of the seed, in numpy and float64.

The seed is Andrej Karpathy's minimal character-level RNN ("min-char-rnn", 2015). This is the same computation in other
words: the one-hot vectors are replaced by picking a column, and each weight gradient is one product over the chunk.

    seed.txt            the text: six courses of Plain Bob Minor, an old rule of ringing six bells in ever new orders.
                        Its length is 1 more than a multiple of STEPS, so that the last chunk of a pass would just fit,
                        and is not served: where the seed's ">=" and a ">" differ
    seed_losses.csv     position of the chunk in the text and its loss, a line for each iteration
    seed_initial.f64    the parameters before the first iteration ...
    seed_final.f64      ... and after the last: little-endian float64, Wxh [H][V], Whh [H][H], bh [H], Why [V][H] and
                        by [V] one after the other, each row by row; ids in ascending order of the characters

Run it without arguments, from anywhere; it needs numpy.

Adagrad's first steps change every weight by 0.1, whatever its gradient, and from most initial weights the run is
chaotic for a while: a difference in the last bit grows to one in the first digit within twenty iterations. Programs
that round differently can be compared to the end only where that does not happen. Hence a text of few symbols and a
searched RANDOM_SEED; main() makes sure that the run stays where it is when the initial weights are off by a bit.
"""

from pathlib import Path

import numpy as np

HIDDEN = 100
STEPS = 25
ITERATIONS = 300
LEARNING_RATE = 0.1
EPSILON = 1e-8
LIMIT = 5.0
WEIGHT_SCALE = 0.01
RANDOM_SEED = 56
COURSES = 6

HERE = Path(__file__).parent


def plain_bob_minor(courses):
    """Rows of bells. Neighbours swap in pairs: all of them, or all but the first and last, in turn; at the end of each
    lead (twelve rows) all but the first two. After five leads the bells are in order again."""
    row = list("123456")
    rows = ["".join(row)]
    for change in range(60 * courses):
        pairs = (0, 2, 4) if change % 2 == 0 else (2, 4) if change % 12 == 11 else (1, 3)
        for i in pairs:
            row[i], row[i + 1] = row[i + 1], row[i]
        rows.append("".join(row))
    return "\n".join(rows)


def initial_parameters(symbols):
    random = np.random.RandomState(RANDOM_SEED)
    return {
        "Wxh": WEIGHT_SCALE * random.randn(HIDDEN, symbols),
        "Whh": WEIGHT_SCALE * random.randn(HIDDEN, HIDDEN),
        "bh": np.zeros(HIDDEN),
        "Why": WEIGHT_SCALE * random.randn(symbols, HIDDEN),
        "by": np.zeros(symbols),
    }


def forward(parameters, inputs, targets, state):
    """Returns the hidden states, the one before the chunk first, [T + 1][H]; the probabilities [T][V]; the loss."""
    hidden = [state]
    for symbol in inputs:
        hidden.append(np.tanh(parameters["Wxh"][:, symbol] + parameters["Whh"] @ hidden[-1] + parameters["bh"]))
    hidden = np.array(hidden)
    exponentials = np.exp(hidden[1:] @ parameters["Why"].T + parameters["by"])
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    loss = -np.log(probabilities[np.arange(len(targets)), targets]).sum()
    return hidden, probabilities, loss


def backward(parameters, inputs, targets, hidden, probabilities):
    """Returns the gradient of the loss for each parameter, unclipped; the state before the chunk is a constant."""
    d_logits = probabilities.copy()
    d_logits[np.arange(len(targets)), targets] -= 1
    d_sums = np.empty((len(inputs), HIDDEN))
    d_later = np.zeros(HIDDEN)
    for t in reversed(range(len(inputs))):
        d_hidden = parameters["Why"].T @ d_logits[t] + d_later
        d_sums[t] = (1 - hidden[t + 1] ** 2) * d_hidden
        d_later = parameters["Whh"].T @ d_sums[t]
    d_inputs = np.zeros_like(parameters["Wxh"])
    np.add.at(d_inputs.T, inputs, d_sums)
    return {
        "Wxh": d_inputs,
        "Whh": d_sums.T @ hidden[:-1],
        "bh": d_sums.sum(axis=0),
        "Why": d_logits.T @ hidden[1:],
        "by": d_logits.sum(axis=0),
    }


def train(parameters, ids):
    """Changes the parameters. Returns each iteration's position and loss, and how many gradients were clipped."""
    squares = {name: np.zeros_like(values) for name, values in parameters.items()}
    log, clipped, position = [], 0, 0
    for iteration in range(ITERATIONS):
        if iteration == 0 or position + STEPS + 1 >= len(ids):
            position = 0
            state = np.zeros(HIDDEN)
        inputs = ids[position : position + STEPS]
        targets = ids[position + 1 : position + STEPS + 1]
        hidden, probabilities, loss = forward(parameters, inputs, targets, state)
        gradients = backward(parameters, inputs, targets, hidden, probabilities)
        for name, gradient in gradients.items():
            clipped += np.count_nonzero(np.abs(gradient) > LIMIT)
            gradient = np.clip(gradient, -LIMIT, LIMIT)
            squares[name] += gradient**2
            parameters[name] -= LEARNING_RATE * gradient / np.sqrt(squares[name] + EPSILON)
        log.append((position, loss))
        state = hidden[-1]
        position += STEPS
    return log, clipped


def save(name, parameters):
    flat = np.concatenate([values.ravel() for values in parameters.values()])
    flat.astype("<f8").tofile(HERE / name)


def run(ids, symbols, nudge=0.0):
    """Trains from the initial parameters, multiplied by 1 + nudge. Returns these, the final ones, and train()'s."""
    initial = {name: values * (1 + nudge) for name, values in initial_parameters(symbols).items()}
    final = {name: values.copy() for name, values in initial.items()}
    log, clipped = train(final, ids)
    return initial, final, log, clipped


def main():
    text = plain_bob_minor(COURSES).encode("ascii")
    symbols = sorted(set(text))
    ids = np.array([symbols.index(byte) for byte in text])
    initial, final, log, clipped = run(ids, len(symbols))

    (HERE / "seed.txt").write_bytes(text)
    save("seed_initial.f64", initial)
    save("seed_final.f64", final)
    with open(HERE / "seed_losses.csv", "w", encoding="ascii") as file:
        file.write("position,loss\n")
        file.writelines(f"{position},{loss:.17g}\n" for position, loss in log)

    starts = sum(position == 0 for position, _ in log)
    _, _, nudged, _ = run(ids, len(symbols), nudge=2**-52)
    spread = max(abs(b - a) / a for (_, a), (_, b) in zip(log, nudged))
    print(f"{len(text)} bytes, {len(symbols)} symbols, {ITERATIONS} iterations, {starts} of them at the start")
    print(f"loss {log[0][1]:.3f} to {log[-1][1]:.3f}, {clipped} gradients clipped; a bit moves losses by {spread:.0e}")
    assert len(text) % STEPS == 1 and starts > 1 and clipped > 0, "the run leaves out what it is there to test"
    assert spread < 1e-10, "the run is too sensitive to rounding"


if __name__ == "__main__":
    main()
