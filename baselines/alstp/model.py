"""ALSTP: ranking from a user's long-term and short-term preferences, both attended to from the query.

Paper: Guo et al., "Attentive Long Short-Term Preference Modeling for Personalized Product Search", TOIS 37(2), 2019
(https://doi.org/10.1145/3295822). Public code: https://github.com/guoyang9/ALSTP.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.alstp.past import Past, Pasts, Rounds, Windows
from baselines.item_images import ItemImages
from baselines.losses import WeightPenalty, click_pairs
from baselines.options import AlstpOptions
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.errors import BenchError
from bench.plugins.options import read_options


class ALSTP(ClickModel):
    r"""A click model over a user's purchases. With c(x) = ELU(W x + b) the shared projection of items and queries, a
    query q after the purchases :math:`(q_1, p_1) \dots (q_n, p_n)` of its user, and m = ``num_steps``:

    .. math::
        h_j &= \mathrm{GRU}(c(p_j), h_{j-1}), \quad j = n - m + 1 \dots n, \quad h_{n-m} = g \\
        a_j &= \mathrm{softmax}_j\; v^\top \mathrm{ELU}(W_1 c(q_j) + W_2 c(q) + b') \\
        \mathrm{short} &= \textstyle\sum_j a_j h_j, \qquad
        \mathrm{long} = g \odot \mathrm{softmax}(g \cdot \mathrm{ELU}(w^\top c(q) + b'')) \\
        \mathrm{context} &= \mathrm{ELU}(W_c [\mathrm{short} ; \mathrm{long} ; c(q)] + b_c)

    where the second softmax runs over the entries of g. A candidate's score is the cosine of c(title) and the context;
    the loss is BPR, :math:`-\ln \sigma(s^+ - s^-)`, plus an L2 penalty.

    The long-term preference g is zero until the user has more than m purchases, then the state of the GRU after the
    first m of them, and every m purchases it moves to :math:`\alpha g + (1 - \alpha) h`, with h the state after the
    m purchases before the latest one. No gradient goes through g. The public code carries g through a user's purchases
    by hand, one training example at a time; here g is computed anew for every query from its whole history, round by
    round for all queries of a batch, so that it follows from weights and data alone.

    Purchases are clicks: those of the user's earlier training sessions and of the earlier queries of this session
    (:class:`bench.data.click_history.ClickHistory`). This is how the vanilla model takes preceding queries into
    account: the words of each query that led to a click enter the attention, and the clicked item enters the GRU.
    Keyword and product queries are read alike, and images not at all, so image queries are ignored. With
    ``items="title+image"``, which the paper has not, an item's image is read too: for its title t and image i,
    :math:`c(t + V i)` stands for c(title) wherever an item is read, in the history and among the candidates.

    What differs from the public code: titles and queries are mean word vectors, as the benchmark gives them, not PV-DM
    vectors; a history of fewer than m purchases is read as it is and an empty one gives zeros (the original leaves such
    users out); g is of the current weights, where the original keeps one that somewhat older weights made; negatives
    are the unclicked shown items, not random ones; Adam in batches, not SGD with momentum at batch size 1; v has no
    bias, as it would cancel. Defaults are those of the public code, but for ``global_dim``: it takes 128 for
    vectors of 512; from word vectors of 50, 64 validates alike and costs half.

    Args:
        dims: widths of the feature vectors.
        given: see :class:`baselines.options.AlstpOptions`.
    """

    learning_rate = 1e-3
    batch_size = 256

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(AlstpOptions, given, "alstp")
        self.context_dim = global_dim = options.global_dim
        self.num_steps, self.alpha = options.num_steps, options.alpha
        self.longest_history, self.own_session = options.longest_history, options.history == "all"
        local_dim = max(int(0.4 * global_dim), 1)
        self.convert = nn.Linear(dims.features.words, global_dim)
        self.gru = nn.GRU(global_dim, global_dim)
        self.queries_local = nn.Linear(global_dim, local_dim)  # W1, of the purchases' queries
        self.query_local = nn.Linear(global_dim, local_dim)  # W2, of this query
        self.v_local = nn.Linear(local_dim, 1, bias=False)
        self.query_global = nn.Linear(global_dim, 1)
        self.concate = nn.Linear(3 * global_dim, global_dim)
        words, images = dims.features.words, dims.features.images
        self.images = ItemImages(images, words, "alstp") if options.items == "title+image" else None
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)
        self._penalty = WeightPenalty(self, options.weight_decay)
        self._pasts: Pasts | None = None

    def prepare(self, data: ClickCorpus) -> None:
        """Reads the purchase histories of all queries of the downstream sample."""
        self._pasts = Pasts(data, self.longest_history, self.own_session)
        if self.images is not None:
            self.images.prepare(data)

    def context(self, batch: ClickBatch) -> Tensor:
        """(B, d) context: the query with the user's short-term and long-term preference."""
        if self._pasts is None:
            raise BenchError("prepare() was not called", where="baseline alstp", fix="call prepare before context")
        past = self._pasts.of(batch.queries)
        if self.images is not None:
            past = replace(past, item_text=past.item_text + self.images(past.items))
        query = self._convert(batch.query_text.index_select(0, past.order))  # (B, d)
        preference = self.long_term(past)
        short = self._short_term(past, preference, query)
        factor = F.elu(self.query_global(query))  # (B, 1)
        long = preference * torch.softmax(preference * factor, dim=1)  # (B, d)
        context = F.elu(self.concate(torch.cat([short, long, query], dim=1)))  # (B, d), in the order of past
        return context.index_select(0, torch.argsort(past.order))

    @torch.no_grad()
    def long_term(self, past: Past) -> Tensor:
        """(B, d) long-term preferences g at the queries, in the order of ``past``."""
        preference = self.convert.weight.new_zeros(len(past.counts), self.context_dim)  # (B, d)
        rounds = Rounds.of(past, self.num_steps)
        items = self._convert(past.item_text[rounds.purchases])  # (p, d)
        by_round = items.split([self.num_steps * queries for queries in rounds.sizes])
        for number, (queries, round_items) in enumerate(zip(rounds.sizes, by_round, strict=True)):
            inputs, old = round_items.view(self.num_steps, queries, -1), preference[:queries]  # (m, queries, d)
            state = self.gru(inputs, old.unsqueeze(0).contiguous())[1].squeeze(0)  # (queries, d)
            old.copy_(state if number == 0 else self.alpha * old + (1 - self.alpha) * state)
        return preference

    def _inputs(self, item_text: Tensor) -> Tensor:
        """(…, 3d) input terms of the GRU's gates (reset, update, new) for items with mean word vectors (…, words)."""
        weight, _, bias, _ = self.gru.all_weights[0]
        return F.linear(self._convert(item_text), weight, bias)

    def _step(self, inputs: Tensor, state: Tensor) -> Tensor:
        """(n, d) next state of the GRU from input terms (n, 3d) and state (n, d).

        It is written out, since ``nn.GRU`` fills a gradient of the size of all steps with zeros at every step.
        """
        d = self.context_dim
        _, weight, _, bias = self.gru.all_weights[0]
        gates_in, new_in = inputs.split((2 * d, d), dim=1)
        gates_state, new_state = F.linear(state, weight, bias).split((2 * d, d), dim=1)  # (n, 2d), (n, d)
        reset, update = torch.sigmoid(gates_in + gates_state).chunk(2, dim=1)  # (n, d) each
        return torch.lerp(torch.tanh(new_in + reset * new_state), state, update)

    def _short_term(self, past: Past, preference: Tensor, query: Tensor) -> Tensor:
        """(B, d) short-term preferences: attended states of the GRU over the last m purchases; zero without any."""
        windows = Windows.of(past, self.num_steps)
        if not windows.sizes:
            return torch.zeros_like(query)
        state, by_step = preference, []
        for inputs in self._inputs(past.item_text[windows.purchases]).split(windows.sizes):  # (queries, 3d) a step
            state = self._step(inputs, state[: len(inputs)])  # (queries, d)
            by_step.append(state)
        states = torch.cat(by_step)  # (p, d)
        current = self.query_local(query).index_select(0, windows.owner)  # (p, local)
        keys = self.queries_local(self._convert(past.query_text[windows.purchases]))  # (p, local)
        scores = self.v_local(F.elu(keys + current)).squeeze(1)  # (p,)
        weight = _segment_softmax(scores, windows.owner, len(query))  # (p,)
        return torch.zeros_like(query).index_add(0, windows.owner, states * weight.unsqueeze(1))

    def items(self, batch: ClickBatch) -> Tensor:
        """(B, K, d) projected titles of the candidates, with their images where these are read."""
        if self.images is None:
            return self._convert(batch.item_text)
        return self._convert(batch.item_text + self.images(batch.items))

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        """(B, K) cosines of contexts (B, d) and candidates (B, K, d)."""
        return (F.normalize(items, dim=2, eps=1e-8) * F.normalize(context, dim=1, eps=1e-8).unsqueeze(1)).sum(2)

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        """BPR: the mean over a clicked candidate's unclicked ones, then over all clicked candidates of the batch.

        Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009.

        Args:
            scores, clicks, shown: (B, K) as in :class:`bench.contracts.ClickModel`.
        """
        pair = click_pairs(clicks, shown)  # (B, K, K)
        negatives = pair.sum(2)  # (B, K) unclicked candidates beside each clicked one
        losses = -F.logsigmoid(scores.unsqueeze(2) - scores.unsqueeze(1)) * pair  # (B, K, K)
        return (losses.sum(2) / negatives.clamp(min=1)).sum() / (negatives > 0).sum().clamp(min=1)

    def auxiliary_loss(self, batch: ClickBatch) -> Tensor | None:
        """The L2 penalty, whose gradient is the weight decay of the public code."""
        return self._penalty()

    def _convert(self, text: Tensor) -> Tensor:
        """(…, d) projection c of mean word vectors (…, words)."""
        return F.elu(self.convert(text))


def _segment_softmax(scores: Tensor, owner: Tensor, owners: int) -> Tensor:
    """(p,) softmax of ``scores`` (p,) over those of the same ``owner`` (p,), 0 … owners - 1."""
    highest = scores.detach().new_full((owners,), -torch.inf).scatter_reduce(0, owner, scores.detach(), "amax")
    weights = (scores - highest[owner]).exp()  # (p,)
    return weights / weights.new_zeros(owners).index_add(0, owner, weights)[owner]
