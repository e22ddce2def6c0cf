"""What HSCM reads besides the batch: a query's session so far, feedback, queries of other sessions, the next query.

The tables are computed once per corpus, and looked up by the row of a query.
"""

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
from baselines.pairs import rank_within
from bench.contracts import ClickCorpus
from bench.data.clicks import clicks_of_queries
from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.data.schema import SPLITS
from bench.errors import BenchError


@dataclass(frozen=True)
class Feedback:
    """How much of the feedback on a query is read.

    Attributes:
        clicked, unclicked: largest numbers of clicked and of unclicked items, from the top of the list.
    """

    clicked: int = 10
    unclicked: int = 0


@dataclass(frozen=True)
class Words:
    """Word sequences of n texts or titles as CSR, on the device.

    Attributes:
        offsets: (n + 1,) of the sequences into ``words``.
        words: (W,) vocabulary rows.
    """

    offsets: Tensor
    words: Tensor


class History:
    """Tables over the P steps of the downstream sessions, of all splits.

    The row of a step has the feedback on it, which is read for later steps of the same session only. The click graph is
    that of the downstream training sessions (:class:`baselines.hscm.click_graph.ClickGraph`).

    Args:
        data: the corpus and the queries that are trained on.
        steps: number of earlier steps that are read.
        longest: words read of a query or a title.
        feedback, sampling: what is read of feedback, and drawn from the graph.
    """

    def __init__(self, data: ClickCorpus, steps: int, longest: int, feedback: Feedback, sampling: Sampling) -> None:
        columns, device = data.corpus.columns, data.features.device
        sessions = data.corpus.session_rows(downstream=True)
        rows, owner = expand_ranges(columns.session_queries[sessions], columns.session_queries[sessions + 1])
        self.steps, self._folder = steps, str(data.corpus.folder)
        texts, text = QueryTexts.of(columns.query_word_offsets, columns.query_words, rows, longest)

        def tensor(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device)

        step_of_query = np.full(len(columns.query_session), -1, dtype=np.int64)
        step_of_query[rows] = np.arange(len(rows))
        self._step_of_query = tensor(step_of_query)  # (queries,)
        self._session_start = tensor(np.searchsorted(owner, owner, side="left"))  # (P,) first step of its session
        self._text = tensor(text)  # (P,)
        self._items, self._signs = (tensor(array) for array in _feedback(columns, rows, feedback))  # (P, n) each

        trained = columns.session_split[sessions[owner]] == SPLITS.index("train")
        session = np.where(trained, sessions[owner], -1)
        clicks = _clicks(data.corpus, rows[trained], text[trained])
        vectors = data.features.word_vectors.cpu().numpy()
        self.graph = ClickGraph(texts, vectors, clicks, len(columns.item_image))
        cross = self.graph.sample(text, session, sampling)
        self._cross_texts, self._cross_items = tensor(cross.texts), tensor(cross.items)  # (P, c), (P, c, n)

        is_last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.zeros(0, dtype=bool)
        self._next_text = tensor(np.where(trained & ~is_last, np.append(text[1:], 0)[: len(text)], -1))  # (P,)
        self.texts = Words(tensor(texts.offsets), tensor(texts.words))
        self.titles = _titles(columns, longest, device)

    def places(self, queries: Tensor) -> Tensor:
        """(B,) rows in the tables of queries (B,), given as rows of the corpus.

        Raises:
            BenchError: a query is not of a downstream session.
        """
        places = self._step_of_query[queries]
        outside = int((places < 0).sum())
        if outside:
            raise BenchError(
                f"HSCM knows the queries of downstream sessions only, and {outside} of {len(queries)} are of others",
                where=self._folder,
                fix="a larger downstream sample",
            )
        return places

    def session(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The session up to each query.

        Args:
            places: (B,) of :meth:`places`.

        Returns:
            (B, 1 + steps) text of each step, the current one last, -1 before the session's start; and for the earlier
            steps (B, steps, n) items of the feedback, -1 where there is none, and (B, steps, n) their signs.
        """
        offsets = torch.arange(-self.steps, 1, device=places.device)
        rows = places.unsqueeze(1) + offsets  # (B, 1 + steps)
        there = rows >= self._session_start[places].unsqueeze(1)  # (B, 1 + steps)
        rows = rows.clamp(min=0)
        text = torch.where(there, self._text[rows], -1)  # (B, 1 + steps)
        items = torch.where(there[:, :-1, None], self._items[rows[:, :-1]], -1)  # (B, steps, n)
        return text, items, self._signs[rows[:, :-1]]

    def cross(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """(B, c) texts drawn from other sessions and (B, c, n) items clicked under them; -1 where there is none."""
        return self._cross_texts[places], self._cross_items[places]

    def next_texts(self, places: Tensor) -> Tensor:
        """(B,) text of the session's next query; -1 at its end and in sessions that are not trained on."""
        return self._next_text[places]


_KEPT: dict[tuple[object, ...], History] = {}  # by contents and settings, the oldest first
_MOST_KEPT = 2  # corpora, or settings of one


def history_of(data: ClickCorpus, steps: int, longest: int, feedback: Feedback, sampling: Sampling) -> History:
    """A :class:`History`, computed once per process for the same corpus and settings.

    Cells of a grid differ by encoder and seed, while comparing all texts of a large corpus with each other takes
    minutes.

    Args:
        data, steps, longest, feedback, sampling: see :class:`History`.
    """
    about = (_contents(data), str(data.features.device), steps, longest, feedback, sampling)
    if about not in _KEPT:
        while len(_KEPT) >= _MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]  # the oldest
        _KEPT[about] = History(data, steps, longest, feedback, sampling)
    return _KEPT[about]


def _contents(data: ClickCorpus) -> str:
    """Hash of the columns and word vectors in memory, which need not be those that the corpus's fingerprint is of."""
    digest = hashlib.blake2b()
    columns = data.corpus.columns
    for array in [*(getattr(columns, each.name) for each in fields(columns)), data.features.word_vectors.cpu().numpy()]:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _feedback(columns: Columns, rows: Integers, feedback: Feedback) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Items (P, n) of the feedback on each query, clicked ones first, -1 where there is none, and signs (P, n): 1 for
    clicked, -1 for unclicked, 0 where there is none."""
    items = np.full((len(rows), feedback.clicked + feedback.unclicked), -1, dtype=np.int64)
    signs = np.zeros(items.shape, dtype=np.float32)
    for start in range(0, len(rows), _QUERIES):
        some = rows[start : start + _QUERIES]
        impressions, owner = expand_ranges(columns.query_impressions[some], columns.query_impressions[some + 1])
        clicked = columns.impression_clicked[impressions]
        order = np.lexsort((columns.impression_rank[impressions], ~clicked, owner))
        impressions, owner, clicked = impressions[order], owner[order], clicked[order]
        kept = rank_within(2 * owner + ~clicked) < np.where(clicked, feedback.clicked, feedback.unclicked)
        impressions, owner, clicked = impressions[kept], owner[kept], clicked[kept]
        column = rank_within(owner)
        items[start + owner, column] = columns.impression_item[impressions]
        signs[start + owner, column] = np.where(clicked, 1.0, -1.0)
    return items, signs


_QUERIES = 1 << 14  # whose impressions are in memory at a time


def _clicks(corpus: Corpus, rows: NDArray[np.int64], text: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 3) text, item and session of every click on the queries ``rows``, whose texts are ``text``."""
    items, owner = clicks_of_queries(corpus.columns, rows)
    columns = (text[owner], items, corpus.columns.query_session[rows[owner]])
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def _titles(columns: Columns, longest: int, device: torch.device) -> Words:
    """The titles of all items, cut after ``longest`` words."""
    lengths = np.minimum(np.diff(columns.item_word_offsets), longest)
    starts = columns.item_word_offsets[:-1]
    kept, _ = expand_ranges(starts, starts + lengths)
    words = np.asarray(columns.item_words)[kept].astype(np.int64)
    return Words(torch.from_numpy(offsets_of(lengths)).to(device), torch.from_numpy(words).to(device))
