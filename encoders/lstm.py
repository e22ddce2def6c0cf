"""An LSTM over the steps of a session, trained end to end with the baseline (the paper's competitor, section 4.2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KINDS
from bench.plugins.options import read_options
from encoders.kernels import lstm_states
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
        self.causal = self.pooled is None  # pooled images are those of all steps

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim); the hidden state is zero for a session without steps."""
        lengths = batch.num_steps  # (B,)
        some = torch.nonzero(lengths).squeeze(1)  # sessions that have a step
        ended = self._states(batch, (lengths.cumsum(0) - 1)[some])
        states = ended.new_zeros(len(batch), self.lstm.hidden_size).index_copy(0, some, ended)  # (B, hidden)
        return states if self.pooled is None else torch.cat([states, self.pooled(batch)], dim=1)

    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        """(n, output_dim) states after these steps (n,)."""
        return self._states(batch, steps)

    def _states(self, batch: SessionBatch, wanted: Tensor) -> Tensor:
        """(n, hidden) state after each of the steps ``wanted`` (n,)."""
        text = batch.step_text()  # (T, dims.words)
        if not len(text):
            return text.new_zeros(0, self.lstm.hidden_size)
        images, steps = text.new_zeros(0, 0), batch.image_step[:0]
        if self.project_image is not None:
            images, steps = self.project_image(batch.features.images(batch.images)), batch.image_step  # (M, image_dim)
        return lstm_states(self.lstm, batch.num_steps, text, batch.step_kind, images, steps, wanted)
