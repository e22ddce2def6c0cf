"""TranSearch's optional first stage: what goes together is learnt from titles and images before any query is seen.

Guo et al., MM 2018 (https://doi.org/10.1145/3240508.3240541); public code ``pytorch/pre_train.py`` of
https://github.com/guoyang9/TranSearch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import ClickCorpus
from bench.data.clicks import Clicks
from bench.data.csr import Integers, offsets_of
from bench.errors import BenchError
from bench.training.adam import Adam
from bench.training.dropout import Dropout

RECONSTRUCTION = 0.01
"""Weight of the reconstruction beside the triplet loss, as in the public code."""

_TRIPLETS = 512  # a batch, as in the public code
_LEARNING_RATE = 1e-3


def feature_layers(width: int, embed_size: int, dropout: float, out: int | None = None) -> nn.Sequential:
    """From vectors of ``width`` through ``embed_size`` to ``out`` (by default ``embed_size``)."""
    return nn.Sequential(
        nn.Linear(width, embed_size),
        nn.ELU(),
        Dropout(dropout),
        nn.Linear(embed_size, embed_size if out is None else out),
        nn.ELU(),
    )


def glorot(module: nn.Module) -> None:
    """Weights of one module by Glorot's uniform draw, biases 0; for ``apply``."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.xavier_uniform_(module.weight)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


class FeatureAutoencoder(nn.Module):
    r"""Feature layers f and layers g that lead back. For an anchor a, an item p that goes with it and one n that
    doesn't,

    .. math::
        L = \max(0, m + \lVert f(a) - f(p) \rVert - \lVert f(a) - f(n) \rVert)
            + 0.01 \sum_{x \in \{a, p, n\}} \mathrm{MSE}(g(f(x)), x)

    Args:
        width: of an item's vectors.
        embed_size: d.
        dropout: between the layers.
        margin: m.
    """

    def __init__(self, width: int, embed_size: int, dropout: float, margin: float) -> None:
        super().__init__()
        self.margin = margin
        self.forth = feature_layers(width, embed_size, dropout)
        self.back = feature_layers(embed_size, embed_size, dropout, out=width)
        self.apply(glorot)

    def loss(self, vectors: Tensor) -> Tensor:
        """Mean loss of B anchors with N negatives each.

        Args:
            vectors: (B, 2 + N, width) each anchor, the item that goes with it, and those that don't.
        """
        codes, roles = self.forth(vectors), [1, 1, vectors.shape[1] - 2]  # (B, 2 + N, d)
        apart = codes[:, :1] - codes[:, 1:] + 1e-6  # (B, 1 + N, d); as triplet_margin_loss keeps the root away from 0
        distance = apart.square().sum(2).sqrt()  # (B, 1 + N)
        triplets = F.relu(self.margin + distance[:, :1] - distance[:, 1:]).mean()
        parts = zip(self.back(codes).split(roles, 1), vectors.split(roles, 1), strict=True)
        return triplets + RECONSTRUCTION * torch.stack([F.mse_loss(found, given) for found, given in parts]).sum()


@dataclass(frozen=True)
class GoTogether:
    """Which items were clicked in one session, of the sessions that are trained on.

    Attributes:
        items: (n,) rows of the distinct items of each session, ascending within it; sessions with one are left out,
            and sessions that clicked everything there is.
        offsets: (S + 1,) of the sessions.
        catalogue: how many items there are.
    """

    items: NDArray[np.int64]
    offsets: NDArray[np.int64]
    catalogue: int

    @classmethod
    def of(cls, data: ClickCorpus) -> GoTogether:
        """Of the sessions of the training queries, and no others."""
        columns = data.corpus.columns
        sessions, catalogue = np.unique(columns.query_session[data.training_queries]), len(columns.item_image)
        clicked, owner = Clicks.of(data.corpus).of_sessions(sessions)
        distinct = np.unique(owner * catalogue + clicked)
        owner, items = distinct // catalogue, distinct % catalogue
        count = np.bincount(owner, minlength=len(sessions))
        usable = (count > 1) & (count < catalogue)
        return cls(items[usable[owner]], offsets_of(count[usable]), catalogue)

    def tuples(self, clicks: Integers, negatives: int, draws: np.random.Generator) -> NDArray[np.int64]:
        """(B, 2 + negatives) for each of these places in ``items`` (B,): the item, another one of its session, and
        items that the session has not clicked."""
        session = np.searchsorted(self.offsets, clicks, side="right") - 1  # (B,)
        first, size = self.offsets[session], self.offsets[session + 1] - self.offsets[session]
        other = first + (clicks - first + draws.integers(1, size)) % size  # any place but the own
        rank = draws.integers(0, self.catalogue - size[:, None], (len(clicks), negatives))
        passed = np.searchsorted(self._unclicked_before, session[:, None] * self.catalogue + rank, side="right")
        return np.column_stack([self.items[clicks], self.items[other], rank + passed - first[:, None]])

    @cached_property
    def _unclicked_before(self) -> NDArray[np.int64]:
        """(n,) how many items a session has not clicked before each that it has, with the session in front, ascending.

        The r-th unclicked item is r plus the clicked ones before it, which one search finds for all draws.
        """
        session = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        place = np.arange(len(self.items)) - self.offsets[session]
        return session * self.catalogue + self.items - place


def pretrained_features(
    data: ClickCorpus, embed_size: int, dropout: float, margin: float, epochs: int, negatives: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Feature layers of images and of titles, learnt from what training sessions clicked together.

    The public code takes for an item's positives what its shop lists as viewed with it or bought after it, and passes
    in every epoch over all pairs. Here it is the items that a session clicked, and an epoch draws one positive for
    each of them, since pairs grow with the square of a session. Negatives are items that the session did not click.
    Random numbers follow from torch's global seed.

    Args:
        data: the corpus, its features, and the queries that are trained on.
        embed_size, dropout, margin: see :class:`FeatureAutoencoder`.
        epochs: passes over all clicks.
        negatives: per click and epoch.

    Raises:
        BenchError: no training session clicked two items.
    """
    together = GoTogether.of(data)
    if not len(together.items):
        raise BenchError(
            "no training session clicked two items, so nothing says which go together",
            where=str(data.corpus.folder),
            fix="take mode=end, which learns the feature layers with the rest",
        )
    features, dims = data.features, data.features.dims
    columns = data.corpus.columns
    titles = features.mean_words(columns.item_word_offsets, columns.item_words, np.arange(together.catalogue))
    visual = FeatureAutoencoder(dims.images, embed_size, dropout, margin).to(features.device)
    textual = FeatureAutoencoder(dims.words, embed_size, dropout, margin).to(features.device)
    optimizer = Adam([*visual.parameters(), *textual.parameters()], _LEARNING_RATE)
    draws = np.random.default_rng(int(torch.randint(2**62, ())))
    with torch.enable_grad():
        for tuples in _batches(together, epochs, negatives, draws):
            rows = torch.from_numpy(columns.item_image[tuples].astype(np.int64)).to(features.device)
            loss = visual.loss(features.images_or_zero(rows)) + textual.loss(
                titles[torch.from_numpy(tuples).to(features.device)]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if not all(bool(p.isfinite().all()) for p in (*visual.parameters(), *textual.parameters())):
        raise BenchError("pretraining the feature layers diverged", where="option mode=double of transearch")
    return visual.forth, textual.forth


def _batches(
    together: GoTogether, epochs: int, negatives: int, draws: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    size = max(_TRIPLETS // negatives, 1)
    for _ in range(epochs):
        order = draws.permutation(len(together.items))
        for clicks in np.split(order, range(size, len(order), size)):
            yield together.tuples(clicks, negatives, draws)
