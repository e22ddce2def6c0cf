"""``muvcog-plus`` as a program: the views of its graph, its map of typed means, and its aim."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.data.schema import KEYWORD, PRODUCT
from encoders.muvcog.plus import MuvcogPlus
from encoders.muvcog.typed_means import TypedMeans
from encoders.programs.graph import GraphProgram
from encoders.programs.means import mean_of


class PlusProgram(nn.Module):
    """The parts of one session's vector side by side; see :class:`encoders.muvcog.plus.MuvcogPlus`.

    Args:
        encoder: with its weights, without ``last_step``.
        word_vectors: (V, w).
    """

    def __init__(self, encoder: MuvcogPlus, word_vectors: Tensor) -> None:
        super().__init__()
        options = encoder.options
        self.views = (
            GraphProgram(word_vectors, encoder.sources, [encoder.agv, encoder.hlv], True) if options.graph else None
        )
        self.means = TypedMeansProgram(encoder.means, word_vectors) if encoder.means is not None else None
        self.to_item = encoder.to_item if options.aim else None

    def forward(
        self, kind: Tensor, words: Tensor, word_step: Tensor, images: Tensor, image_id: Tensor, image_step: Tensor
    ) -> Tensor:
        """(d,); the inputs are those of :func:`bench.serving.programs.program_inputs`."""
        inputs = (kind, words, word_step, images, image_id, image_step)
        parts = torch.cat([part(*inputs) for part in (self.views, self.means) if part is not None])  # (parts,)
        return parts if self.to_item is None else torch.cat([parts, self.to_item(parts)])


class TypedMeansProgram(nn.Module):
    """The map of the typed means of one session; see :class:`encoders.muvcog.typed_means.TypedMeans`.

    Args:
        means: with its weights.
        word_vectors: (V, w).
    """

    word_vectors: Tensor

    def __init__(self, means: TypedMeans, word_vectors: Tensor) -> None:
        super().__init__()
        self.register_buffer("word_vectors", word_vectors)
        self.means = means

    def forward(
        self, kind: Tensor, words: Tensor, word_step: Tensor, images: Tensor, image_id: Tensor, image_step: Tensor
    ) -> Tensor:
        """(width,); the inputs are those of :func:`bench.serving.programs.program_inputs`."""
        vectors, last = self.word_vectors[words], (kind >= 0).sum() - 1  # (W, w), the last step or -1
        of_word, word, image = kind[word_step.clamp(min=0)], word_step >= 0, image_step >= 0  # (W,), (W,), (I,)
        texts = [mean_of(vectors, word & (of_word == one)) for one in (KEYWORD, PRODUCT)]  # (w,) each
        ending = [mean_of(vectors, word & (word_step == last)), mean_of(images, image & (image_step == last))]
        means = torch.cat([*texts, mean_of(images, image), *ending])  # (m,)
        projected: Tensor = self.means.project(means * self.means.scale)  # (width,)
        return projected
