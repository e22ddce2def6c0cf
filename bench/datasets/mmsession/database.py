"""The DuckDB database in which the released files are staged, and the macros that read their values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from bench.datasets.mmsession.files import Table
from bench.datasets.mmsession.staging import Staging
from bench.errors import BenchError

_MACROS = r"""
CREATE MACRO blank(x) AS x IS NULL OR (strlen(x) < 20 AND lower(trim(x, '[]() ''"')) IN ('', 'nan', 'null', 'none'));
CREATE MACRO unbracketed(x) AS CASE WHEN starts_with(x, '[') OR starts_with(x, '(') OR starts_with(x, ' ')
    OR ends_with(x, ']') OR ends_with(x, ')') OR ends_with(x, ' ') THEN trim(x, '[]() ') ELSE x END;
CREATE MACRO bare(x) AS trim(x, '[](), ');
CREATE MACRO digest(x) AS md5(regexp_replace(bare(x), '[\s,;]+', ',', 'g'));
CREATE MACRO vector(x) AS TRY_CAST('[' || regexp_replace(bare(x), '[\s,;]+', ',', 'g') || ']' AS FLOAT[]);
CREATE MACRO split_code(x) AS CASE lower(trim(x))
    WHEN 'train' THEN 0 WHEN 'valid' THEN 1 WHEN 'val' THEN 1 WHEN 'dev' THEN 1 WHEN 'test' THEN 2 END;
CREATE MACRO kind_code(x) AS CASE lower(trim(x)) WHEN 'keyword_query' THEN 0 WHEN 'goods_query' THEN 1 END;
CREATE MACRO milliseconds(x) AS CASE
    WHEN regexp_full_match(x, '\d{8}') THEN epoch_ms(try_strptime(x, '%Y%m%d'))
    WHEN regexp_full_match(x, '\d{14}') THEN epoch_ms(try_strptime(x, '%Y%m%d%H%M%S'))
    WHEN regexp_full_match(x, '\d{9,10}(\.\d*)?') THEN (x::DOUBLE * 1000)::BIGINT
    WHEN regexp_full_match(x, '\d{12,13}') THEN x::BIGINT
    WHEN regexp_full_match(x, '\d{15,16}') THEN x::BIGINT // 1000
    ELSE epoch_ms(TRY_CAST(x AS TIMESTAMP)) END;
"""


@contextmanager
def staging(beside: Path, tables: dict[str, Table], memory: str) -> Iterator[Staging]:
    """A database next to the folder ``beside``, removed when the block ends.

    Args:
        beside: the corpus folder to be written; its parent is made where it is missing.
        tables: the released files, by kind.
        memory: DuckDB's limit, such as ``4GB``; the rest goes to disk.

    Raises:
        BenchError: ``memory`` is no size, or too little; or the disk is full.
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix=f"{beside.name}.staging.", dir=beside.parent) as folder,
        duckdb.connect(str(Path(folder) / "staging.duckdb")) as db,
    ):
        try:
            spill = str(Path(folder) / "spill").replace("'", "''")
            db.execute(f"SET temp_directory = '{spill}'").fetchall()
            db.execute("SET memory_limit = ?", [memory]).fetchall()
        except duckdb.Error:
            raise BenchError(f"{memory!r} is not a size", where="memory", fix="such as 4GB") from None
        for statement in _MACROS.strip().split(";\n"):
            db.execute(statement).fetchall()
        try:
            yield Staging(db, tables)
        except duckdb.OutOfMemoryException:
            raise BenchError(f"{memory} is too little", where="memory", fix="raise it, such as memory=8GB") from None
        except duckdb.IOException as error:
            what = f"cannot be written: {str(error).splitlines()[0]}"
            fix = "free about twice the size of the released files"
            raise BenchError(what, where=str(beside.parent), fix=fix) from None
