"""Node vectors of session graphs: words as they are, images projected into the space of words (section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.features import Dims
from encoders.graph import IQ, SessionGraphs


class NodeVectors(nn.Module):
    r"""A word's node is its vector; an image's is :math:`v = \sigma(W^e \tilde v + b)` with ELU as σ.

    Args:
        dims: widths of word and image vectors.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.project_image = nn.Linear(dims.images, dims.words)  # W^e, b

    def forward(self, graphs: SessionGraphs) -> Tensor:
        """(n, dims.words) vectors of the nodes of ``graphs``."""
        features = graphs.batch.features
        is_image = graphs.node_type == IQ
        words = features.words(graphs.node_source.masked_fill(is_image, 0)).to(self.project_image.weight.dtype)
        images = F.elu(self.project_image(features.images(graphs.image_rows).to(words.dtype))).to(words.dtype)
        place = torch.nonzero(is_image).squeeze(1)
        return words.index_copy(0, place, images.index_select(0, graphs.node_source[place]))  # (n, dims.words)
