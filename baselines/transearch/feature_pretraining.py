"""TranSearch's optional first stage: feature layers of titles and images, pretrained on which items go together.

Paper: Guo et al., MM 2018 (https://doi.org/10.1145/3240508.3240541). Public code: ``pytorch/pre_train.py`` of
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

_BATCH_TRIPLETS = 512  # as in the public code
_LEARNING_RATE = 1e-3


def feature_layers(width: int, embed_size: int, dropout: float, out: int | None = None) -> nn.Sequential:
    """Two layers with ELU, from ``width`` through ``embed_size`` to ``out`` (by default ``embed_size``).

    Args:
        width: of the inputs (…, width).
        embed_size: of the hidden layer.
        dropout: between the layers.
        out: width of the outputs (…, out).
    """
    return nn.Sequential(
        nn.Linear(width, embed_size),
        nn.ELU(),
        Dropout(dropout),
        nn.Linear(embed_size, embed_size if out is None else out),
        nn.ELU(),
    )


def weights_of(layers: nn.Sequential) -> list[tuple[Tensor, Tensor]]:
    """Weight (out, in) and bias (out,) of each linear layer, for :func:`bench.kernels.elu_layers`."""
    return [(layer.weight, layer.bias) for layer in layers if isinstance(layer, nn.Linear)]


def glorot(module: nn.Module) -> None:
    """Initialises a module's own weights by Glorot's uniform distribution and its biases to 0; for ``apply``."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.xavier_uniform_(module.weight)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


class FeatureAutoencoder(nn.Module):
    r"""An autoencoder of feature layers f and decoder g, trained on triplets: for an anchor a, an item p that goes with
    it (positive) and one n that does not (negative),

    .. math::
        L = \max(0, m + \lVert f(a) - f(p) \rVert - \lVert f(a) - f(n) \rVert)
            + 0.01 \sum_{x \in \{a, p, n\}} \mathrm{MSE}(g(f(x)), x)

    Args:
        width: width of the items' vectors.
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
        """The mean loss of B anchors with N negatives each, a scalar.

        Args:
            vectors: (B, 2 + N, width) the anchor, its positive and its negatives.
        """
        codes, roles = self.forth(vectors), [1, 1, vectors.shape[1] - 2]  # (B, 2 + N, d)
        # 1e-6 as in triplet_margin_loss, which keeps the root away from 0
        difference = codes[:, :1] - codes[:, 1:] + 1e-6  # (B, 1 + N, d)
        distance = difference.square().sum(2).sqrt()  # (B, 1 + N)
        triplets = F.relu(self.margin + distance[:, :1] - distance[:, 1:]).mean()
        pairs = zip(self.back(codes).split(roles, 1), vectors.split(roles, 1), strict=True)
        errors = [F.mse_loss(decoded, original) for decoded, original in pairs]  # of anchors, positives, negatives
        return triplets + RECONSTRUCTION * torch.stack(errors).sum()


@dataclass(frozen=True)
class GoTogether:
    """The distinct items clicked in each of the S sessions that are trained on, which go together.

    Sessions with fewer than two items have no positive, sessions with the whole catalogue no negative: they are left
    out.

    Attributes:
        items: (n,) item rows of the sessions, ascending within a session.
        offsets: (S + 1,) CSR offsets of the sessions.
        catalogue: number of items in the corpus.
    """

    items: NDArray[np.int64]
    offsets: NDArray[np.int64]
    catalogue: int

    @classmethod
    def of(cls, data: ClickCorpus) -> GoTogether:
        """The items of the sessions of the training queries, and of no others."""
        columns = data.corpus.columns
        sessions, catalogue = np.unique(columns.query_session[data.training_queries]), len(columns.item_image)
        clicked, owner = Clicks.of(data.corpus).of_sessions(sessions)
        distinct = np.unique(owner * catalogue + clicked)
        owner, items = distinct // catalogue, distinct % catalogue
        count = np.bincount(owner, minlength=len(sessions))
        usable = (count > 1) & (count < catalogue)
        return cls(items[usable[owner]], offsets_of(count[usable]), catalogue)

    def tuples(self, clicks: Integers, negatives: int, draws: np.random.Generator) -> NDArray[np.int64]:
        """(B, 2 + negatives) item rows: an anchor, another item of its session, and items not clicked in it.

        Args:
            clicks: (B,) the anchors, as indices into ``items``.
            negatives: per anchor.
            draws: the random stream.
        """
        session = np.searchsorted(self.offsets, clicks, side="right") - 1  # (B,)
        start, size = self.offsets[session], self.offsets[session + 1] - self.offsets[session]  # (B,) each
        positive = start + (clicks - start + draws.integers(1, size)) % size  # (B,) any of the session but the anchor
        rank = draws.integers(0, self.catalogue - size[:, None], (len(clicks), negatives))  # among unclicked items
        clicked_before = np.searchsorted(self._unclicked_before, session[:, None] * self.catalogue + rank, side="right")
        return np.column_stack([self.items[clicks], self.items[positive], rank + clicked_before - start[:, None]])

    @cached_property
    def _unclicked_before(self) -> NDArray[np.int64]:
        """(n,) number of unclicked items below each clicked one, plus ``catalogue`` times its session; ascending.

        The r-th unclicked item of a session is r plus the number of clicked items below it, which one binary search
        finds for all draws.
        """
        session = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        index = np.arange(len(self.items)) - self.offsets[session]  # within the session
        return session * self.catalogue + self.items - index


def pretrained_features(
    data: ClickCorpus, embed_size: int, dropout: float, margin: float, epochs: int, negatives: int
) -> tuple[nn.Sequential, nn.Sequential]:
    """Feature layers of images and of titles, pretrained on the items that training sessions clicked together.

    In the public code an item's positives are those that the shop lists as viewed with it or bought after it, and an
    epoch passes over all pairs. Here they are the items clicked in the same session, and an epoch draws one positive
    for each click, since the number of pairs grows with the square of a session. Negatives are items that the session
    did not click. Random numbers follow from torch's global seed.

    Args:
        data: the corpus, its features, and the queries that are trained on.
        embed_size, dropout, margin: see :class:`FeatureAutoencoder`.
        epochs: passes over all clicks.
        negatives: per click and epoch.

    Returns:
        the feature layers of images and those of titles.

    Raises:
        BenchError: no training session clicked two items, or training diverged.
    """
    together = GoTogether.of(data)
    if not len(together.items):
        raise BenchError(
            "no training session clicked two items, so nothing says which go together",
            where=str(data.corpus.folder),
            fix="set mode=end, which trains the feature layers with the rest",
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
            rows = torch.from_numpy(columns.item_image[tuples].astype(np.int64)).to(features.device)  # (B, 2 + N)
            loss = visual.loss(features.images_or_zero(rows)) + textual.loss(
                titles[torch.from_numpy(tuples).to(features.device)]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    if not all(bool(p.isfinite().all()) for p in (*visual.parameters(), *textual.parameters())):
        raise BenchError(
            "pretraining the feature layers diverged",
            where="option mode=double of transearch",
            fix="set mode=end, or a smaller margin",
        )
    return visual.forth, textual.forth


def _batches(
    together: GoTogether, epochs: int, negatives: int, draws: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Batches (B, 2 + negatives) of item rows, every click once an epoch in random order."""
    size = max(_BATCH_TRIPLETS // negatives, 1)
    for _ in range(epochs):
        order = draws.permutation(len(together.items))
        for clicks in np.split(order, range(size, len(order), size)):
            yield together.tuples(clicks, negatives, draws)
