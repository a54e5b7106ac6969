"""Show and Tell as Google published it (github.com/tensorflow/models, research/im2txt), its variables in an `.npz`."""

from __future__ import annotations

import torch

from pictell.importing.layout import Family, Imitation, Shapes, size
from pictell.importing.reading import Tensors
from pictell.importing.words import Words

_CELLS = (
    ("lstm/basic_lstm_cell/kernel", "lstm/basic_lstm_cell/bias"),
    ("lstm/basic_lstm_cell/weights", "lstm/basic_lstm_cell/biases"),
    ("lstm/BasicLSTMCell/Linear/Matrix", "lstm/BasicLSTMCell/Linear/Bias"),
)
"""The LSTM's names in TensorFlow from 1.2 on, in 1.0 and 1.1, and before."""

_FORGET_BIAS = 1.0
"""What TensorFlow's BasicLSTMCell adds to the forget gate when it runs."""


class Im2txt(Family):
    """The LSTM's kernel multiplies `[word, hidden]`; its gates stand in the order input, candidate, forget, output."""

    name = "Show and Tell (im2txt)"

    def shapes(self, tensors: Tensors) -> Shapes:
        rows, embedding = size(tensors, "seq_embedding/map", 0), size(tensors, "seq_embedding/map", 1)
        hidden = size(tensors, "logits/weights", 0)
        kernel, bias = self._cell(tensors)
        return {
            "image_embedding/weights": (self.channels(tensors), embedding),
            "seq_embedding/map": (rows, embedding),
            kernel: (embedding + hidden, 4 * hidden),
            bias: (4 * hidden,),
            "logits/weights": (hidden, rows),
            "logits/biases": (rows,),
        }

    def channels(self, tensors: Tensors) -> int:
        return size(tensors, "image_embedding/weights", 0)

    def rows(self, tensors: Tensors) -> int:
        return size(tensors, "seq_embedding/map", 0)

    def imitate(self, tensors: Tensors, words: Words, **settings: int) -> Imitation:
        embedding, hidden = size(tensors, "seq_embedding/map", 1), size(tensors, "logits/weights", 0)
        kernel, bias = (tensors[name] for name in self._cell(tensors))
        i, j, f, o = torch.split(kernel.T, hidden)  # (H, E + H) each
        bias_i, bias_j, bias_f, bias_o = torch.split(bias, hidden)
        from_input, from_hidden = torch.split(torch.cat([i, f, j, o]), [embedding, hidden], dim=1)
        weight, last = words.prediction(tensors["logits/weights"].T, tensors["logits/biases"])
        see = tensors["image_embedding/weights"].T
        return Imitation(
            {
                "name": "show_and_tell",
                "image": "input",
                "cell": "lstm",
                "embedding": embedding,
                "hidden": hidden,
            },
            {
                "see.weight": see,
                "see.bias": torch.zeros_like(see[:, 0]),
                "cell.from_input.weight": from_input,
                "cell.from_input.bias": torch.cat([bias_i, bias_f + _FORGET_BIAS, bias_j, bias_o]),
                "cell.from_hidden.weight": from_hidden,
                "embed.weight": words.embedding(tensors["seq_embedding/map"]),
                "classify.weight": weight,
                "classify.bias": last,
            },
        )

    def _cell(self, tensors: Tensors) -> tuple[str, str]:
        return next((names for names in _CELLS if names[0] in tensors), _CELLS[0])
