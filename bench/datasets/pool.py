"""Pooled corpora: the union of several corpora, with vocabularies and items concatenated and sessions shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.split_kinds import SplitKind
from bench.data.writer import CorpusWriter
from bench.datasets.pooled_sessions import Part, write_sessions
from bench.errors import BenchError

_BLOCK_ROWS = 65_536  # items and images copied together


def pool(
    folder: Path,
    parts: Sequence[Corpus],
    *,
    name: str,
    seed: int,
    licence: str,
    caveats: Sequence[str],
    source: dict[str, Any],
    kind: SplitKind = "random",
    split: NDArray[np.int8] | None = None,
    progress: Callable[[int, int], None],
) -> None:
    """Writes the union of several corpora.

    A word of several parts is one word, with the vector of the first. An item's domain is the name of its part.
    Sessions come in random order and keep user, downstream sample and, without ``split``, their split. A user's id
    means the same person in all parts; ids of sessions, queries and items must differ between the parts.

    Args:
        folder: the corpus folder to be written; it must not exist.
        parts: corpora of one origin, with vectors of the same widths and types.
        name, licence, caveats, source: see :class:`bench.data.corpus.CorpusInfo`.
        seed: of the order of sessions.
        kind: of the split of the union.
        split: (S,) split codes of all sessions, part by part, where these are split anew; ``LEFT_OUT`` of one that does
            not come into the union.
        progress: called with ``(sessions done, sessions in all)``.

    Raises:
        BenchError: the folder exists, or the parts differ in origin, widths or types.
    """
    kinds = {(p.info.origin, p.word_vectors.shape[1], p.image_vectors.shape[1], p.image_vectors.dtype) for p in parts}
    if len(kinds) != 1:
        raise BenchError(
            "only corpora of one origin, with vectors of the same widths and types, can be pooled",
            where=str(folder),
            fix=f"pool them apart; these are {', '.join(sorted(map(str, kinds)))}",
        )
    ((origin, word_dim, image_dim, image_dtype),) = kinds
    writer = CorpusWriter(
        folder,
        name=name,
        origin=origin,
        licence=licence,
        caveats=caveats,
        source=source,
        split=kind,
        word_dim=word_dim,
        image_dim=image_dim,
        image_dtype=image_dtype.type,
    )
    with writer:
        pooled = []
        for corpus, words in zip(parts, _write_vocabulary(writer, parts), strict=True):
            pooled.append(Part.of(corpus, words, writer.rows("items"), writer.rows("images")))
            _write_items(writer, pooled[-1])
        if split is None:
            split = np.concatenate([part.columns.session_split for part in parts])
        write_sessions(writer, pooled, split, np.random.default_rng([seed, *b"pooled"]), progress)


def _write_vocabulary(writer: CorpusWriter, parts: Sequence[Corpus]) -> list[NDArray[np.int64]]:
    """Writes all words, each once, and returns the pooled row (V,) of every word of each part."""
    written, rows = pa.array([], pa.string()), []
    for part in parts:
        words = part.strings("vocabulary", "word").combine_chunks()
        new = np.asarray(pc.is_null(pc.index_in(words, written)))
        writer.vocabulary(words.filter(pa.array(new)), np.asarray(part.word_vectors)[new])
        written = pa.concat_arrays([written, words.filter(pa.array(new))])
        rows.append(np.asarray(pc.index_in(words, written)).astype(np.int64))
    return rows


def _write_items(writer: CorpusWriter, part: Part) -> None:
    """Writes the images and items of a part, in blocks of rows."""
    columns, corpus = part.corpus.columns, part.corpus
    for start in range(0, len(corpus.image_vectors), _BLOCK_ROWS):
        writer.images(np.asarray(corpus.image_vectors[start : start + _BLOCK_ROWS]))
    ids = corpus.strings("items", "item_id").combine_chunks()
    categories = corpus.strings("items", "category").combine_chunks()
    for start in range(0, len(columns.item_image), _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, len(columns.item_image)))
        count = rows.stop - rows.start
        offsets = columns.item_word_offsets[rows.start : rows.stop + 1]
        words = part.words[columns.item_words[offsets[0] : offsets[-1]]]
        writer.items(
            ids.slice(start, count),
            (offsets - offsets[0], words),
            part.image_rows(columns.item_image[rows]),
            categories.slice(start, count),
            pa.repeat(corpus.info.name, count),
        )
