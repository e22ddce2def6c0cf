"""The control that only takes means: what a session encoder has to beat before its design explains anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KEYWORD, PRODUCT
from bench.errors import BenchError
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from encoders.options import MeanPoolOptions

_PREFIXES = 32_768  # that principal components are fitted on, at most
_CHUNK = 4_096  # prefixes at a time
_LEAST = 1e-10  # of the largest variance: a component below it is rounding, which standardising would blow up


class MeanPool(SessionEncoder):
    r"""Mean of the words of keyword queries, mean of those of product queries, and mean of the images, side by side.

    Each is zero where there is nothing of its kind. Where that is wider than ``width``, its first ``width`` principal
    components over prefixes of training sessions stand for it, so that no encoder is judged by its width:

    .. math:: g_s = A^\top D (m_s - \bar m)

    with :math:`m_s` the means, A the eigenvectors of the largest eigenvalues of the covariance of :math:`D m`, and D a
    scale for each of the three kinds that gives its vectors a mean square of 1 about their mean. Without D the 512
    entries of images would outweigh all words; entry by entry it would lift entries that hardly vary.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.MeanPoolOptions`.
    """

    centre: Tensor
    axes: Tensor

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        self.options = read_options(MeanPoolOptions, given, "meanpool")
        self._widths = (dims.words, dims.words, dims.images)
        means, width = sum(self._widths), self.options.width
        self.reduced = 0 < width < means
        self.output_dim = width if self.reduced else means
        if self.reduced:
            self.register_buffer("centre", torch.zeros(means))
            self.register_buffer("axes", torch.eye(means, width))  # D A once fitted

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        means = self._means(batch)  # (B, 2 dims.words + dims.images)
        return (means - self.centre) @ self.axes if self.reduced else means

    def _means(self, batch: SessionBatch) -> Tensor:
        text = (batch.mean_text_of(kind) for kind in (KEYWORD, PRODUCT))
        return torch.cat([*text, batch.mean_images()], dim=1)

    def pretrain(self, context: TrainingContext) -> None:
        """Fits the principal components, on prefixes of training sessions alone; nothing where none are needed.

        Of more than 32,768 prefixes every n-th is taken, so that no seed matters.

        Raises:
            BenchError: no training sessions.
        """
        if not self.reduced:
            return
        of_training = np.zeros(len(context.corpus.columns.session_split), dtype=bool)
        of_training[context.training_sessions()] = True
        queries = np.flatnonzero(of_training[context.corpus.columns.query_session])
        queries = queries[:: max(1, -(-len(queries) // _PREFIXES))]
        if not len(queries):
            raise BenchError("no training sessions to fit principal components on", where=str(context.corpus.folder))
        size = sum(self._widths)
        total, products = torch.zeros(size).double(), torch.zeros(size, size).double()
        for start in range(0, len(queries), _CHUNK):
            rows = queries[start : start + _CHUNK]
            means = self._means(SessionBatch.from_prefixes(context.corpus, rows, context.features)).double().cpu()
            total += means.sum(0)
            products += means.T @ means
            context.progress(start + len(rows), len(queries))
        centre = total / len(queries)  # (m,)
        covariance = products / len(queries) - torch.outer(centre, centre)  # (m, m)
        self.centre.copy_(centre)
        self.axes.copy_(_principal_axes(covariance, self._widths, self.output_dim))


def _principal_axes(covariance: Tensor, widths: tuple[int, ...], components: int) -> Tensor:
    """(m, components) D A: principal axes after blocks of these widths are scaled to unit mean square."""
    square = torch.stack([block.sum() for block in covariance.diagonal().split(widths)]).clamp(min=0)  # by block
    scale = torch.where(square > 0, square, torch.inf).rsqrt().repeat_interleave(torch.tensor(widths))  # (m,) D
    values, vectors = torch.linalg.eigh(scale.unsqueeze(1) * covariance * scale)  # ascending
    values, vectors = values[-components:].flip(0), vectors[:, -components:].flip(1)
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))  # (1, components)
    signs = torch.where(values > _LEAST * values[0], largest.sign(), 0.0)  # eigenvectors come with any sign
    return scale.unsqueeze(1) * vectors * signs
