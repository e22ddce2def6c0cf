"""The image of an item beside its title, for models whose papers read titles alone: an option of this project."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.contracts import ClickCorpus
from bench.data.features import Features
from bench.errors import BenchError


class ItemImages(nn.Module):
    r"""The linear projection :math:`V i` of an item's image vector i, to be added to what a model reads of its title.

    It has no bias: an item without an image is its title, as without this option.

    Args:
        images: width of an image vector.
        width: of what it is added to.
        owner: name of the baseline, for errors.
    """

    def __init__(self, images: int, width: int, owner: str) -> None:
        super().__init__()
        self.owner = owner
        self.project = nn.Linear(images, width, bias=False)
        self._features: Features | None = None
        self._rows = torch.empty(0, dtype=torch.int64)

    def prepare(self, data: ClickCorpus) -> None:
        """Keeps where the images are looked up.

        Raises:
            BenchError: the corpus has none.
        """
        if not len(data.corpus.image_vectors):
            raise BenchError(
                f"{self.owner} cannot read images of items: there are none",
                where=str(data.corpus.folder),
                fix=f"set {self.owner}.items=title",
            )
        self._features = data.features
        self._rows = torch.from_numpy(data.corpus.columns.item_image.astype("int64")).to(data.features.device)

    def forward(self, items: Tensor) -> Tensor:
        """(…, width) of item rows (…), each distinct one projected once; zero without an image, and for -1."""
        if self._features is None:
            raise BenchError(
                "prepare() was not called", where=f"baseline {self.owner}", fix="call prepare before context"
            )
        distinct, inverse = torch.unique(items, return_inverse=True)  # (U,), (…)
        rows = torch.where(distinct >= 0, self._rows[distinct.clamp(min=0)], -1)  # (U,)
        projected: Tensor = self.project(self._features.images_or_zero(rows))[inverse]
        return projected
