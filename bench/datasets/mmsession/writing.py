"""From the joined tables to the corpus, a range of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.csr import Scalar, offsets_of
from bench.data.schema import VALID
from bench.data.splits import carve_validation
from bench.data.writer import CorpusWriter
from bench.datasets.mmsession.staging import Staging

CHUNK_SESSIONS = 65_536
"""Sessions written at a time; also images, items and words."""


def write_corpus(
    writer: CorpusWriter,
    staging: Staging,
    domain: str,
    split: NDArray[np.int8],
    progress: Callable[[int, int], None],
) -> int:
    """Writes everything and returns how many word ids in the steps are no word of ``word.csv``; they are left out.

    Args:
        writer: opened.
        staging: with all tables made.
        domain: of every item.
        split: (S,) of the sessions.
        progress: called with (sessions done, all sessions).
    """
    for chunk in _chunks(staging, "vocab", "id::VARCHAR AS word, vector"):
        writer.vocabulary(_column(chunk, "word"), _matrix(_column(chunk, "vector"), np.float32))
    for chunk in _chunks(staging, "texts", "'text:' || key AS word, vector"):
        writer.vocabulary(_column(chunk, "word"), _matrix(_column(chunk, "vector"), np.float32))
    for chunk in _chunks(staging, "images", "vector"):
        writer.images(_matrix(_column(chunk, "vector"), np.int8))
    columns = "items.item_id, coalesce(texts.row, -1) AS text, items.category"
    for chunk in _chunks(staging, "items", columns, "LEFT JOIN texts ON texts.key = items.text"):
        text = _numbers(chunk, "text")
        words = offsets_of(text >= 0), text[text >= 0]
        domains = pa.array([domain]).take(pa.array(np.zeros(len(text), np.int64)))
        writer.items(_column(chunk, "item_id"), words, np.full(len(text), -1), _column(chunk, "category"), domains)
    return _write_sessions(writer, staging, split, progress)


def session_splits(staging: Staging, share: float, seed: int) -> NDArray[np.int8]:
    """(S,) split of each session: a validation part carved out of training, unless the files have one.

    The sessions of the downstream sample and the others are carved apart, so that each has its share.
    """
    table = staging.db.sql("SELECT split, downstream FROM sessions ORDER BY row").to_arrow_table()
    split: NDArray[np.int8] = table["split"].to_numpy().astype(np.int8)
    if (split == VALID).any():
        return split
    return carve_validation(split, table["downstream"].to_numpy().astype(np.int64), share, seed)


def _write_sessions(
    writer: CorpusWriter, staging: Staging, split: NDArray[np.int8], progress: Callable[[int, int], None]
) -> int:
    known = staging.db.sql("SELECT id, row FROM vocab ORDER BY id").to_arrow_table()
    ids, rows = known["id"].to_numpy(), known["row"].to_numpy()
    unknown, backwards = 0, 0
    for first in range(0, len(split), CHUNK_SESSIONS):
        last = min(first + CHUNK_SESSIONS, len(split))
        inside = f"BETWEEN {first} AND {last - 1}"
        sessions = _table(
            staging, f"SELECT session_id, user_id, start, downstream FROM sessions WHERE row {inside} ORDER BY row"
        )
        writer.sessions(
            _column(sessions, "session_id"),
            _column(sessions, "user_id"),
            _column(sessions, "start"),
            split[first:last],
            sessions["downstream"].to_numpy(),
        )
        # A session that only partly has times keeps the order of the file; a time that runs backwards there is dropped.
        steps = _table(
            staging,
            f"""SELECT q, session, coalesce(renamed.query_id, step.query_id) AS query_id, kind, words,
                       coalesce(images.row, -1) AS image, coalesce(texts.row, -1) AS text, time AS given,
                       CASE WHEN time >= coalesce(max(time) OVER before, time) THEN time END AS time
                FROM step LEFT JOIN renamed USING (q) LEFT JOIN texts ON texts.key = step.text
                LEFT JOIN images ON images.key = step.image WHERE session {inside}
                WINDOW before AS (PARTITION BY session ORDER BY q ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                ORDER BY q""",
        )
        q, session = _numbers(steps, "q"), _numbers(steps, "session")
        words, missed = _step_words(_column(steps, "words"), _numbers(steps, "text"), ids, rows)
        unknown += missed
        backwards += steps["time"].null_count - steps["given"].null_count
        writer.queries(
            _column(steps, "query_id"),
            session,
            q - q[np.searchsorted(session, session)],
            _column(steps, "time"),
            _numbers(steps, "kind"),
            words,
            _numbers(steps, "image"),
        )
        shown = _table(staging, f"SELECT * FROM shown WHERE q BETWEEN {q[0]} AND {q[-1]} ORDER BY q, rank")
        writer.impressions(
            _numbers(shown, "q"),
            _numbers(shown, "item"),
            _numbers(shown, "rank"),
            shown["clicked"].to_numpy(),
            _column(shown, "time"),
        )
        progress(last, len(split))
    staging.report["times_that_run_backwards"] = backwards
    return unknown


def _step_words(
    lists: pa.ListArray, text: NDArray[np.int64], ids: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], int]:
    """Words of each step as CSR rows of the vocabulary, and how many ids are unknown.

    A step with a text has that one word; its list is empty.
    """
    lengths = np.asarray(pc.list_value_length(lists).fill_null(0)).astype(np.int64)
    values = lists.flatten()
    unreadable = np.asarray(values.is_null())
    given = np.asarray(values.fill_null(0))
    place = np.searchsorted(ids, given)
    found = ~unreadable & (np.append(ids, 0)[place] == given) & (place < len(ids))
    owner = np.repeat(np.arange(len(lengths)), lengths)[found]
    words = np.append(rows, 0)[place][found]
    texts = np.flatnonzero(text >= 0)
    owner, words = np.concatenate([owner, texts]), np.concatenate([words, text[texts]])
    order = np.argsort(owner, kind="stable")
    offsets = offsets_of(np.bincount(owner, minlength=len(lengths)))
    return (offsets, words[order]), int((~found & ~unreadable).sum())


def _chunks(staging: Staging, table: str, columns: str, joins: str = "") -> Iterator[pa.Table]:
    """The rows of a numbered table, in order, a range at a time."""
    ((start, end),) = staging.rows(f"SELECT coalesce(min(row), 0), coalesce(max(row), -1) + 1 FROM {table}")
    for first in range(start, end, CHUNK_SESSIONS):
        inside = f"{table}.row BETWEEN {first} AND {first + CHUNK_SESSIONS - 1}"
        yield _table(staging, f"SELECT {columns} FROM {table} {joins} WHERE {inside} ORDER BY {table}.row")


def _table(staging: Staging, query: str) -> pa.Table:
    return staging.db.sql(query).to_arrow_table()


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table[name].combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = table[name].to_numpy().astype(np.int64)
    return numbers


def _matrix(vectors: pa.ListArray, dtype: type[Scalar]) -> NDArray[Scalar]:
    """Lists of one length as a matrix."""
    return np.asarray(vectors.flatten()).astype(dtype).reshape(len(vectors), -1)
