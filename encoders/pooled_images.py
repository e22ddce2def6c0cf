"""The mean image of a session, to be concatenated to an encoding of its text (KDD 2022, section 4.5)."""

from __future__ import annotations

from torch import Tensor, nn

from bench.data.batch import SessionBatch


class PooledImages(nn.Module):
    """Mean image vector of each session, zero without images.

    Args:
        width_of_image: of an image vector.
        width: of a learnt projection without bias; 0 for none.

    Attributes:
        width: of what comes out.
    """

    def __init__(self, width_of_image: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width_of_image, width, bias=False) if width else None
        self.width = width or width_of_image

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, width)."""
        mean = batch.mean_images()  # (B, dims.images)
        return mean if self.project is None else self.project(mean)
