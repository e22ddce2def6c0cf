"""The tables of a corpus, written from the joined tables in chunks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.csr import offsets_of
from bench.data.schema import VALID
from bench.data.splits import carve_validation
from bench.data.writer import CorpusWriter
from bench.datasets.arrow import matrix_of
from bench.datasets.mmsession.staging import Staging

CHUNK_SESSIONS = 65_536
"""Sessions per chunk; also images, items and words."""


def write_corpus(
    writer: CorpusWriter,
    staging: Staging,
    domain: str,
    split: NDArray[np.int8],
    progress: Callable[[int, int], None],
) -> int:
    """Writes all tables of the corpus.

    Args:
        writer: the corpus, opened.
        staging: the database, with all tables made.
        domain: the domain of every item.
        split: (S,) split codes of the sessions.
        progress: called with ``(sessions done, sessions in all)``.

    Returns:
        number of word ids in steps that ``word.csv`` does not have; they are left out.
    """
    for chunk in _chunks(staging, "vocab", "id::VARCHAR AS word, vector"):
        writer.vocabulary(_column(chunk, "word"), matrix_of(_column(chunk, "vector"), np.float32))
    for chunk in _chunks(staging, "texts", "'text:' || key AS word, vector"):
        writer.vocabulary(_column(chunk, "word"), matrix_of(_column(chunk, "vector"), np.float32))
    for chunk in _chunks(staging, "images", "vector"):
        writer.images(matrix_of(_column(chunk, "vector"), np.int8))
    columns = "items.item_id, coalesce(texts.row, -1) AS text, items.category"
    for chunk in _chunks(staging, "items", columns, "LEFT JOIN texts ON texts.key = items.text"):
        text = _numbers(chunk, "text")
        words = offsets_of(text >= 0), text[text >= 0]
        domains = pa.array([domain]).take(pa.array(np.zeros(len(text), np.int64)))
        writer.items(_column(chunk, "item_id"), words, np.full(len(text), -1), _column(chunk, "category"), domains)
    return _write_sessions(writer, staging, split, progress)


def session_splits(staging: Staging, share: float, seed: int) -> NDArray[np.int8]:
    """(S,) split codes of the sessions, with a validation split drawn from training where the files have none.

    It is drawn from the downstream sample and from the other sessions separately, so that both have the share.

    Args:
        staging: the database, with the steps joined.
        share: of the training sessions.
        seed: of the draw.
    """
    table = staging.db.sql("SELECT split, downstream FROM sessions ORDER BY row").to_arrow_table()
    split: NDArray[np.int8] = table["split"].to_numpy().astype(np.int8)
    if (split == VALID).any():
        return split
    return carve_validation(split, table["downstream"].to_numpy().astype(np.int64), share, seed)


def _write_sessions(
    writer: CorpusWriter, staging: Staging, split: NDArray[np.int8], progress: Callable[[int, int], None]
) -> int:
    """Writes sessions, queries and impressions; returns the number of unknown word ids."""
    vocabulary = staging.db.sql("SELECT id, row FROM vocab ORDER BY id").to_arrow_table()
    ids, rows = vocabulary["id"].to_numpy(), vocabulary["row"].to_numpy()
    unknown_words, backwards_times = 0, 0
    for start in range(0, len(split), CHUNK_SESSIONS):
        end = min(start + CHUNK_SESSIONS, len(split))
        inside = f"BETWEEN {start} AND {end - 1}"
        sessions = _table(
            staging, f"SELECT session_id, user_id, start, downstream FROM sessions WHERE row {inside} ORDER BY row"
        )
        writer.sessions(
            _column(sessions, "session_id"),
            _column(sessions, "user_id"),
            _column(sessions, "start"),
            split[start:end],
            sessions["downstream"].to_numpy(),
        )
        # A session in which only some steps have times keeps the order of the file; a time before an earlier step's is
        # dropped.
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
        words, unknown = _step_words(_column(steps, "words"), _numbers(steps, "text"), ids, rows)
        unknown_words += unknown
        backwards_times += steps["time"].null_count - steps["given"].null_count
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
        progress(end, len(split))
    staging.report["times_that_run_backwards"] = backwards_times
    return unknown_words


def _step_words(
    lists: pa.ListArray, text: NDArray[np.int64], ids: NDArray[np.int64], rows: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], int]:
    """The words of steps as CSR ``(offsets, vocabulary rows)``, and the number of unknown ids.

    Args:
        lists: (Q,) lists of word ids; a null among them could not be read.
        text: (Q,) vocabulary row of a step that is known as one text, whose list is empty; -1 for others.
        ids: (V',) word ids, ascending.
        rows: (V',) vocabulary row of each id.
    """
    lengths = np.asarray(pc.list_value_length(lists).fill_null(0)).astype(np.int64)
    values = lists.flatten()
    unreadable = np.asarray(values.is_null())
    word_ids = np.asarray(values.fill_null(0))
    index = np.searchsorted(ids, word_ids)
    known = ~unreadable & (np.append(ids, 0)[index] == word_ids) & (index < len(ids))
    owner = np.repeat(np.arange(len(lengths)), lengths)[known]
    words = np.append(rows, 0)[index][known]
    text_steps = np.flatnonzero(text >= 0)
    owner, words = np.concatenate([owner, text_steps]), np.concatenate([words, text[text_steps]])
    order = np.argsort(owner, kind="stable")
    offsets = offsets_of(np.bincount(owner, minlength=len(lengths)))
    return (offsets, words[order]), int((~known & ~unreadable).sum())


def _chunks(staging: Staging, table: str, columns: str, joins: str = "") -> Iterator[pa.Table]:
    """Columns of a table with row numbers, in their order, in chunks of rows."""
    ((least, end),) = staging.rows(f"SELECT coalesce(min(row), 0), coalesce(max(row), -1) + 1 FROM {table}")
    for start in range(least, end, CHUNK_SESSIONS):
        inside = f"{table}.row BETWEEN {start} AND {start + CHUNK_SESSIONS - 1}"
        yield _table(staging, f"SELECT {columns} FROM {table} {joins} WHERE {inside} ORDER BY {table}.row")


def _table(staging: Staging, query: str) -> pa.Table:
    return staging.db.sql(query).to_arrow_table()


def _column(table: pa.Table, name: str) -> pa.Array:
    """A column as one array, also where it has no chunk."""
    column = table[name].combine_chunks()
    return column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)


def _numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = table[name].to_numpy().astype(np.int64)
    return numbers
