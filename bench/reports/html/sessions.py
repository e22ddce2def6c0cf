"""The words of scored units: the session up to a query, and what was clicked after it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.data.schema import KINDS
from bench.errors import BenchError
from bench.evaluation.units import Units

_MOST_STEPS = 8
_MOST_WORDS = 16


def unit_words(corpus: Corpus, ids: NDArray[Any], whole: bool, pool: dict[str, int]) -> list[dict[str, Any]]:
    """The units with these ids, in their order: ``session``, ``steps`` (kind, text, row of the image or -1) and the
    ``clicked`` items (text, row of the image or -1).

    A unit that the corpus does not know has its id alone.

    Args:
        corpus: where they are.
        ids: (n,) distinct; of queries, or of sessions.
        whole: they are sessions.
        pool: places of texts; steps and titles are such places, since units of one session share their steps.
    """
    try:
        units = Units.of(corpus, ids, whole)
    except BenchError:  # a task's own units
        return [{"session": str(unit), "steps": [], "clicked": []} for unit in ids]
    columns, vocabulary = corpus.columns, corpus.strings("vocabulary", "word")
    starts = np.maximum(columns.session_queries[units.sessions], units.queries - _MOST_STEPS + 1)  # (n,)
    lengths = units.queries - starts + 1
    owner = np.repeat(np.arange(len(units)), lengths)
    steps = np.repeat(starts, lengths) + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    words, word_step = take_rows(columns.query_word_offsets, columns.query_words, steps)
    texts = _joined(vocabulary.take(np.asarray(words)).to_pylist(), word_step, len(steps))
    clicked, of_unit = units.clicked
    items = np.asarray(clicked, dtype=np.int64)
    item_words, word_item = take_rows(columns.item_word_offsets, columns.item_words, items)
    titles = _joined(vocabulary.take(np.asarray(item_words)).to_pylist(), word_item, len(items))
    names = corpus.strings("sessions", "session_id").take(units.sessions).to_pylist()
    kinds, images = columns.query_kind[steps], columns.query_image[steps]
    shown: list[dict[str, Any]] = [
        {"session": name, "before": int(before), "steps": [], "clicked": []}
        for name, before in zip(names, units.positions - lengths + 1, strict=True)
    ]
    for unit, kind, text, image in zip(owner, kinds, texts, images, strict=True):  # of the few that are shown
        shown[unit]["steps"].append([KINDS[kind], pool.setdefault(text, len(pool)), int(image)])
    for unit, title, image in zip(of_unit, titles, columns.item_image[items], strict=True):
        if len(shown[unit]["clicked"]) < 2:
            shown[unit]["clicked"].append([pool.setdefault(title, len(pool)), int(image)])
    return shown


def _joined(words: list[str], owner: NDArray[np.int64], count: int) -> list[str]:
    """The words of each of ``count`` texts, joined."""
    ends = np.searchsorted(owner, np.arange(count), side="right")
    starts = np.searchsorted(owner, np.arange(count), side="left")
    return [" ".join(words[start : min(end, start + _MOST_WORDS)]) for start, end in zip(starts, ends, strict=True)]
