"""``meanpool`` and ``word2vec`` as programs: means over what one session holds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.data.schema import KEYWORD, PRODUCT


class MeansProgram(nn.Module):
    """Means of word vectors and of images, side by side; see :class:`encoders.meanpool.MeanPool`.

    Args:
        word_vectors: (V, w).
        split_kinds: a mean for the words of keyword queries and one for those of product queries; else one for both.
        centre, axes: (m,) and (m, d), the affine map after the means; none leaves them as they are.
    """

    word_vectors: Tensor
    centre: Tensor | None
    axes: Tensor | None

    def __init__(
        self, word_vectors: Tensor, split_kinds: bool, centre: Tensor | None = None, axes: Tensor | None = None
    ) -> None:
        super().__init__()
        self.split_kinds = split_kinds
        self.register_buffer("word_vectors", word_vectors)
        self.register_buffer("centre", centre)
        self.register_buffer("axes", axes)

    def forward(
        self, kind: Tensor, words: Tensor, word_step: Tensor, images: Tensor, image_id: Tensor, image_step: Tensor
    ) -> Tensor:
        """(d,); the inputs are those of :func:`bench.serving.programs.program_inputs`."""
        vectors, there = self.word_vectors[words], word_step >= 0  # (W, w), (W,)
        of_word = kind[word_step.clamp(min=0)]  # (W,)
        chosen = [there & (of_word == one) for one in (KEYWORD, PRODUCT)] if self.split_kinds else [there]
        means = torch.cat([*(mean_of(vectors, rows) for rows in chosen), mean_of(images, image_step >= 0)])  # (m,)
        if self.axes is None or self.centre is None:
            return means
        return (means - self.centre) @ self.axes


def mean_of(vectors: Tensor, chosen: Tensor) -> Tensor:
    """(d,) mean of the chosen rows of (n, d), zero without any."""
    weights = chosen.to(vectors.dtype)  # (n,)
    return (vectors * weights.unsqueeze(1)).sum(0) / weights.sum().clamp(min=1)
