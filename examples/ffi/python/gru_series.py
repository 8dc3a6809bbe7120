"""A GRU learns to continue a wave, and draws it: LIBRNN=path/to/librnn.so python3 gru_series.py [IMAGE.png]"""

import math
import sys

import librnn

STEPS, STREAMS, ROUNDS, DRAWN = 40, 16, 400, 72


def wave(t):
    return math.sin(0.2 * t) * (0.6 + 0.4 * math.sin(0.03 * t))


if len(sys.argv) > 2:
    sys.exit("usage: gru_series.py [IMAGE.png]")
model = librnn.Model(cell=librnn.CELL_GRU, input=librnn.INPUT_VECTORS, loss=librnn.LOSS_SQUARED_ERROR, input_size=1,
                     output_size=1, hidden_size=32, initialization=librnn.INIT_UNIFORM,
                     reduction=librnn.REDUCTION_MEAN)
optimizer = librnn.Optimizer(model, librnn.OPTIMIZER_ADAM, learning_rate=0.005, clip_norm=1)
state = librnn.State(model, STREAMS)
for k in range(ROUNDS):
    values = [[[wave(t + 97 * b)] for b in range(STREAMS)] for t in range(k * STEPS, (k + 1) * STEPS + 1)]
    chunk = librnn.Chunk(input_vectors=values[:-1], target_vectors=values[1:], streams=STREAMS)  # [T][B][1]
    loss = model.forward_backward(state, chunk)
    optimizer.step(model)
    if (k + 1) % 100 == 0:
        print(f"round {k + 1}: squared error {loss.mean:.5f}")

one, run = librnn.State(model), []  # reads the wave for 200 steps, and then its own outputs
for t in range(200 + DRAWN):
    outputs, _ = model.forward(one, librnn.Chunk(input_vectors=[[wave(t) if t < 200 else run[-1]]]))
    run.append(float(outputs[0][0][0]))
truth, run = [wave(t + 1) for t in range(200, 200 + DRAWN)], run[200:]
try:
    from matplotlib import pyplot
    pyplot.plot(truth, label="the wave")
    pyplot.plot(run, label="the model, from its own outputs")
    pyplot.legend()
    pyplot.savefig(sys.argv[1] if len(sys.argv) > 1 else "gru_series.png")
except ImportError:  # without matplotlib it draws with characters: o is the wave, * is the model
    for level in range(8, -9, -1):
        print("".join("*" if round(8 * r) == level else "o" if round(8 * t) == level else " "
                      for t, r in zip(truth, run)))
print(f"mean distance of the free run: {sum(abs(t - r) for t, r in zip(truth, run)) / DRAWN:.3f}")
