"""The split that a log brings along, in the column ``split`` of its queries: whose test part others test on as well."""

from __future__ import annotations

import duckdb
import numpy as np
from numpy.typing import NDArray

from bench.data.schema import SPLITS, TRAIN, VALID
from bench.data.splits import carve_validation
from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.ingest.staging import StagedTable
from bench.errors import BenchError

_NAMES = ", ".join(f"'{split}'" for split in SPLITS)
_CODE = f"list_position([{_NAMES}], lower(trim(split))) - 1"


def check_given_split(queries: StagedTable, faults: Faults) -> None:
    """Adds queries whose split is none of ``schema.SPLITS``, or missing, to the faults."""
    if "split" not in queries.columns:
        return
    unknown, least, missing = queries.db.execute(f"""
        SELECT count(*) FILTER (split IS NOT NULL AND {_CODE} IS NULL), min(split) FILTER ({_CODE} IS NULL),
               count(*) FILTER (split IS NULL)
        FROM queries
    """).fetchall()[0]
    fix = f"one of {', '.join(SPLITS)}; without the column, sessions are split here"
    if unknown:
        faults.add(queries.where("split"), f"{least!r} is no split{of_rows(unknown, queries.rows)}", fix)
    if missing:
        faults.add(queries.where("split"), f"there is no value{of_rows(missing, queries.rows)}", fix)


def given_split(db: duckdb.DuckDBPyConnection, valid_share: float, seed: int) -> tuple[NDArray[np.int8], int] | None:
    """Split codes (sessions,) of ``schema.SPLITS`` as the log gives them, and how many sessions it gives several.

    None where it gives none.

    A session whose queries are of several splits is of the last of them, so that nothing of a test session is trained
    on. Where no session is given for validation, ``valid_share`` of the training sessions are.

    Args:
        db: the database, with ``steps`` and ``queries``.
        valid_share: of the training sessions.
        seed: decides which of them.

    Raises:
        BenchError: a split is empty.
    """
    if not db.execute("SELECT 1 FROM queries WHERE split IS NOT NULL LIMIT 1").fetchall():
        return None
    found = db.execute(f"""
        SELECT min({_CODE}) AS first, max({_CODE}) AS last
        FROM steps JOIN queries USING (q) GROUP BY session ORDER BY session
    """).fetchnumpy()
    split = np.asarray(found["last"], dtype=np.int8)
    mixed = int(np.count_nonzero(found["first"] < found["last"]))
    if not (split == VALID).any():
        split = carve_validation(split, np.zeros(len(split), dtype=np.int64), valid_share, seed)
    sizes = np.bincount(split, minlength=len(SPLITS))
    if not sizes[TRAIN]:
        raise BenchError("the log gives no session for training", where="split", fix="leave the column out")
    return split, mixed
