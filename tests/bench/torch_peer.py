"""What bench.c measures, done with PyTorch: prints `NAME torch: N tokens/s`.

    python3 torch_peer.py CONFIGURATION [THREADS [SECONDS]]

The configurations are those of bench.c: same sizes, cell, optimizer and clipping. Ids go in one-hot, or through
nn.Embedding where bench.c has an embedding.
"""
import os
import sys
import time
from dataclasses import dataclass

THREADS = sys.argv[2] if len(sys.argv) > 2 else "1"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = THREADS

import torch  # noqa: E402, after the variables that it reads
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402


@dataclass
class Configuration:
    cell: type
    layers: int
    hidden: int
    symbols: int
    steps: int
    streams: int
    embedding: int = 0
    optimizer: type = torch.optim.Adam
    samples: bool = False


CONFIGURATIONS = {
    "S": Configuration(nn.RNN, 1, 100, 65, 25, 1, optimizer=torch.optim.Adagrad),
    "C": Configuration(nn.LSTM, 2, 128, 65, 50, 50),
    "G": Configuration(nn.GRU, 1, 256, 65, 64, 32),
    "L": Configuration(nn.LSTM, 2, 512, 65, 64, 64),
    "W": Configuration(nn.LSTM, 1, 256, 50000, 32, 32, embedding=256, optimizer=torch.optim.Adagrad),
    "I1": Configuration(nn.LSTM, 2, 128, 65, 1, 1, samples=True),
    "I64": Configuration(nn.LSTM, 2, 128, 65, 1, 64, samples=True),
}


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.symbols = c.symbols
        self.embedding = nn.Embedding(c.symbols, c.embedding) if c.embedding else None
        self.rnn = c.cell(c.embedding or c.symbols, c.hidden, c.layers)
        self.decoder = nn.Linear(c.hidden, c.symbols)

    def forward(self, ids, state):
        x = self.embedding(ids) if self.embedding else functional.one_hot(ids, self.symbols).float()
        h, state = self.rnn(x, state)
        return self.decoder(h), state


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def trainer(c):
    """A function that trains on one chunk and returns its tokens."""
    network = Network(c)
    optimizer = c.optimizer(network.parameters(), lr=0.001)
    ids = torch.randint(0, c.symbols, (c.steps + 1, c.streams))
    state = None

    def step():
        nonlocal state
        outputs, state = network(ids[:-1], state)
        state = detached(state)
        loss = functional.cross_entropy(outputs.flatten(0, 1), ids[1:].flatten(), reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(network.parameters(), 5)
        optimizer.step()
        return c.steps * c.streams

    return step


def sampler(c):
    """A function that draws one symbol for each stream and returns their number."""
    network = Network(c)
    ids, state = torch.zeros(1, c.streams, dtype=torch.long), None

    @torch.no_grad()
    def step():
        nonlocal ids, state
        outputs, state = network(ids, state)
        ids = torch.multinomial(functional.softmax(outputs[0], -1), 1).T
        return c.streams

    return step


def main():
    name, seconds = sys.argv[1], float(sys.argv[3]) if len(sys.argv) > 3 else 3.0
    torch.set_num_threads(int(THREADS))
    c = CONFIGURATIONS[name]
    step = sampler(c) if c.samples else trainer(c)
    step()
    start, tokens = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        tokens += step()
    print(f"{name} torch: {tokens / (time.perf_counter() - start):.0f} tokens/s")


main()
