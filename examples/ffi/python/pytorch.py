"""Moves models from PyTorch to librnn and back: LIBRNN=path/to/librnn.so python3 pytorch.py"""

import sys
import tempfile

import torch
from torch import nn

from tensor_files import read_safetensors, write_safetensors


def main():
    import librnn

    def difference(network, model):
        """Returns the largest difference between the outputs of the two, for some ids [T][B]."""
        ids = [[0, 3], [1, 2], [4, 4], [2, 0]]
        hidden, _ = network["rnn"](nn.functional.one_hot(torch.tensor(ids)).float())
        outputs, _ = model.forward(librnn.State(model, streams=2), librnn.Chunk(ids, streams=2))
        return abs(outputs - network["decoder"](hidden).detach().numpy()).max()

    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        # From PyTorch to librnn. The modules of a model have these names.
        network = nn.ModuleDict({"rnn": nn.LSTM(5, 8), "decoder": nn.Linear(8, 5)})
        write_safetensors(file.name, {name: tensor.numpy() for name, tensor in network.state_dict().items()})
        model, _ = librnn.Model.load(file.name, configuration={"input": librnn.INPUT_IDS}, infer=True)
        there = difference(network, model)
        # From librnn to PyTorch. The names in the file are those of state_dict().
        model = librnn.Model(cell=librnn.CELL_LSTM, input_size=5, hidden_size=8, output_size=5, weight_scale=0.5)
        model.save(file.name)
        tensors, _ = read_safetensors(file.name)
        network.load_state_dict({name: torch.tensor(values) for name, values in tensors.items()})
        back = difference(network, model)
    print(f"outputs differ by at most {there:.1g} from PyTorch to librnn, and by {back:.1g} from librnn to PyTorch")
    if max(there, back) > 1e-5:
        sys.exit("pytorch.py: that is too much")


if __name__ == "__main__":
    main()
