"""Finished vectors are read and written in memory that does not grow with them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_corpora import random_corpus

from bench.data.vector_file import read_vector_file
from bench.data.vector_writer import VectorWriter

PIECE = 65_536
POOLS: list[pa.MemoryPool] = []  # what was allocated from one may outlive the test


def peak_of(work: Callable[[], object]) -> tuple[int, int]:
    """Bytes at the peak of what is done: of numpy's arrays, and of Arrow's."""
    before = pa.default_memory_pool()
    POOLS.append(pa.proxy_memory_pool(pa.system_memory_pool()))
    pa.set_memory_pool(POOLS[-1])
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1], POOLS[-1].max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """All that may grow is eight bytes a row, twice while they are sorted, by which an id with two rows is found."""
    corpus = random_corpus(tmp_path / "corpus", sessions=30)
    known, width = corpus.strings("queries", "query_id").to_pylist(), 32
    queries, peaks = np.arange(len(known)), {}
    for pieces in (4, 12):
        file = tmp_path / f"{pieces}.parquet"

        def write(pieces: int = pieces, file: Path = file) -> None:
            with VectorWriter(file, {}) as writer:
                writer.append({"query_id": pa.array(known)}, np.ones((len(known), width), np.float32))
                for piece in range(pieces):
                    ids = pa.array(np.arange(PIECE) + piece * PIECE).cast(pa.string())
                    writer.append({"query_id": ids}, np.zeros((PIECE, width), np.float32))

        def read(file: Path = file) -> None:
            assert read_vector_file(file).of_prefixes(corpus, queries, "ctr").all()

        peaks[pieces] = (peak_of(write), peak_of(read))
    rows = (12 - 4) * PIECE
    for few, many, allowed in zip(*peaks.values(), (1, 20), strict=True):
        assert sum(many) - sum(few) < allowed * rows, "bytes a row; a vector has 128"


@pytest.mark.parametrize("offset", [0, 3])
def test_keys_are_of_texts_and_not_of_where_they_stand(offset: int) -> None:
    from bench.data.text_keys import text_keys

    texts = ["", "a", "ab", "ba", "aa", "ä", "aaaaaaaaa", "q1-2", "q12", "\0", "a\0"]
    keys = text_keys(pa.array([*["x"] * offset, *texts])[offset:])
    assert len(set(keys.tolist())) == len(texts)
    assert [text_keys(pa.array([text]))[0] for text in texts] == keys.tolist()
