"""The sessions of multi-turn FashionIQ: in each turn a product is shown, captioned, and followed by the next one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.datasets.fashioniq.files import CATEGORIES, PARTS
from bench.errors import BenchError

WORD = "[a-z0-9]+(?:['-][a-z0-9]+)*"
"""A word, after lower-casing: a run of letters and digits, joined inside by hyphens or apostrophes (``v-neck``)."""


@dataclass(frozen=True)
class Turns:
    """The T turns of S sessions, in the order of the files; the turns of a session are consecutive.

    Attributes:
        session_id: (S,) such as ``dress-train-00001``, counted from 1 within a file.
        session_category, session_part: (S,) indices into ``CATEGORIES`` and ``PARTS``.
        session: (T,) row of each turn's session, ascending.
        shown: (T,) id of the product on show.
        following: (T,) id of the product on show in the next turn; after the last turn, the session's target.
        words: (T,) lists of the words of a turn's captions.
        captions: (T,) number of captions.
    """

    session_id: pa.Array
    session_category: NDArray[np.int64]
    session_part: NDArray[np.int64]
    session: NDArray[np.int64]
    shown: pa.Array
    following: pa.Array
    words: pa.ListArray
    captions: NDArray[np.int64]


def read_turns(root: Path, connection: duckdb.DuckDBPyConnection) -> Turns:
    """Reads ``data/CATEGORY.PART.json`` of every category and part.

    Args:
        root: the folder of the files.
        connection: a DuckDB connection for temporary tables, with one thread: rows are numbered in file order.

    Raises:
        BenchError: a file is not JSON in UTF-8, or a record is not of the documented form.
    """
    connection.execute("CREATE TEMP TABLE record (category INT, part INT, record INT, target JSON, reference JSON)")
    for category, category_name in enumerate(CATEGORIES):
        for part, part_name in enumerate(PARTS):
            _read_file(connection, root / "data" / f"{category_name}.{part_name}.json", category, part)
    names = "[" + ", ".join(f"'{name}'" for name in CATEGORIES) + "]"
    sessions = _arrays(
        connection,
        f"""SELECT printf('%s-%s-%05d', {names}[category + 1], ['train', 'val'][part + 1], record + 1) AS session_id,
                   category::BIGINT AS category, part::BIGINT AS part
            FROM record ORDER BY category, part, record""",
    )
    turns = _arrays(
        connection,
        f"""WITH numbered AS (
                SELECT *, row_number() OVER (ORDER BY category, part, record) - 1 AS session FROM record),
            turn AS (
                SELECT session, target ->> 1 AS target, unnest(reference::JSON[]) AS r,
                       generate_subscripts(reference::JSON[], 1) AS position FROM numbered)
            SELECT session, r ->> 2 AS shown,
                   coalesce(lead(r ->> 2) OVER (PARTITION BY session ORDER BY position), target) AS following,
                   regexp_extract_all(lower(array_to_string((r -> 1)::VARCHAR[], ' ')), '{WORD.replace("'", "''")}')
                       AS words,
                   json_array_length(r -> 1)::BIGINT AS captions
            FROM turn ORDER BY session, position""",
    )
    return Turns(
        sessions["session_id"],
        sessions["category"].to_numpy(),
        sessions["part"].to_numpy(),
        turns["session"].to_numpy(),
        turns["shown"],
        turns["following"],
        turns["words"],
        turns["captions"].to_numpy(),
    )


def _read_file(connection: duckdb.DuckDBPyConnection, path: Path, category: int, part: int) -> None:
    """Appends a file to table ``record``; a record that is not of the documented form is an error."""
    read = "SELECT ?, ?, row_number() OVER () - 1, target, reference FROM read_json(?, format = 'array', columns = ?)"
    columns = {"target": "JSON", "reference": "JSON"}
    try:
        connection.execute(f"INSERT INTO record {read}", [category, part, str(path), columns])
    except duckdb.Error as error:
        raise BenchError(
            f"not a JSON list of records: {str(error).splitlines()[0]}", where=str(path), fix="fetch the file again"
        ) from None
    # json_structure of a list of captions; a null among them would be no caption and does no harm
    captions = """('["VARCHAR"]', '["NULL"]', '[]')"""
    ((count, bad),) = connection.execute(
        f"""WITH file_record AS (
                SELECT record, reference, coalesce(json_type(target) = 'ARRAY' AND json_type(target -> 1) = 'VARCHAR'
                    AND json_type(reference) = 'ARRAY' AND json_array_length(reference) > 0, false) AS sound
                FROM record WHERE category = {category} AND part = {part}),
            turn AS (SELECT record, unnest(reference::JSON[]) AS r FROM file_record WHERE sound)
            SELECT (SELECT count(*) FROM file_record), least(
                (SELECT min(record) FROM file_record WHERE NOT sound),
                (SELECT min(record) FROM turn WHERE NOT coalesce(
                    json_type(r -> 2) = 'VARCHAR' AND json_structure(r -> 1)::VARCHAR IN {captions}, false)))"""
    ).fetchall()
    if count == 0:
        raise BenchError("holds no sessions", where=str(path), fix="fetch the file again")
    if bad is not None:
        raise BenchError(
            'not of the form {"target": [url, id], "reference": [[url, [caption, …], id], …]}',
            where=f"{path}, record {bad + 1}",
            fix="fetch the file again",
        )


def _arrays(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    """The columns of a query's result, by name, each as one Arrow array."""
    table = connection.sql(query).to_arrow_table()
    return {name: table[name].combine_chunks() for name in table.column_names}
