"""muvcog-plus: the views of MUVCOG, taught what the shopper did next instead of what was masked.

Beyond the paper, a contribution of this project. Same session graph, frozen and universal like MUVCOG; what differs is
the objective: InfoNCE between a prefix and the item clicked after it, and the words of the next query (van den Oord et
al., Representation Learning with Contrastive Predictive Coding, 2018). The defaults were chosen on validation: encoding
the last step once more (``last_step``) and a hidden layer in the heads (``hidden_dim``) bought nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.training.context import TrainingContext
from bench.training.pretraining import Moment, PretrainingConfig, pretrain
from encoders.muvcog.agv import AttentiveGlobalView
from encoders.muvcog.clicked import ClickedPrefixes, NextActions
from encoders.muvcog.contrasted import glorot
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.hlv import HierarchicalLocalView
from encoders.muvcog.nodes import SourceVectors

_COLDEST = 100.0  # largest inverse temperature, as in CLIP


class MuvcogPlus(SessionEncoder):
    r"""Both views of the session, ``output_dim = 2 * view_dim``; with ``last_step`` those of its last step beside them.

    .. math::
        \mathcal{L} = -\mathrm{Avg}_i \log \frac{\exp(\tau \cos(h(g_i), f(v_i)))}
        {\sum_{j : v_j = v_i \Rightarrow j = i} \exp(\tau \cos(h(g_i), f(v_j)))}

    with :math:`g_i` the vector of a random prefix of session i that ends with a clicked query, :math:`v_i` the clicked
    item (title and image), h and f learnt projections that are thrown away afterwards, and the same again for the words
    of the next query. Batch members that clicked the same item are no negatives.

    Unlike MUVCOG's contrast this uses training sessions' clicks as targets, not only to choose negatives.

    Args:
        dims: widths of word and image vectors.
        view_dim: width of one view.
        beta: ``mean`` or ``sum`` over nodes in equation 4.
        head_dim: width of the space in which prefixes and items are compared.
        hidden_dim: width of the hidden layer of h and f; 0 makes them linear.
        next_query: weight of the loss on the next query's words.
        last_step: whether the last step is encoded once more alone.
        learning_rate, schedule, pretraining: see :class:`bench.training.pretraining.PretrainingConfig`.
    """

    def __init__(
        self,
        dims: Dims,
        view_dim: int = 32,
        beta: str = "mean",
        head_dim: int = 64,
        hidden_dim: int = 0,
        next_query: float = 0.5,
        last_step: bool = False,
        learning_rate: float = 0.002,
        schedule: str = "cosine",
        **pretraining: Any,
    ) -> None:
        super().__init__(dims)
        self.output_dim = (4 if last_step else 2) * view_dim
        self.last_step, self.next_query = last_step, next_query
        self.config = PretrainingConfig.of({**pretraining, "learning_rate": learning_rate, "schedule": schedule})
        self.sources = SourceVectors(dims)
        self.agv = AttentiveGlobalView(dims.words, view_dim, beta)
        self.hlv = HierarchicalLocalView(dims.words, view_dim)
        self.to_item = _head(self.output_dim, hidden_dim, head_dim)
        self.to_next = _head(self.output_dim, hidden_dim, head_dim)
        self.item = _head(dims.words + dims.images, hidden_dim, head_dim)
        self.query = _head(dims.words, hidden_dim, head_dim)
        glorot(self)
        self.log_scale = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        if self.last_step:
            last = batch.first_step + batch.num_steps - 1  # (B,)
            earlier = torch.ones(len(batch.step_kind), dtype=torch.bool, device=batch.device)
            earlier[last[batch.num_steps > 0]] = False
            batch = SessionBatch.cat([batch, batch.without_steps(earlier)])
        graphs = SessionGraphs.of(batch)
        sources = self.sources(graphs)
        views = torch.cat([self.agv(graphs, sources), self.hlv(graphs, sources)], dim=1)  # (B or 2B, 2d)
        return torch.cat(views.chunk(2), dim=1) if self.last_step else views

    def pretrain(self, context: TrainingContext) -> None:
        """Contrasts prefixes of training sessions with what followed them."""
        pretrain(self, _Foresight(self, context), self.config, context)

    def similarities(self, actions: NextActions) -> tuple[Tensor, Tensor]:
        """(B, B) logits of every prefix with every clicked item, and with every next query."""
        vectors = self(actions.prefixes).float()
        item = self.item(torch.cat([actions.item_text, actions.item_images], dim=1))
        scale = self.log_scale.exp().clamp(max=_COLDEST)
        pairs = ((self.to_item(vectors), item), (self.to_next(vectors), self.query(actions.next_text)))
        by_item, by_next = (scale * F.normalize(left, dim=1) @ F.normalize(right, dim=1).T for left, right in pairs)
        same = actions.items.unsqueeze(1) == actions.items
        same.fill_diagonal_(False)
        return by_item.masked_fill(same, -torch.inf), by_next

    def loss(self, actions: NextActions) -> Tensor:
        """Mean InfoNCE over the B prefixes, both ways."""
        by_item, by_next = self.similarities(actions)
        own = torch.arange(len(by_item), device=by_item.device)
        loss = (F.cross_entropy(by_item, own) + F.cross_entropy(by_item.T, own)) / 2
        known = actions.has_next
        if self.next_query and int(known.sum()) > 1:
            by_next = by_next[known][:, known]
            loss = loss + self.next_query * F.cross_entropy(by_next, own[: len(by_next)])
        return loss


class _Foresight:
    """The objective on a corpus."""

    def __init__(self, encoder: MuvcogPlus, context: TrainingContext) -> None:
        self._encoder = encoder
        self._prefixes = ClickedPrefixes(context.corpus, context.features)

    def loss(self, rows: NDArray[np.int64], moment: Moment, draws: torch.Generator) -> Tensor:
        """See :class:`bench.training.pretraining.Objective`."""
        return self._encoder.loss(self._prefixes.draw(self._prefixes.with_clicks(rows), draws))

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Share of prefixes whose clicked item is nearer than any other's."""
        rows = self._prefixes.with_clicks(rows)
        if not len(rows):
            return 0.0
        by_item, _ = self._encoder.similarities(self._prefixes.draw(rows, draws))
        return float((by_item.argmax(1) == torch.arange(len(rows), device=by_item.device)).double().mean())

    def plateau(self, batch: int) -> float:
        """See :class:`bench.training.pretraining.Objective`: five times chance. Many items suit a query, so that even
        one who knows all about the shopper is far from certainty.
        """
        return 5 / batch


def _head(width: int, hidden_dim: int, head_dim: int) -> nn.Module:
    if not hidden_dim:
        return nn.Linear(width, head_dim)
    return nn.Sequential(nn.Linear(width, hidden_dim), nn.ELU(), nn.Linear(hidden_dim, head_dim))
