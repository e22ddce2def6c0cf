"""The paper's Table 1 for any corpus, beside what the paper prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.corpus import Corpus, CorpusInfo
from bench.data.published import DOWNSTREAM_SESSIONS, PUBLISHED, SHARE_OVER_TEN_STEPS
from bench.data.schema import NO_TIME, PRODUCT, SPLITS

_CHUNK_ROWS = 262_144
_MINUTE = 60_000  # ms


@dataclass(frozen=True)
class Statistic:
    """One row of the table.

    Attributes:
        statistic: what is counted.
        value: in this corpus; None where the corpus cannot say, such as users of a log without users.
        published: in the paper; None for what it doesn't print, and for datasets that are not the paper's.
    """

    statistic: str
    value: float | None
    published: float | None = None


def corpus_stats(corpus: Corpus) -> list[Statistic]:
    """The columns of the paper's Table 1, then ratios that do not depend on the size, then the splits.

    Users are those of sessions, items those of impressions. T(s) is the time from a session's first query to its last,
    L(s) its number of queries, L(PQ) and L(KQ) the number of words of a product and of a keyword query (section 4.1).
    The published ratios follow from the published totals; the published share of long sessions is that of all three
    datasets together.
    """
    columns, paper = corpus.columns, _published(corpus.info)
    sessions, queries = len(columns.session_start), len(columns.query_session)
    words, products, images = _words_by_kind(columns)
    keywords = queries - products
    items, clicks = _shown_and_clicked(columns)
    long, downstream, splits = _sessions_of_kinds(columns)
    counts = {
        "sessions": sessions,
        "keyword_queries": keywords,
        "product_queries": products,
        "users": corpus.num_users or None,
        "items": items,
        "clicks": clicks,
        "mean_minutes": _mean_minutes(columns),
        "mean_steps": _ratio(queries, sessions),
        "mean_product_words": _ratio(words[1], products),
        "mean_keyword_words": _ratio(words[0], keywords),
    }
    return [
        *(Statistic(_NAMES[key], value, paper.get(key)) for key, value in counts.items()),
        Statistic("image queries", images, paper.get("product_queries")),
        *(Statistic(name, _ratio(counts[a], counts[b]), _ratio(paper.get(a), paper.get(b))) for name, a, b in _RATIOS),
        Statistic(
            "share of sessions with more than ten queries",
            _ratio(long, sessions),
            SHARE_OVER_TEN_STEPS if paper else None,
        ),
        Statistic(
            "sessions in the downstream sample",
            downstream,
            DOWNSTREAM_SESSIONS if paper else None,
        ),
        *(Statistic(f"{name} sessions", int(count)) for name, count in zip(SPLITS, splits, strict=True)),
    ]


_NAMES = {
    "sessions": "sessions",
    "keyword_queries": "keyword queries",
    "product_queries": "product queries",
    "users": "users",
    "items": "items",
    "clicks": "clicks",
    "mean_minutes": "Avg. T(s), minutes",
    "mean_steps": "Avg. L(s), queries",
    "mean_product_words": "Avg. L(PQ), words",
    "mean_keyword_words": "Avg. L(KQ), words",
}

_RATIOS = (
    ("clicks per session", "clicks", "sessions"),
    ("users per session", "users", "sessions"),
    ("items per session", "items", "sessions"),
    ("keyword queries per product query", "keyword_queries", "product_queries"),
)


def _published(info: CorpusInfo) -> dict[str, float]:
    """Table 1's row for the paper's datasets, simulated or in the authors' files; empty for others."""
    if info.origin == "simulated":
        return PUBLISHED.get(info.name, {})
    released, _, name = info.name.rpartition("mmsession-")
    return PUBLISHED.get(name, {}) if released == "" and name != info.name else {}


def _sessions_of_kinds(columns: Columns) -> tuple[int, int, NDArray[np.int64]]:
    """Sessions of more than ten queries, those in the downstream sample, and those of each split (3,)."""
    long, downstream, splits = 0, 0, np.zeros(len(SPLITS), dtype=np.int64)
    for start in range(0, len(columns.session_split), _CHUNK_ROWS):
        end = start + _CHUNK_ROWS
        long += int(np.count_nonzero(np.diff(columns.session_queries[start : end + 1]) > 10))
        downstream += int(np.count_nonzero(columns.session_downstream[start:end]))
        splits += np.bincount(columns.session_split[start:end], minlength=len(SPLITS))
    return long, downstream, splits


def _words_by_kind(columns: Columns) -> tuple[NDArray[np.int64], int, int]:
    """Words of all keyword and of all product queries (2,), the number of product queries, and of image queries."""
    words, products, images = np.zeros(2, dtype=np.int64), 0, 0
    for start in range(0, len(columns.query_kind), _CHUNK_ROWS):
        end = start + _CHUNK_ROWS
        product = columns.query_kind[start:end] == PRODUCT
        lengths = np.diff(columns.query_word_offsets[start : end + 1])
        words += lengths[~product].sum(), lengths[product].sum()
        products += int(product.sum())
        images += int(np.count_nonzero(columns.query_image[start:end] >= 0))
    return words, products, images


def _shown_and_clicked(columns: Columns) -> tuple[int, int]:
    """Number of distinct items in impressions, and of clicks."""
    seen, clicks = np.zeros(len(columns.item_image), dtype=bool), 0
    for start in range(0, len(columns.impression_item), _CHUNK_ROWS):
        seen[columns.impression_item[start : start + _CHUNK_ROWS]] = True
        clicks += int(np.count_nonzero(columns.impression_clicked[start : start + _CHUNK_ROWS]))
    return int(np.count_nonzero(seen)), clicks


def _mean_minutes(columns: Columns) -> float | None:
    """Mean time from first to last query, of the sessions that have both times."""
    total = count = 0
    for start in range(0, len(columns.session_start), _CHUNK_ROWS):
        ends = columns.session_queries[start : start + _CHUNK_ROWS + 1]
        first, last = columns.query_time[ends[:-1]], columns.query_time[ends[1:] - 1]
        timed = (first != NO_TIME) & (last != NO_TIME)
        total, count = total + int((last[timed] - first[timed]).sum()), count + int(np.count_nonzero(timed))
    return _ratio(float(total) / _MINUTE, count)


def _ratio(part: Any, whole: Any) -> float | None:
    return float(part / whole) if part is not None and whole else None
