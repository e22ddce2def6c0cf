"""muvcog-plus: the views of MUVCOG and typed means, pretrained to predict what the shopper did next.

Beyond the paper, a contribution of this project. Frozen and universal like MUVCOG. What differs is the objective,
InfoNCE between a prefix and the item clicked after it, and the words of the next query (van den Oord et al.,
Representation Learning with Contrastive Predictive Coding, 2018), and what the vector holds. Measured with a probe, the
views lose most of what a session's images say; plain means keep it, and beat every contrast of the paper
(``results/README.md``).
So a linear map of typed means goes past the graph, and where the two aim in the space of items stands beside them.
Defaults were chosen on corpora that no table reports (``results/plus-simulated``): encoding the last step once more by
the graph (``last_step``) and a hidden layer in the heads (``hidden_dim``) bought nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.features import Dims
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from bench.training.pretraining import pretrain
from bench.training.ranks import ALONE, Ranks, Share
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.next_actions import ClickedPrefixes, NextActions
from encoders.muvcog.temperature import inverse_temperature, new_log_scale
from encoders.muvcog.typed_means import TypedMeans
from encoders.muvcog.views import build_view, glorot
from encoders.muvcog.views.sources import SourceVectors
from encoders.options import MuvcogPlusOptions


class MuvcogPlus(SessionEncoder):
    r"""Both views of the session, a linear map of typed means, and the aim :math:`h(g)` of these parts, side by side.

    .. math::
        \mathcal{L} = -\mathrm{Avg}_i \log \frac{\exp(\tau \cos(h(g_i), f(v_i)))}
        {\sum_{j : v_j = v_i \Rightarrow j = i} \exp(\tau \cos(h(g_i), f(v_j)))}

    with :math:`g_i` the parts of a random prefix of session i that ends with a clicked query, :math:`v_i` the clicked
    item (title and image), h and f learnt projections, of which h stays, and the same again for the words of the next
    query. Batch members that clicked the same item are no negatives.

    Unlike MUVCOG's contrast this uses training sessions' clicks as targets, not only to choose negatives. An encoder
    that is trained end to end sees those of the downstream sample alone; ``clicks="downstream"`` takes no others
    either, so that what is left of an advantage is not one of data.

    Args:
        dims: widths of word and image vectors.
        given: see :class:`encoders.options.MuvcogPlusOptions`.
    """

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        self.options = options = read_options(MuvcogPlusOptions, given, "muvcog-plus")
        of_views = (4 if options.last_step else 2) * options.view_dim if options.graph else 0
        parts = of_views + options.means_dim
        self.output_dim = parts + (options.head_dim if options.aim else 0)
        if options.graph:
            self.sources = SourceVectors(dims)
            self.agv, self.hlv = (build_view(name, dims.words, options) for name in ("agv", "hlv"))
        self.means = TypedMeans(dims, options.means_dim) if options.means_dim else None
        self.to_item, self.to_next, self.item, self.query = (
            _head(width, options.hidden_dim, options.head_dim)
            for width in (parts, parts, dims.words + dims.images, dims.words)
        )
        glorot(self)
        self.log_scale = new_log_scale()

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, output_dim)."""
        parts = self.parts(batch)  # (B, parts)
        return torch.cat([parts, self.to_item(parts)], dim=1) if self.options.aim else parts

    def parts(self, batch: SessionBatch) -> Tensor:
        """(B, parts) both views, where there is a graph, and the map of typed means, where there is one."""
        views = [self._views(batch)] if self.options.graph else []
        means = [self.means(batch)] if self.means is not None else []
        return torch.cat([*views, *means], dim=1)

    def _views(self, batch: SessionBatch) -> Tensor:
        """(B, 2 view_dim), or twice that with ``last_step``."""
        if self.options.last_step:
            last = batch.first_step + batch.num_steps - 1  # (B,)
            earlier = torch.ones(len(batch.step_kind), dtype=torch.bool, device=batch.device)
            earlier[last[batch.num_steps > 0]] = False
            batch = SessionBatch.cat([batch, batch.without_steps(earlier)])
        graphs = SessionGraphs.of(batch)
        sources = self.sources(graphs)
        views = torch.cat([self.agv(graphs, sources), self.hlv(graphs, sources)], dim=1)  # (B or 2B, 2d)
        return torch.cat(views.chunk(2), dim=1) if self.options.last_step else views

    def pretrain(self, context: TrainingContext) -> None:
        """Contrasts prefixes of training sessions, or of those in the downstream sample, with what followed them."""
        if self.means is not None:
            self.means.fit_scale(context)
        of_sample = self.options.clicks == "downstream"
        pretrain(self, NextActionObjective(self, context), self.options, context, downstream=of_sample)

    def similarities(self, actions: NextActions, share: Share | None = None) -> _Similarities:
        """The logits of own prefixes, (b,), and of what followed them, with those of all (B,) of the batch.

        Args:
            actions: of the own prefixes.
            share: that these are of the batch; None where they are all of it.
        """
        share = share or ALONE.share(len(actions.items))
        parts = self.parts(actions.prefixes).float()  # (b, parts)
        item = self.item(torch.cat([actions.item_text, actions.item_images], dim=1))
        scale = inverse_temperature(self.log_scale)
        items = share.gathered(actions.items)  # (B,)
        same = actions.items.unsqueeze(1) == items  # (b, B)
        same.diagonal(share.start).fill_(False)
        by_item, by_prefix = _both_ways(scale, self.to_item(parts), item, share)
        by_next, _ = _both_ways(scale, self.to_next(parts), self.query(actions.next_text), share)
        return _Similarities(by_item.masked_fill(same, -torch.inf), by_prefix.masked_fill(same, -torch.inf), by_next)

    def loss(self, actions: NextActions, share: Share | None = None) -> Tensor:
        """Mean InfoNCE over the b prefixes, both ways; of a share, its term of the mean over all B."""
        share = share or ALONE.share(len(actions.items))
        logits = self.similarities(actions, share)
        own = torch.arange(share.start, share.stop, device=actions.items.device)
        both = F.cross_entropy(logits.by_item, own) + F.cross_entropy(logits.by_prefix, own)
        loss = share.part(both / 2)
        known = share.gathered(actions.has_next)  # (B,)
        if self.options.next_query and int(known.sum()) > 1:
            by_next = logits.by_next[actions.has_next][:, known]  # (k, K)
            target = (known.cumsum(0) - 1)[own][actions.has_next]  # (k,)
            sums = F.cross_entropy(by_next, target, reduction="sum") / known.sum()
            loss = loss + self.options.next_query * (share.part(sums) if share.whole else sums)
        return loss


@dataclass(frozen=True)
class _Similarities:
    """Logits, (b, B) each: of own prefixes with clicked items, of their items with prefixes, with next queries."""

    by_item: Tensor
    by_prefix: Tensor
    by_next: Tensor


def _both_ways(scale: Tensor, left: Tensor, right: Tensor, share: Share) -> tuple[Tensor, Tensor]:
    """(b, B) logits of own rows of ``left`` with all of ``right``, and of own of ``right`` with all of ``left``."""
    left, right = scale * F.normalize(left, dim=1), F.normalize(right, dim=1)  # (b, d) each
    by_left = left @ share.gathered(right).T
    return by_left, by_left.T if share.whole else right @ share.gathered(left).T


class NextActionObjective:
    """The objective on a corpus.

    Args:
        encoder: what is pretrained.
        context: says which corpus and where to compute.
    """

    def __init__(self, encoder: MuvcogPlus, context: TrainingContext) -> None:
        self._encoder = encoder
        self._prefixes = ClickedPrefixes(context.corpus, context.features)

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        """See :class:`bench.training.objective.Objective`; 0 for sessions in none of which anything was clicked."""
        return self.part_of_loss(rows, step, draws, ALONE)

    def part_of_loss(
        self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator, ranks: Ranks
    ) -> Tensor:
        """See :class:`bench.training.objective.SharedObjective`."""
        rows = self._prefixes.with_clicks(rows)
        if not len(rows):
            return 0 * self._encoder.log_scale  # a log may have a click in every tenth session, and a batch be small
        share = ranks.share(len(rows))
        return self._encoder.loss(self._prefixes.draw(rows, draws, share), share)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        """Accuracy of finding the item clicked after a prefix among those of the batch."""
        return self.part_of_accuracy(rows, draws, ALONE)

    def part_of_accuracy(self, rows: NDArray[np.int64], draws: torch.Generator, ranks: Ranks) -> float:
        """See :class:`bench.training.objective.SharedObjective`."""
        rows = self._prefixes.with_clicks(rows)
        if not len(rows):
            return 0.0
        share = ranks.share(len(rows))
        by_item = self._encoder.similarities(self._prefixes.draw(rows, draws, share), share).by_item
        own = torch.arange(share.start, share.stop, device=by_item.device)
        return float(share.part((by_item.argmax(1) == own).double().mean()))

    def plateau(self, batch: int) -> float:
        """See :class:`bench.training.objective.Objective`: five times chance. Many items suit a query, so that even
        one who knows all about the shopper is far from certainty.
        """
        return 5 / batch


def _head(width: int, hidden_dim: int, head_dim: int) -> nn.Module:
    if not hidden_dim:
        return nn.Linear(width, head_dim)
    return nn.Sequential(nn.Linear(width, hidden_dim), nn.ELU(), nn.Linear(hidden_dim, head_dim))
