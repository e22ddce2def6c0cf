"""HSCM: ranking from the session's queries, the feedback on them, and similar queries of other sessions.

Paper: Chen et al., "A Hybrid Framework for Session Context Modeling", ACM TOIS 39(3), 2021
(https://doi.org/10.1145/3448127). Public code: https://github.com/xuanyuan14/HSCM-master.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.hscm.aggregation import InteractionAggregator, Interactions, QueryHistory, SessionAttention
from baselines.hscm.click_graph import Sampling
from baselines.hscm.content import ContentEncoder
from baselines.hscm.history import Feedback, History, Words, history_of
from baselines.hscm.suggestion import NextWords
from baselines.item_images import ItemImages
from baselines.options import HscmOptions
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.errors import BenchError
from bench.plugins.options import read_options


class Hscm(ClickModel):
    r"""A click model of a session's context. With :math:`c_q` the contents of the session's queries, attended to each
    other (:class:`ContentEncoder`, :class:`SessionAttention`), t the current one, :math:`c_v` the content of a title,

    .. math::
        z = [\,\mathrm{history}(c_1 \dots c_t) ;\; \mathrm{feedback}(c_{<t}, \text{items}, \text{clicks}) ;\;
        \mathrm{feedback}(\text{other sessions}) ;\; c_t\,], \qquad
        s(v) = \sigma(W_r z + W z) \cdot (W_m c_v)

    and the loss is 0.9 times the binary cross-entropy of s, summed over a query's candidates, plus 0.1 times that of
    the words of the next query (:class:`NextWords`), with W shared by the two tasks. z is the context that a session
    vector is concatenated to.

    What differs from the public code, and why:

    * The second task scores the words of the *next* query against the vocabulary, from the session up to the current
      one; the original scores 20 given candidates for the current query, which the benchmark hasn't, from those
      before. It is a loss only.
    * The original pads sessions to seven queries and texts to 32 words, and its attention includes the padding; here
      padding is masked.
    * Feedback is that of the clicked items (``unclicked`` adds others): the benchmark's lists are 40 long, not 10.
    * The nodes of the graph are the texts with clicks of the downstream training sessions, and a query's own session
      is left out of it: in the original a training query reaches its own clicks through other nodes. In return a
      query's own text can be drawn, if another session clicked under it; the original never draws it.
    * The walk goes from the own text and the ``similar`` nearest to those that share a clicked item with one of these
      (in the original over up to four edges). Semantic neighbours are exact, where the original's search tree is
      approximate and mixes them up. Queries with a cosine below 0.8 are never drawn, even where all are. The draw is
      made once per query, not anew at each step, so that a score is deterministic. A drawn query brings its clicked
      items, not ten of those shown.
    * Feedback of other sessions is attended to from the current query, in the original from the drawn one.
    * Titles are one segment, as in the original's default, and the attention over segments, which is the identity then,
      is left out.
    * Word vectors are projected to ``hidden``, 32; the original's are as wide as its hidden layers, 256.
    * The optimiser is Adam, where the original has Adadelta, with the same 64 examples a step. Gradients are zeroed
      before each step (in the original once an epoch).

    As in the original, users and images are not read. With ``items="title+image"``, which the paper has not, the image
    vector of an item, projected linearly to d, is added to the content of its title, in feedback and among candidates.
    With ``history="earlier"`` there is no feedback of this session.

    Args:
        dims: widths of the feature vectors.
        given: see :class:`baselines.options.HscmOptions`.
    """

    learning_rate = 1e-3
    batch_size = 64

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(HscmOptions, given, "hscm")
        hidden, dropout, steps, longest = options.hidden, options.dropout, options.steps, options.longest
        self.hidden, self.steps, self.longest, self.suggestion = hidden, steps, longest, options.suggestion
        self.feedback = Feedback(options.clicked, options.unclicked) if options.history == "all" else Feedback(0, 0)
        self.sampling = Sampling(
            options.similar, options.pool, options.threshold, options.cross_queries, options.cross_items
        )
        self.context_dim = 4 * hidden
        self.project = nn.Linear(dims.features.words, hidden)
        self.query_content = ContentEncoder(hidden, dropout, longest)
        self.title_content = ContentEncoder(hidden, dropout, longest)
        self.session = SessionAttention(dropout)
        self.history = QueryHistory(hidden, steps + 1)
        most = max(options.clicked + options.unclicked, options.cross_items)
        self.interactions = InteractionAggregator(hidden, most, query_aware=True)
        self.suggestion_interactions = InteractionAggregator(hidden, most, query_aware=False)
        self.shared, self.ranking = nn.Linear(4 * hidden, hidden), nn.Linear(4 * hidden, hidden)
        self.next_words = NextWords(hidden)
        self.candidate = nn.Linear(hidden, hidden)
        images = dims.features.images
        self.images = ItemImages(images, hidden, "hscm") if options.items == "title+image" else None
        self.apply(_glorot)
        self._past: History | None = None
        self._word_vectors = torch.empty(0)
        self._computed: tuple[ClickBatch, _State] | None = None  # by context(), for auxiliary_loss() of the same batch

    def prepare(self, data: ClickCorpus) -> None:
        """Reads sessions, feedback and the click graph, or takes them from an earlier model of this process."""
        self._past = history_of(data, self.steps, self.longest, self.feedback, self.sampling)
        self._word_vectors = data.features.word_vectors
        if self.images is not None:
            self.images.prepare(data)

    @property
    def past(self) -> History:
        """The tables that :meth:`prepare` read.

        Raises:
            BenchError: ``prepare`` was not called.
        """
        if self._past is None:
            raise BenchError("prepare() was not called", where="baseline hscm", fix="call prepare before context")
        return self._past

    def context(self, batch: ClickBatch) -> Tensor:
        """(B, 4d) context z: query history, feedback of this session, feedback of others, current query."""
        state = self._state(batch)
        self._computed = (batch, state) if self.training and self.suggestion else None
        feedback = self.interactions(state.earlier, state.feedback, state.current)  # (B, d)
        cross = self.interactions(state.cross, state.cross_feedback, state.current)  # (B, d)
        return torch.cat([state.history, feedback, cross, state.current], dim=1)

    def items(self, batch: ClickBatch) -> Tensor:
        """(B, K, d) contents of the candidates, transformed for the match."""
        items, inverse = torch.unique(batch.items, return_inverse=True)  # (U,), (B, K)
        return self.candidate(self._content_of(items))[inverse]

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        """(B, K) log-odds of a click, from contexts (B, 4d) and candidates (B, K, d)."""
        fused = torch.sigmoid(self.ranking(context) + self.shared(context))  # (B, d)
        return torch.einsum("bkd,bd->bk", items, fused)

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        """Binary cross-entropy, summed over a query's candidates, mean over queries, times 1 - ``suggestion``.

        Args:
            scores, clicks, shown: (B, K) as in :class:`bench.contracts.ClickModel`.
        """
        losses = F.binary_cross_entropy_with_logits(scores, clicks, reduction="none") * shown  # (B, K)
        return (1 - self.suggestion) * losses.sum() / max(len(scores), 1)

    def auxiliary_loss(self, batch: ClickBatch) -> Tensor | None:
        """``suggestion`` times the loss of the next query's words, over queries of training sessions."""
        if self.suggestion == 0:
            return None
        computed, self._computed = self._computed, None
        state = computed[1] if computed is not None and computed[0] is batch else self._state(batch)
        feedback = self.suggestion_interactions(state.earlier, state.feedback)  # (B, d)
        cross = self.suggestion_interactions(state.cross, state.cross_feedback)  # (B, d)
        parts = torch.cat([state.history, feedback, cross, state.current], dim=1)  # (B, 4d)
        embedded = self.project(self._word_vectors)  # (V, d)
        texts = self.past.next_texts(self.past.places(batch.queries))  # (B,)
        return self.suggestion * self.next_words.loss(parts, self.shared(parts), embedded, self.past.texts, texts)

    def _state(self, batch: ClickBatch) -> _State:
        """The encoded queries and feedback of a batch, which both tasks aggregate."""
        past = self.past
        places = past.places(batch.queries)  # (B,)
        texts, items, signs = past.session(places)  # (B, S), (B, S - 1, n) twice
        cross_texts, cross_items = past.cross(places)  # (B, c), (B, c, n')

        all_texts = torch.cat([texts, cross_texts], dim=1)  # (B, S + c)
        content = self._encode(past.texts, self.query_content, all_texts)  # (B, S + c, d)
        there = texts >= 0  # (B, S)
        queries = self.session(content[:, : texts.shape[1]], there)  # (B, S, d)
        own_items, foreign_items = items.flatten(0, 1), cross_items.flatten(0, 1)  # (B (S - 1), n), (B c, n')
        own, foreign = (own_items >= 0).nonzero(), (foreign_items >= 0).nonzero()  # (P, 2), (P', 2): step, position
        titles = torch.cat([own_items[own[:, 0], own[:, 1]], foreign_items[foreign[:, 0], foreign[:, 1]]])  # (P + P',)
        contents = self._content_of(titles)  # (P + P', d)
        sign = signs.flatten(0, 1)[own[:, 0], own[:, 1]]  # (P,)
        ones = sign.new_ones(len(foreign))  # (P',), since all items of other sessions were clicked
        return _State(
            history=self.history(queries, there),
            current=queries[:, -1],
            earlier=queries[:, :-1],
            feedback=Interactions(own[:, 0], own[:, 1], contents[: len(own)], sign),
            cross=content[:, texts.shape[1] :],
            cross_feedback=Interactions(foreign[:, 0], foreign[:, 1], contents[len(own) :], ones),
        )

    def _content_of(self, items: Tensor) -> Tensor:
        """(n, d) contents of items (n,): of their titles, and of their images where these are read."""
        content = self._encode(self.past.titles, self.title_content, items)  # (n, d)
        return content if self.images is None else content + self.images(items)

    def _encode(self, words: Words, encoder: ContentEncoder, rows: Tensor) -> Tensor:
        """(..., d) contents of the texts ``rows`` (...), each distinct one encoded once; zero where the row is -1."""
        distinct, inverse = torch.unique(rows, return_inverse=True)  # (U,) ascending, (...)
        known = distinct >= 0
        content = encoder(words, distinct[known], self._word_vectors, self.project)  # (U or U - 1, d)
        missing = content.new_zeros(int((~known).sum()), self.hidden)  # a row for -1, which comes first where it occurs
        return torch.cat([missing, content])[inverse]


@dataclass(frozen=True)
class _State:
    """A batch's encoded queries and feedback, with S - 1 earlier queries of the session and c of other sessions."""

    history: Tensor  # (B, d)
    current: Tensor  # (B, d)
    earlier: Tensor  # (B, S - 1, d)
    feedback: Interactions
    cross: Tensor  # (B, c, d)
    cross_feedback: Interactions


def _glorot(module: nn.Module) -> None:
    """Initialises a linear layer by Glorot's normal distribution and its bias to 0."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
