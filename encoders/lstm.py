"""An LSTM over the steps of a session, trained end to end with the baseline (the paper's competitor, section 4.2)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KINDS
from bench.plugins.options import read_options
from encoders.kernels import last_states
from encoders.options import LstmOptions
from encoders.pooled_images import PooledImages


class LstmEncoder(SessionEncoder):
    """The last hidden state after all steps.

    A step's input is the mean of its word vectors and its kind, one-hot; with ``images="steps"`` also its image vector
    projected to ``image_dim`` (zero without an image). Hochreiter and Schmidhuber, Neural Computation 1997; as a
    session encoder in Zhong et al., SIGIR 2020.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.LstmOptions`.
    """

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(LstmOptions, given, "lstm")
        of_steps = options.image_dim if options.images == "steps" else 0
        self.project_image = nn.Linear(dims.images, of_steps, bias=False) if of_steps else None
        self.lstm = nn.LSTM(dims.words + of_steps + len(KINDS), options.output_dim, batch_first=True)
        self.pooled = PooledImages(dims.images, options.image_dim) if options.images == "pooled" else None
        self.output_dim = options.output_dim + (self.pooled.width if self.pooled is not None else 0)

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim); the hidden state is zero for a session without steps."""
        states = self._last_states(batch)  # (B, hidden)
        return states if self.pooled is None else torch.cat([states, self.pooled(batch)], dim=1)

    def _last_states(self, batch: SessionBatch) -> Tensor:
        """(B, hidden) state after the last step of each session.

        Prefixes are short with a long tail, so padding them would be four fifths of the work: the steps are packed by
        their position instead, the longest session first.
        """
        lengths, steps = batch.num_steps, len(batch.step_kind)  # (B,)
        text = batch.step_text()  # (T, dims.words)
        states = text.new_zeros(len(batch), self.lstm.hidden_size)
        if not steps:
            return states
        order = torch.argsort(lengths, descending=True, stable=True)  # (B,)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device)
        first = lengths.cumsum(0) - lengths  # (B,)
        position = torch.arange(steps, device=order.device) - first[batch.step_session]  # (T,)
        packed = torch.argsort(position * len(batch) + rank[batch.step_session])  # (T,) the step in each place
        sizes = torch.bincount(position).cpu()  # (L,) sessions that have a step at each position
        fixed = torch.cat([text, F.one_hot(batch.step_kind, len(KINDS)).to(text.dtype)], dim=1)[packed]
        last = last_states(self.lstm, fixed, self._images(batch, packed), sizes)  # (B without empty sessions, hidden)
        return states.index_copy(0, order[: len(last)], last)

    def _images(self, batch: SessionBatch, packed: Tensor) -> Tensor:
        """(T, image_dim) projected images in packed order, zero without one; (T, 0) where they are no part of steps."""
        if self.project_image is None:
            return batch.features.word_vectors.new_zeros(len(packed), 0)
        place = torch.empty_like(packed)  # of each step; straight to there, since a gather's gradient is a slow sum
        place[packed] = torch.arange(len(packed), device=packed.device)
        projected = self.project_image(batch.features.images(batch.images))  # (M, image_dim)
        none = projected.new_zeros(len(packed), projected.shape[1])
        return none.index_add(0, place[batch.image_step], projected)
