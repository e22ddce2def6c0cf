"""The sessions of a pooled corpus: those of all parts in random order, written in chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of, take_rows
from bench.data.held_out import LEFT_OUT, split_sessions
from bench.data.parquet import streamed
from bench.data.schema import NO_TIME
from bench.data.split_kinds import SplitKind
from bench.data.writer import CorpusWriter

_CHUNK_SESSIONS = 4096
_BLOCK_ROWS = 65_536  # impressions read together


@dataclass(frozen=True)
class Part:
    """A corpus that is pooled, and where its rows are in the pooled corpus.

    Attributes:
        corpus: the corpus.
        words: (V,) pooled row of each of its words.
        first_item, first_image: pooled row of its first item and of its first image.
        click_times: (P,) ms since 1970 of each impression, ``NO_TIME`` without a click or a time.
    """

    corpus: Corpus
    words: NDArray[np.int64]
    first_item: int
    first_image: int
    click_times: NDArray[np.int64]

    @classmethod
    def of(cls, corpus: Corpus, words: NDArray[np.int64], first_item: int, first_image: int) -> Part:
        """The part, with click times read from disk: they are the one number that a corpus's columns lack."""
        return cls(corpus, words, first_item, first_image, _click_times(corpus))

    def image_rows(self, rows: Integers) -> NDArray[np.int64]:
        """Pooled rows of images ``rows`` (…); -1 stays -1."""
        return np.where(rows >= 0, rows + self.first_image, -1)


def write_sessions(
    writer: CorpusWriter,
    parts: Sequence[Part],
    split: NDArray[np.int8],
    rng: np.random.Generator,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the sessions of all parts with their queries and impressions.

    Args:
        writer: the pooled corpus, with vocabulary, images and items written.
        parts: the corpora.
        split: (S,) split code of every session, part by part; ``LEFT_OUT`` of one that is not written.
        rng: decides the order of sessions.
        progress: called with ``(sessions done, sessions in all)``.
    """
    sizes = [len(part.corpus.columns.session_split) for part in parts]
    part_of = np.repeat(np.arange(len(parts)), sizes)
    row_of = np.concatenate([np.arange(size) for size in sizes])
    order = rng.permutation(len(part_of))
    order = order[split[order] != LEFT_OUT]
    ids = [
        {
            column: part.corpus.strings(table, column).combine_chunks()
            for table, column in (("sessions", "session_id"), ("sessions", "user"), ("queries", "query_id"))
        }
        for part in parts
    ]
    for start in range(0, len(order), _CHUNK_SESSIONS):
        chunk = order[start : start + _CHUNK_SESSIONS]
        pieces = []
        for number, part in enumerate(parts):
            slots = np.flatnonzero(part_of[chunk] == number)
            piece = _piece(part, ids[number], slots, row_of[chunk[slots]])
            pieces.append({**piece, "split": split[chunk[slots]]})
        _write_chunk(writer, start, pieces)
        progress(start + len(chunk), len(order))


def split_union(
    parts: Sequence[Corpus], kind: SplitKind, test_share: float, valid_share: float, seed: int
) -> NDArray[np.int8] | None:
    """(S,) split codes of all sessions, part by part, for a split that is one of the union; None for a random one.

    Args:
        parts: corpora that share no user.
        kind: of the split.
        test_share, valid_share, seed: see :mod:`bench.data.held_out`.
    """
    if kind == "random":
        return None
    first_user = np.cumsum([0, *(part.num_users for part in parts)])
    users = [
        np.where(part.columns.session_user >= 0, part.columns.session_user + first, -1)
        for part, first in zip(parts, first_user, strict=False)
    ]
    starts = np.concatenate([part.columns.session_start for part in parts])
    return split_sessions(
        kind,
        len(starts),
        test_share=test_share,
        valid_share=valid_share,
        seed=seed,
        user=lambda: np.concatenate(users),
        period=lambda: (starts, np.concatenate([_last_events(part) for part in parts])),
    )


def _last_events(part: Corpus) -> NDArray[np.int64]:
    """(S,) time of the last query or click of each session."""
    columns = part.columns
    last = columns.query_time[columns.session_queries[1:] - 1]
    query = np.repeat(np.arange(len(columns.query_session)), np.diff(columns.query_impressions))
    np.maximum.at(last, columns.query_session[query], _click_times(part))
    return last


def _piece(part: Part, ids: dict[str, pa.Array], slots: Integers, sessions: Integers) -> dict[str, Any]:
    """One part's sessions in a chunk, as flat columns.

    Args:
        part: the part.
        ids: its session ids, users and query ids.
        slots: (n,) positions of its sessions in the chunk.
        sessions: (n,) their rows in the part.
    """
    columns = part.corpus.columns
    starts = columns.session_queries
    queries, owner = expand_ranges(starts[sessions], starts[sessions + 1])
    words, _ = take_rows(columns.query_word_offsets, columns.query_words, queries)
    impressions, query = expand_ranges(columns.query_impressions[queries], columns.query_impressions[queries + 1])
    offsets = columns.query_word_offsets
    return {
        "slot": slots,
        "session_id": ids["session_id"].take(pa.array(sessions)),
        "user": ids["user"].take(pa.array(sessions)),
        "start": columns.session_start[sessions],
        "downstream": columns.session_downstream[sessions],
        "query_slot": slots[owner],
        "query_id": ids["query_id"].take(pa.array(queries)),
        "position": queries - starts[sessions][owner],
        "time": columns.query_time[queries],
        "kind": columns.query_kind[queries],
        "word_count": offsets[queries + 1] - offsets[queries],
        "words": part.words[words],
        "image": part.image_rows(columns.query_image[queries]),
        "query": query,
        "item": columns.impression_item[impressions] + part.first_item,
        "rank": columns.impression_rank[impressions],
        "clicked": columns.impression_clicked[impressions],
        "click_time": part.click_times[impressions],
    }


def _write_chunk(writer: CorpusWriter, first_session: int, pieces: Sequence[dict[str, Any]]) -> None:
    """Writes a chunk, with the sessions of all parts in the order of their slots."""

    def joined(column: str, order: Integers) -> NDArray[Any]:
        return np.concatenate([piece[column] for piece in pieces])[order]

    def strings(column: str, order: Integers) -> pa.Array:
        return pa.concat_arrays([piece[column] for piece in pieces]).take(pa.array(order))

    session_order = np.argsort(np.concatenate([piece["slot"] for piece in pieces]))
    writer.sessions(
        strings("session_id", session_order),
        strings("user", session_order),
        _times(joined("start", session_order)),
        joined("split", session_order),
        joined("downstream", session_order),
    )
    first_query = writer.rows("queries")
    slot = np.concatenate([piece["query_slot"] for piece in pieces])
    query_order = np.argsort(slot, kind="stable")
    counts = np.concatenate([piece["word_count"] for piece in pieces])
    words, _ = take_rows(offsets_of(counts), np.concatenate([piece["words"] for piece in pieces]), query_order)
    writer.queries(
        strings("query_id", query_order),
        first_session + slot[query_order],
        joined("position", query_order),
        _times(joined("time", query_order)),
        joined("kind", query_order),
        (offsets_of(counts[query_order]), words),
        joined("image", query_order),
    )
    row_of_query = np.empty_like(query_order)
    row_of_query[query_order] = np.arange(len(query_order))
    piece_start = offsets_of(np.array([len(piece["query_slot"]) for piece in pieces]))[:-1]
    query = row_of_query[
        np.concatenate([piece["query"] + start for piece, start in zip(pieces, piece_start, strict=True)])
    ]  # (impressions,) row of each impression's query in the chunk
    impression_order = np.argsort(query, kind="stable")
    writer.impressions(
        first_query + query[impression_order],
        joined("item", impression_order),
        joined("rank", impression_order),
        joined("clicked", impression_order),
        _times(joined("click_time", impression_order)),
    )


def _click_times(corpus: Corpus) -> NDArray[np.int64]:
    """(P,) click times in ms since 1970; ``NO_TIME`` where there is none."""
    times = np.empty(corpus.info.counts["impressions"], dtype=np.int64)
    row = 0
    with streamed(corpus.folder / "impressions.parquet") as file:
        for batch in file.iter_batches(_BLOCK_ROWS, columns=["click_time"]):
            block = batch["click_time"].cast(pa.int64()).fill_null(NO_TIME)
            times[row : row + len(block)] = block.to_numpy()
            row += len(block)
    return times


def _times(values: NDArray[np.int64]) -> pa.Array:
    """Times as Arrow, null for ``NO_TIME``."""
    return pa.array(values, mask=values == NO_TIME)
