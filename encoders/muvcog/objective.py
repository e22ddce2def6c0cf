"""MUVCOG's contrast as the objective of a pretraining: sessions by row, clicks for the negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.csr import Integers
from bench.kernels.copies import copied
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from bench.training.ranks import ALONE, Ranks, Share
from encoders.muvcog.contrast import sharing
from encoders.muvcog.products import Products
from encoders.muvcog.steps_of import ContrastedSessions

if TYPE_CHECKING:
    from encoders.muvcog.model import Muvcog


class ContrastObjective:
    """See :class:`bench.training.objective.Objective`.

    Of every step it records, as columns of the curve, ``hard_negatives`` (1 where they were mined, else 0) and
    ``negatives_sharing_product``: the share of negatives that touched a product that their anchor touched too
    (:mod:`encoders.muvcog.products`).

    Args:
        encoder: what is pretrained.
        sessions: what is contrasted.
        context: says which corpus and where to compute.
    """

    def __init__(self, encoder: Muvcog, sessions: ContrastedSessions, context: TrainingContext) -> None:
        self._encoder, self._sessions, self._device = encoder, sessions, context.device
        self._products = Products(context.corpus.columns)

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """Equation 9, negatives hard once the last validation was good enough."""
        return self.part_of_loss(rows, step, draws, ALONE)

    def part_of_loss(
        self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator, ranks: Ranks
    ) -> Tensor:
        """See :class:`bench.training.objective.SharedObjective`."""
        options = self._encoder.options
        anchors = step.prepared if isinstance(step.prepared, _Anchors) else self.prepare(rows, ranks)
        hard = options.negatives != "random" and step.accuracy >= options.hard_at
        step.record("hard_negatives", torch.tensor(float(hard)))

        def seen(negative: Tensor, exists: Tensor) -> None:
            sharing_product = anchors.by_product.gather(1, negative.unsqueeze(1)).squeeze(1)  # (b,)
            step.record("negatives_sharing_product", (sharing_product & exists).sum() / exists.sum())  # NaN of none

        barred = anchors.by_product if options.negatives == "hard-unshared" else anchors.by_click
        return self._encoder.loss(anchors.batch, barred, draws, hard, seen, ranks.share(len(rows)))

    def prepare(self, rows: NDArray[np.int64], ranks: Ranks) -> _Anchors:
        """See :class:`bench.training.objective.PreparingObjective`."""
        share = ranks.share(len(rows))
        items, owner = self._sessions.clicks(rows)
        products, touching = self._products.touched(items, owner, *self._sessions.steps(rows))
        return _Anchors(
            by_click=self._sharing(items, owner, share),
            by_product=self._sharing(products, touching, share),
            batch=self._sessions.batch(rows[share.own]),
        )

    def _sharing(self, items: Integers, owner: Integers, share: Share) -> Tensor:
        """(b, B) bool, which sessions share one of ``items`` (n,), of the sessions ``owner`` (n,); on the device."""
        held, by = (copied(values.astype(np.int64), self._device) for values in (items, owner))
        return sharing(held, by, share.total, share)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of sessions that score their own masked version above those of their batch mates."""
        return self.part_of_accuracy(rows, draws, ALONE)

    def part_of_accuracy(self, rows: NDArray[np.int64], draws: torch.Generator, ranks: Ranks) -> float:
        """See :class:`bench.training.objective.SharedObjective`."""
        share = ranks.share(len(rows))
        return self._encoder.accuracy(self._sessions.batch(rows[share.own]), draws, share)

    def plateau(self, batch: int) -> float:
        """A tenth of the way from chance to certainty."""
        return 0.1 + 0.9 / batch


@dataclass(frozen=True)
class _Anchors:
    """A share of b sessions of a batch of B, on the device.

    Attributes:
        by_click, by_product: (b, B) bool, which sessions share a clicked item, or a product.
        batch: the b sessions.
    """

    by_click: Tensor
    by_product: Tensor
    batch: SessionBatch
