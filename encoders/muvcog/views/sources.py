"""Vectors of what nodes show: words as they are, images projected into the space of words (section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.data.features import Dims
from encoders.kernels import elu
from encoders.muvcog.graph import SessionGraphs


class SourceVectors(nn.Module):
    r"""A word's vector as it is, an image's as :math:`v = \sigma(W^e \tilde v + b)` with ELU as σ.

    One vector for each distinct word and image of a batch, not for each node: nodes that show the same word share it,
    and with it whatever matrix is applied to it.

    Args:
        dims: widths of word and image vectors.
    """

    def __init__(self, dims: Dims) -> None:
        super().__init__()
        self.project_image = nn.Linear(dims.images, dims.words)  # W^e, b

    def forward(self, graphs: SessionGraphs) -> Tensor:
        """(v + m, dims.words) vectors of ``graphs.word_rows`` followed by ``graphs.image_rows``."""
        features, width = graphs.batch.features, self.project_image.weight.dtype
        words = features.words(graphs.word_rows).to(width)  # (v, dims.words)
        images = elu(self.project_image(features.images(graphs.image_rows).to(width)))  # (m, dims.words)
        return torch.cat([words, images.to(width)])
