"""Several corpora as one: vocabularies and items side by side, sessions shuffled over the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of, take_rows
from bench.data.schema import NO_TIME
from bench.data.writer import CorpusWriter
from bench.errors import BenchError

_CHUNK = 4096  # sessions written together
_ROWS = 65_536  # items and images copied together


def pool(
    folder: Path,
    parts: Sequence[Corpus],
    *,
    name: str,
    seed: int,
    licence: str,
    caveats: Sequence[str],
    source: dict[str, Any],
    progress: Callable[[int, int], None],
) -> None:
    """Writes the union of ``parts``.

    A word that several parts know is one word, with the vector of the first. An item's domain is the name of its part.
    Sessions come in random order and keep split, user and downstream sample. A user's id is taken to mean the same
    person everywhere; ids of sessions, queries and items must differ between the parts.

    Args:
        folder: where the corpus shall stand; must not exist.
        parts: simulated or not, but all alike, with vectors of the same widths.
        name, licence, caveats, source: see :class:`bench.data.corpus.CorpusInfo`.
        seed: of the order.
        progress: is told ``(sessions done, sessions in all)``.

    Raises:
        BenchError: the folder exists, or the parts don't go together.
    """
    kinds = {(p.info.origin, p.word_vectors.shape[1], p.image_vectors.shape[1], p.image_vectors.dtype) for p in parts}
    if len(kinds) != 1:
        raise BenchError(
            "only corpora of one origin, with vectors of the same widths and types, can be pooled", where=str(folder)
        )
    ((origin, word_dim, image_dim, image_dtype),) = kinds
    writer = CorpusWriter(
        folder,
        name=name,
        origin=origin,
        licence=licence,
        caveats=caveats,
        source=source,
        word_dim=word_dim,
        image_dim=image_dim,
        image_dtype=image_dtype.type,
    )
    with writer:
        places = _vocabulary(writer, parts)
        pooled = []
        for part, place in zip(parts, places, strict=True):
            pooled.append(_Part(part, place, writer.rows("items"), writer.rows("images"), _click_times(part)))
            _items(writer, pooled[-1])
        _sessions(writer, pooled, np.random.default_rng([seed, *b"pooled"]), progress)


@dataclass(frozen=True)
class _Part:
    """A part, and where its words, items and images stand in the whole."""

    corpus: Corpus
    words: NDArray[np.int64]
    first_item: int
    first_image: int
    click_times: NDArray[np.int64]


def _vocabulary(writer: CorpusWriter, parts: Sequence[Corpus]) -> list[NDArray[np.int64]]:
    """Writes all words, each once, and returns the new row of every word of each part."""
    known, places = pa.array([], pa.string()), []
    for part in parts:
        words = part.strings("vocabulary", "word").combine_chunks()
        new = np.asarray(pc.is_null(pc.index_in(words, known)))
        writer.vocabulary(words.filter(pa.array(new)), np.asarray(part.word_vectors)[new])
        known = pa.concat_arrays([known, words.filter(pa.array(new))])
        places.append(np.asarray(pc.index_in(words, known)).astype(np.int64))
    return places


def _click_times(part: Corpus) -> NDArray[np.int64]:
    """(P,) ms since 1970, the smallest int64 where there is none: the one number that a corpus's columns lack."""
    times = np.empty(part.info.counts["impressions"], dtype=np.int64)
    filled = 0
    with pq.ParquetFile(part.folder / "impressions.parquet") as file:
        for batch in file.iter_batches(_ROWS, columns=["click_time"]):
            chunk = batch["click_time"].cast(pa.int64()).fill_null(NO_TIME)
            times[filled : filled + len(chunk)] = chunk.to_numpy()
            filled += len(chunk)
    return times


def _items(writer: CorpusWriter, part: _Part) -> None:
    columns, corpus = part.corpus.columns, part.corpus
    for start in range(0, len(corpus.image_vectors), _ROWS):
        writer.images(np.asarray(corpus.image_vectors[start : start + _ROWS]))
    names = corpus.strings("items", "item_id").combine_chunks()
    categories = corpus.strings("items", "category").combine_chunks()
    for start in range(0, len(columns.item_image), _ROWS):
        rows = slice(start, min(start + _ROWS, len(columns.item_image)))
        number = rows.stop - rows.start
        offsets = columns.item_word_offsets[rows.start : rows.stop + 1]
        words = part.words[columns.item_words[offsets[0] : offsets[-1]]]
        image = columns.item_image[rows]
        writer.items(
            names.slice(start, number),
            (offsets - offsets[0], words),
            np.where(image >= 0, image + part.first_image, -1),
            categories.slice(start, number),
            pa.repeat(corpus.info.name, number),
        )


def _sessions(
    writer: CorpusWriter, parts: Sequence[_Part], rng: np.random.Generator, progress: Callable[[int, int], None]
) -> None:
    sizes = [len(part.corpus.columns.session_split) for part in parts]
    part_of = np.repeat(np.arange(len(parts)), sizes)
    row_of = np.concatenate([np.arange(size) for size in sizes])
    order = rng.permutation(len(part_of))
    strings = [
        {
            column: part.corpus.strings(table, column).combine_chunks()
            for table, column in (("sessions", "session_id"), ("sessions", "user"), ("queries", "query_id"))
        }
        for part in parts
    ]
    for start in range(0, len(order), _CHUNK):
        chosen = order[start : start + _CHUNK]
        pieces = []
        for number, part in enumerate(parts):
            places = np.flatnonzero(part_of[chosen] == number)  # in the chunk
            pieces.append(_piece(part, strings[number], places, row_of[chosen[places]]))
        _write(writer, start, pieces)
        progress(start + len(chosen), len(order))


def _piece(part: _Part, strings: dict[str, pa.Array], places: Integers, sessions: Integers) -> dict[str, Any]:
    """The sessions of one part in a chunk, flat; ``place`` is the session's place in the chunk."""
    columns = part.corpus.columns
    starts = columns.session_queries
    queries, owner = expand_ranges(starts[sessions], starts[sessions + 1])
    words, _ = take_rows(columns.query_word_offsets, columns.query_words, queries)
    shown, asking = expand_ranges(columns.query_impressions[queries], columns.query_impressions[queries + 1])
    image, offsets = columns.query_image[queries], columns.query_word_offsets
    return {
        "place": places,
        "session_id": strings["session_id"].take(pa.array(sessions)),
        "user": strings["user"].take(pa.array(sessions)),
        "start": columns.session_start[sessions],
        "split": columns.session_split[sessions],
        "downstream": columns.session_downstream[sessions],
        "query_place": places[owner],
        "query_id": strings["query_id"].take(pa.array(queries)),
        "position": queries - starts[sessions][owner],
        "time": columns.query_time[queries],
        "kind": columns.query_kind[queries],
        "word_count": offsets[queries + 1] - offsets[queries],
        "words": part.words[words],
        "image": np.where(image >= 0, image + part.first_image, -1),
        "query": asking,
        "item": columns.impression_item[shown] + part.first_item,
        "rank": columns.impression_rank[shown],
        "clicked": columns.impression_clicked[shown],
        "click_time": part.click_times[shown],
    }


def _write(writer: CorpusWriter, first_session: int, pieces: Sequence[dict[str, Any]]) -> None:
    """Interleaves the parts of a chunk by the places of their sessions."""

    def joined(column: str, order: Integers) -> NDArray[Any]:
        return np.concatenate([piece[column] for piece in pieces])[order]

    def strings(column: str, order: Integers) -> pa.Array:
        return pa.concat_arrays([piece[column] for piece in pieces]).take(pa.array(order))

    session = np.argsort(np.concatenate([piece["place"] for piece in pieces]))
    writer.sessions(
        strings("session_id", session),
        strings("user", session),
        _times(joined("start", session)),
        joined("split", session),
        joined("downstream", session),
    )
    first_query = writer.rows("queries")
    place = np.concatenate([piece["query_place"] for piece in pieces])
    query = np.argsort(place, kind="stable")
    counts = np.concatenate([piece["word_count"] for piece in pieces])
    words, _ = take_rows(offsets_of(counts), np.concatenate([piece["words"] for piece in pieces]), query)
    writer.queries(
        strings("query_id", query),
        first_session + place[query],
        joined("position", query),
        _times(joined("time", query)),
        joined("kind", query),
        (offsets_of(counts[query]), words),
        joined("image", query),
    )
    new_place = np.empty_like(query)
    new_place[query] = np.arange(len(query))
    before = offsets_of(np.array([len(piece["query_place"]) for piece in pieces]))[:-1]
    asking = new_place[
        np.concatenate([piece["query"] + first for piece, first in zip(pieces, before, strict=True)])
    ]  # place of each impression's query in the chunk
    shown = np.argsort(asking, kind="stable")
    writer.impressions(
        first_query + asking[shown],
        joined("item", shown),
        joined("rank", shown),
        joined("clicked", shown),
        _times(joined("click_time", shown)),
    )


def _times(values: NDArray[np.int64]) -> pa.Array:
    return pa.array(values, mask=values == NO_TIME)
