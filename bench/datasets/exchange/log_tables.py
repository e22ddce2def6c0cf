"""A corpus as the tables of an event log: ids and words in place of row numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.corpus import Corpus


def log_tables(corpus: Corpus) -> dict[str, pa.Table]:
    """The tables that :func:`~bench.datasets.exchange.tables.corpus_from_tables` takes, all in memory.

    A corpus made from them has the same sessions, queries, impressions, clicks, splits and vectors, without queries
    that have neither words nor image; its downstream sample is drawn anew.
    """
    sessions, queries, items = (corpus.to_arrow(name) for name in ("sessions", "queries", "items"))
    impressions = corpus.to_arrow("impressions")
    vocabulary = corpus.to_arrow("vocabulary")["word"].combine_chunks()
    of_session = queries["session"]
    query_of, item_of = queries["query_id"].take(impressions["query"]), items["item_id"].take(impressions["item"])
    shown = pa.table({"query_id": query_of, "item_id": item_of, "rank": impressions["rank"]})
    clicked = impressions["clicked"]
    found = {
        "queries": pa.table(
            {
                "query_id": queries["query_id"],
                "user": sessions["user"].take(of_session),
                "session_id": sessions["session_id"].take(of_session),
                "time": queries["time"],
                "kind": queries["kind"],
                "words": _words(queries["words"], vocabulary),
                "image": _image_ids(queries["image"]),
                "position": queries["position"],
                "split": sessions["split"].take(of_session),
            }
        ),
        "impressions": shown,
        "clicks": pa.table({"query_id": query_of, "item_id": item_of, "time": impressions["click_time"]}).filter(
            clicked
        ),
        "items": pa.table(
            {
                "item_id": items["item_id"],
                "words": _words(items["words"], vocabulary),
                "image": _image_ids(items["image"]),
                "category": items["category"],
                "domain": items["domain"],
            }
        ),
        "word_vectors": pa.table({"word": vocabulary, "vector": _vectors(corpus.word_vectors)}),
    }
    if len(corpus.image_vectors):
        scale = np.float32(127 if corpus.image_vectors.dtype == np.int8 else 1)
        rows = _image_ids(pa.array(np.arange(len(corpus.image_vectors))))
        images = np.asarray(corpus.image_vectors, dtype=np.float32) / scale
        found["images"] = pa.table({"image_id": rows, "vector": _vectors(images)})
    return found


def _words(rows: pa.ChunkedArray, vocabulary: pa.Array) -> pa.Array:
    """Lists of words, of lists of rows of the vocabulary."""
    lists = rows.combine_chunks()
    return pa.ListArray.from_arrays(lists.offsets, vocabulary.take(lists.values))


def _image_ids(rows: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The id of an image is its row."""
    return pc.cast(rows, pa.string())


def _vectors(matrix: NDArray[np.float32]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(matrix, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1]).cast(pa.list_(pa.float32()))
