"""What HSCM looks up by the row of a query: the steps before it, feedback on them, other sessions, the next query."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.hscm.click_graph import ClickGraph, Sampling
from baselines.hscm.query_texts import QueryTexts
from bench.contracts import ClickCorpus
from bench.data.clicks import Clicks
from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges
from bench.data.schema import SPLITS
from bench.errors import BenchError


@dataclass(frozen=True)
class Feedback:
    """How much of the feedback on a query is kept.

    Attributes:
        clicked, unclicked: at most so many clicked and unclicked shown items, from the top of the list.
    """

    clicked: int = 10
    unclicked: int = 0


@dataclass(frozen=True)
class Words:
    """Word sequences of texts or titles as CSR, on the device.

    Attributes:
        offsets: (n + 1,).
        words: (W,) row of each word in the vocabulary.
    """

    offsets: Tensor
    words: Tensor


class History:
    """Tables over the P steps of the downstream sessions, of all splits.

    A step's own row holds the feedback on it; it is read on behalf of later steps of the same session only. The graph
    is made of the downstream training sessions, see :class:`baselines.hscm.click_graph.ClickGraph`.

    Args:
        data: the corpus and what is trained on.
        steps: earlier steps looked at.
        longest: words kept of a query or a title.
        feedback, sampling: see there.
    """

    def __init__(self, data: ClickCorpus, steps: int, longest: int, feedback: Feedback, sampling: Sampling) -> None:
        columns, device = data.corpus.columns, data.features.device
        sessions = data.corpus.session_rows(downstream=True)
        rows, owner = expand_ranges(columns.session_queries[sessions], columns.session_queries[sessions + 1])
        self.steps, self._folder = steps, str(data.corpus.folder)
        texts, text = QueryTexts.of(columns.query_word_offsets, columns.query_words, rows, longest)

        def put(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        place = np.full(len(columns.query_session), -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        self._place, self._first = put(place), put(np.searchsorted(owner, owner, side="left"))
        self._text = put(text)
        self._items, self._signs = (put(array) for array in _feedback(columns, rows, feedback))

        trained = columns.session_split[sessions[owner]] == SPLITS.index("train")
        session = np.where(trained, sessions[owner], -1)
        clicks = _clicks(data.corpus, rows[trained], text[trained])
        vectors = data.features.word_vectors.cpu().numpy()
        self.graph = ClickGraph(texts, vectors, clicks, len(columns.item_image))
        cross = self.graph.sample(text, session, sampling)
        self._cross_texts, self._cross_items = put(cross.texts), put(cross.items)

        last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.zeros(0, dtype=bool)
        self._next = put(np.where(trained & ~last, np.append(text[1:], 0)[: len(text)], -1))
        self.texts = Words(put(texts.offsets), put(texts.words))
        self.titles = _titles(columns, longest, device)

    def places(self, queries: Tensor) -> Tensor:
        """(B,) places of these query rows (B,) in the tables.

        Raises:
            BenchError: a query is of no downstream session.
        """
        places = self._place[queries]
        if bool((places < 0).any()):
            raise BenchError("HSCM knows the queries of downstream sessions only", where=self._folder)
        return places

    def session(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The session so far.

        Args:
            places: (B,).

        Returns:
            (B, 1 + steps) the text of each step, the current one last and -1 where the session had not begun; and for
            the earlier ones, (B, steps, n) the items of the feedback, -1 where there is none, and their signs.
        """
        before = torch.arange(-self.steps, 1, device=places.device)
        rows = places.unsqueeze(1) + before  # (B, 1 + steps)
        there = rows >= self._first[places].unsqueeze(1)
        rows = rows.clamp(min=0)
        text = torch.where(there, self._text[rows], -1)
        items = torch.where(there[:, :-1, None], self._items[rows[:, :-1]], -1)
        return text, items, self._signs[rows[:, :-1]]

    def cross(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """(B, c) texts drawn from other sessions and (B, c, n) what was clicked there; -1 where there is none."""
        return self._cross_texts[places], self._cross_items[places]

    def next_texts(self, places: Tensor) -> Tensor:
        """(B,) text of the next query of the session; -1 at its end and in every session not trained on."""
        return self._next[places]


_KEPT: dict[tuple[object, ...], History] = {}
_MOST_KEPT = 2  # corpora, or settings of one


def history_of(data: ClickCorpus, steps: int, longest: int, feedback: Feedback, sampling: Sampling) -> History:
    """The tables of :class:`History`, made once in a process for what they depend on: a cell differs from the next by
    its encoder or seed, and comparing all texts of a corpus with each other takes minutes on a large one.
    """
    about = (_contents(data), str(data.features.device), steps, longest, feedback, sampling)
    if about not in _KEPT:
        while len(_KEPT) >= _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]  # the oldest
        _KEPT[about] = History(data, steps, longest, feedback, sampling)
    return _KEPT[about]


def _contents(data: ClickCorpus) -> str:
    """Hash of the columns and word vectors themselves: what is in memory need not be what the fingerprint is of."""
    digest = hashlib.blake2b()
    columns = data.corpus.columns
    for array in [*(getattr(columns, each.name) for each in fields(columns)), data.features.word_vectors.cpu().numpy()]:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _feedback(columns: Columns, rows: Integers, feedback: Feedback) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(P, n) items of the feedback on each query, clicked ones first, -1 where there is none, and 1 or -1 for each."""
    impressions, owner = expand_ranges(columns.query_impressions[rows], columns.query_impressions[rows + 1])
    clicked = columns.impression_clicked[impressions]
    order = np.lexsort((columns.impression_rank[impressions], ~clicked, owner))
    impressions, owner, clicked = impressions[order], owner[order], clicked[order]
    group = 2 * owner + ~clicked
    place = np.arange(len(group)) - np.searchsorted(group, group, side="left")
    kept = place < np.where(clicked, feedback.clicked, feedback.unclicked)
    impressions, owner, clicked = impressions[kept], owner[kept], clicked[kept]
    slot = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    items = np.full((len(rows), feedback.clicked + feedback.unclicked), -1, dtype=np.int64)
    signs = np.zeros(items.shape, dtype=np.float32)
    items[owner, slot] = columns.impression_item[impressions]
    signs[owner, slot] = np.where(clicked, 1.0, -1.0)
    return items, signs


def _clicks(corpus: Corpus, rows: NDArray[np.int64], text: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 3) text, item and session of every click on these queries."""
    items, owner = Clicks.of(corpus).of_queries(rows)
    parts = (text[owner], items, corpus.columns.query_session[rows[owner]])
    return np.stack([part.astype(np.int64) for part in parts], axis=1)


def _titles(columns: Columns, longest: int, device: torch.device) -> Words:
    """Titles of all items, cut after ``longest`` words."""
    lengths = np.minimum(np.diff(columns.item_word_offsets), longest)
    starts = columns.item_word_offsets[:-1]
    place, _ = expand_ranges(starts, starts + lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = np.asarray(columns.item_words)[place].astype(np.int64)
    return Words(torch.from_numpy(offsets).to(device), torch.from_numpy(words).to(device))
