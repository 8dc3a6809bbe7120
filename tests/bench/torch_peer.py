"""What bench.c measures, done with PyTorch: prints `NAME torch: N tokens/s`.

    python3 torch_peer.py CONFIGURATION [--threads N] [--seconds X] [--precision float32|float64] [--sparse]

The configurations are those of bench.c, and a step does the same work: forward, the sum of the cross-entropies,
backward through the chunk, each element of the gradient clipped to 5, the same optimizer; the state goes on from chunk
to chunk. Ids become one-hot vectors, or rows of an nn.Embedding where bench.c has an embedding; --sparse gives that
one sparse gradients, so that clipping and optimizer touch only the rows that were looked up, as bench.c does.
"""
import argparse
import os
import time
from dataclasses import dataclass

parser = argparse.ArgumentParser()
parser.add_argument("configuration")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=3)
parser.add_argument("--precision", choices=("float32", "float64"), default="float32")
parser.add_argument("--sparse", action="store_true")
ARGUMENTS = parser.parse_args()

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(ARGUMENTS.threads)

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
CLIP = 5


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        if c.embedding:
            self.embedding = nn.Embedding(c.symbols, c.embedding, sparse=ARGUMENTS.sparse)
        else:
            self.embedding = nn.Embedding.from_pretrained(torch.eye(c.symbols))  # one-hot, and not trained
        self.rnn = c.cell(c.embedding or c.symbols, c.hidden, c.layers)
        self.decoder = nn.Linear(c.hidden, c.symbols)

    def forward(self, ids, state):
        h, state = self.rnn(self.embedding(ids), state)
        return self.decoder(h), state


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def clip(parameters):
    """nn.utils.clip_grad_value_, which refuses sparse gradients."""
    for parameter in parameters:
        if parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # one row for each symbol, as the clipping has to see it
            parameter.grad.values().clamp_(-CLIP, CLIP)
        else:
            parameter.grad.clamp_(-CLIP, CLIP)


def trainer(c):
    """A function that trains on one chunk and returns its tokens."""
    network = Network(c)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = c.optimizer(parameters, lr=0.001)
    ids = torch.randint(0, c.symbols, (c.steps + 1, c.streams))
    state = None

    def step():
        nonlocal state
        outputs, state = network(ids[:-1], state)
        state = detached(state)
        loss = functional.cross_entropy(outputs.flatten(0, 1), ids[1:].flatten(), reduction="sum")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip(parameters)
        optimizer.step()
        return c.steps * c.streams

    return step


def sampler(c):
    """A function that draws one symbol for each stream and returns their number."""
    network = Network(c)
    ids, state = torch.zeros(1, c.streams, dtype=torch.long), None

    @torch.inference_mode()
    def step():
        nonlocal ids, state
        outputs, state = network(ids, state)
        ids = torch.multinomial(functional.softmax(outputs[0], -1), 1).T
        return c.streams

    return step


def main():
    torch.set_num_threads(ARGUMENTS.threads)
    torch.set_default_dtype(getattr(torch, ARGUMENTS.precision))
    c = CONFIGURATIONS[ARGUMENTS.configuration]
    step = sampler(c) if c.samples else trainer(c)
    step()
    start, spent, tokens = time.perf_counter(), 0, 0
    while spent < ARGUMENTS.seconds:
        tokens += step()
        spent = time.perf_counter() - start
    print(f"{ARGUMENTS.configuration} torch: {tokens / spent:.0f} tokens/s")


main()
