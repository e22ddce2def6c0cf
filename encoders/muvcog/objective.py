"""MUVCOG's contrast as the objective of a pretraining: sessions by row, clicks for the negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.csr import Integers
from bench.training.context import TrainingContext
from bench.training.pretraining import PretrainingStep
from encoders.muvcog.contrast import sharing
from encoders.muvcog.products import Products
from encoders.muvcog.steps_of import ContrastedSessions

if TYPE_CHECKING:
    from encoders.muvcog.model import Muvcog


class ContrastObjective:
    """See :class:`bench.training.pretraining.Objective`.

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
        options = self._encoder.options
        items, owner = self._sessions.clicks(rows)
        products, touching = self._products.touched(items, owner, *self._sessions.steps(rows))
        by_click = self._sharing(items, owner, len(rows))
        by_product = self._sharing(products, touching, len(rows))
        hard = options.negatives != "random" and step.accuracy >= options.hard_at
        step.record("hard_negatives", torch.tensor(float(hard)))

        def seen(negative: Tensor, exists: Tensor) -> None:
            sharing_product = by_product.gather(1, negative.unsqueeze(1)).squeeze(1)  # (B,)
            step.record("negatives_sharing_product", sharing_product[exists].float().mean())

        barred = by_product if options.negatives == "hard-unshared" else by_click
        return self._encoder.loss(self._sessions.batch(rows), barred, draws, hard, seen)

    def _sharing(self, items: Integers, owner: Integers, sessions: int) -> Tensor:
        """(B, B) bool, which sessions share one of ``items`` (n,), of the sessions ``owner`` (n,); on the device."""
        pairs = sharing(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner.astype(np.int64)), sessions)
        return pairs.to(self._device)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of sessions that score their own masked version above those of their batch mates."""
        return self._encoder.accuracy(self._sessions.batch(rows), draws)

    def plateau(self, batch: int) -> float:
        """A tenth of the way from chance to certainty."""
        return 0.1 + 0.9 / batch
