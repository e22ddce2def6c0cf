"""The on-disk format of a corpus: which files, which columns, which types.

A corpus is a folder of Parquet tables and ``.npy`` matrices. A query row stands for one *step* of a session: a keyword
query, or a product query submitted together with its image query. References between tables are row numbers, counted
from 0, so that no join is needed to read a session.
"""

from __future__ import annotations

import pyarrow as pa

FORMAT_VERSION = 1

KEYWORD, PRODUCT = 0, 1
KINDS = ("keyword", "product")
"""Names of the step kinds; a name's place is its code."""

TRAIN, VALID, TEST = 0, 1, 2
SPLITS = ("train", "valid", "test")
"""Names of the splits; a name's place is its code."""

TIME = pa.timestamp("ms")

NO_TIME = -(2**63)
"""A missing time as an integer, the smallest int64: where times are flat arrays, which hold no null."""

TABLES: dict[str, pa.Schema] = {
    "vocabulary": pa.schema([pa.field("word", pa.string(), nullable=False)]),
    "items": pa.schema(
        [
            pa.field("item_id", pa.string(), nullable=False),
            pa.field("words", pa.list_(pa.int32()), nullable=False),
            pa.field("image", pa.int32()),  # row of image_vectors.npy, null without an image
            pa.field("category", pa.string()),
            pa.field("domain", pa.string()),
        ]
    ),
    "sessions": pa.schema(
        [
            pa.field("session_id", pa.string(), nullable=False),
            pa.field("user", pa.string()),  # null where the log has no users
            pa.field("start", TIME),
            pa.field("split", pa.string(), nullable=False),
            pa.field("downstream", pa.bool_(), nullable=False),
        ]
    ),
    "queries": pa.schema(
        [
            pa.field("query_id", pa.string(), nullable=False),
            pa.field("session", pa.int64(), nullable=False),  # row of sessions, ascending
            pa.field("position", pa.int32(), nullable=False),  # 0, 1, 2 … within the session
            pa.field("time", TIME),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("words", pa.list_(pa.int32()), nullable=False),  # rows of vocabulary
            pa.field("image", pa.int32()),
        ]
    ),
    "impressions": pa.schema(
        [
            pa.field("query", pa.int64(), nullable=False),  # row of queries, ascending
            pa.field("item", pa.int32(), nullable=False),  # row of items
            pa.field("rank", pa.int32(), nullable=False),  # 1 is the top; ascending within a query
            pa.field("clicked", pa.bool_(), nullable=False),
            pa.field("click_time", TIME),
        ]
    ),
}
"""Schema of each table ``NAME.parquet``, in the order in which they are written."""

MATRICES = ("word_vectors", "image_vectors")
"""``word_vectors.npy``: float32 (V, 50). ``image_vectors.npy``: int8 (read divided by 127) or float32, (I, 512)."""
