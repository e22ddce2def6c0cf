"""An LSTM over the steps of a session, trained end to end with the baseline (the paper's competitor, section 4.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.data.schema import KINDS


class LstmEncoder(SessionEncoder):
    """The last hidden state after all steps.

    A step's input is the mean of its word vectors, its image vector projected to ``image_dim`` (zero without an image)
    and its kind, one-hot. Hochreiter and Schmidhuber, Neural Computation 1997; as a session encoder in Zhong et al.,
    SIGIR 2020.

    Args:
        dims: widths of word and image vectors.
        output_dim: of the hidden state; 64 as MUVCOG's two views together.
        image_dim: width of the projected image; the images' part is left out with 0.
    """

    def __init__(self, dims: Dims, output_dim: int = 64, image_dim: int = 32) -> None:
        super().__init__(dims)
        self.output_dim = output_dim
        self.project_image = nn.Linear(dims.images, image_dim, bias=False) if image_dim else None
        self.lstm = nn.LSTM(dims.words + image_dim + len(KINDS), output_dim, batch_first=True)

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim), zero for a session without steps."""
        inputs = [batch.step_text(), F.one_hot(batch.step_kind, len(KINDS)).to(torch.float32)]
        if self.project_image is not None:
            projected = self.project_image(batch.features.images(batch.images))  # (M, image_dim)
            zeros = projected.new_zeros(len(batch.step_kind), projected.shape[1])
            inputs.append(zeros.index_add(0, batch.image_step, projected))
        steps = torch.cat(inputs, dim=1)  # (T, input)
        lengths = batch.num_steps  # (B,)
        padded = steps.new_zeros(len(batch), max(int(lengths.max()), 1), steps.shape[1])
        padded[batch.step_session, batch.step_position] = steps
        states, _ = self.lstm(padded)  # (B, L, output_dim); padding comes after the last step and cannot reach it
        last = states[torch.arange(len(batch), device=batch.device), (lengths - 1).clamp(min=0)]
        return last * (lengths > 0).unsqueeze(1)
