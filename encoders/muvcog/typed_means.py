"""What a session shows as typed means, past its graph: views of a graph lose what a linear map of means keeps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.csr import offsets_of
from bench.data.features import Dims
from bench.data.schema import KEYWORD, PRODUCT
from bench.training.context import TrainingContext

_PREFIXES = 4_096  # that the scales are taken from, at most


class TypedMeans(nn.Module):
    r"""A linear map of the means of a session and of its last step, :math:`W D m_s + b`.

    :math:`m_s` holds, side by side, the mean word of its keyword queries, of its product queries, its mean image, the
    mean word of its last step and the image of that; each is zero where there is nothing of its kind. D gives each kind
    a mean square of 1 over prefixes of training sessions, since 512 numbers of an image would outweigh 50 of a word.

    Args:
        dims: widths of word and image vectors.
        width: of the output.
    """

    scale: Tensor

    def __init__(self, dims: Dims, width: int) -> None:
        super().__init__()
        self._widths = (dims.words, dims.words, dims.images, dims.words, dims.images)
        self.project = nn.Linear(sum(self._widths), width)  # W, b
        self.register_buffer("scale", torch.ones(sum(self._widths)))  # the diagonal of D

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, width)."""
        projected: Tensor = self.project(self._means(batch) * self.scale)  # (B, width)
        return projected

    def fit_scale(self, context: TrainingContext) -> None:
        """Takes D from prefixes of training sessions, of more than 4,096 every n-th; a kind that none shows gets 0."""
        sessions, starts = context.training_sessions(), np.asarray(context.corpus.columns.session_queries)
        offsets = offsets_of(starts[sessions + 1] - starts[sessions])  # of the sessions into all training queries
        chosen = np.arange(0, offsets[-1], max(1, -(-int(offsets[-1]) // _PREFIXES)))
        if not len(chosen):
            return
        place = np.searchsorted(offsets, chosen, side="right") - 1  # a session without queries is passed over
        queries = starts[sessions[place]] + chosen - offsets[place]  # (n,) every n-th
        means = self._means(SessionBatch.from_prefixes(context.corpus, queries, context.features))  # (n, m)
        squares = torch.stack([kind.square().sum(1).mean() for kind in means.split(self._widths, dim=1)])  # (5,)
        scales = torch.where(squares > 0, squares, torch.inf).rsqrt()  # (5,)
        self.scale.copy_(scales.repeat_interleave(torch.tensor(self._widths, device=scales.device)))

    def _means(self, batch: SessionBatch) -> Tensor:
        """(B, m) m_s."""
        of_kinds = (batch.mean_text_of(kind) for kind in (KEYWORD, PRODUCT))
        earlier = batch.step_position < (batch.num_steps - 1)[batch.step_session]  # (T,)
        last = batch.without_steps(earlier)
        means = torch.cat([*of_kinds, batch.mean_images(), last.mean_text(), last.mean_images()], dim=1)
        return means.to(self.scale.dtype)
