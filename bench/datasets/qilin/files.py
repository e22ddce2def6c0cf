"""The Parquet files of Qilin, and the columns that are read of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.expansion import check_parquet
from bench.datasets.sql_text import literals
from bench.errors import BenchError, did_you_mean

DETAILS = "search_result_details_with_idx"
SEARCHES = {"query", "query_from_type", "recent_clicked_note_idxs", "search_idx", "session_idx", "user_idx", DETAILS}
NOTES = {"note_idx", "note_title", "note_content", "taxonomy1_id", "taxonomy2_id", "taxonomy3_id", "image_path"}
TIMES = ("search_timestamp", "timestamp")
"""The names that the time of a shown note has; the first is that of the released files."""
SHOWN = {"note_idx", "position", "click"}

_TABLES = {"search_train": SEARCHES, "search_test": SEARCHES, "notes": NOTES}


@dataclass(frozen=True)
class QilinTable:
    """One of the three folders.

    Attributes:
        name: of the folder.
        parts: its Parquet files.
        schema: the columns that are read, with their types.
        time: the name of a shown note's time; empty for notes.
    """

    name: str
    parts: tuple[Path, ...]
    schema: pa.Schema = field(repr=False)
    time: str = ""

    @property
    def scan(self) -> str:
        """The SQL that reads the parts."""
        return f"read_parquet([{literals(map(str, self.parts))}], union_by_name = true)"


def find_tables(root: Path) -> dict[str, QilinTable]:
    """The tables below a folder; each is a folder of Parquet parts or one Parquet file.

    Raises:
        BenchError: a table or a column is missing, or a file is no Parquet.
    """
    return {name: _table(name, root, columns) for name, columns in _TABLES.items()}


def _table(name: str, root: Path, columns: set[str]) -> QilinTable:
    folder, file = root / name, root / f"{name}.parquet"
    parts = sorted(folder.rglob("*.parquet")) if folder.is_dir() else [file] if file.is_file() else []
    if not parts:
        found = ", ".join(sorted(path.name for path in root.iterdir())[:10]) or "nothing"
        raise BenchError(f"no Parquet file of {name} is here, but {found}", where=str(root), fix=f"it needs {folder}")
    schema: dict[str, pa.DataType] = {}
    for part in parts:
        check_parquet(part)
        try:
            written = pq.read_schema(part)
        except (pa.ArrowException, OSError) as error:
            what = f"not a readable Parquet file: {str(error).split('.')[0]}"
            raise BenchError(what, where=str(part), fix="fetch it again") from error
        for column in sorted(columns - set(written.names)):
            fix = did_you_mean(column, written.names, most=1)
            raise BenchError("the column is missing", where=f"{part}, column {column}", fix=fix)
        for column in sorted(columns):
            if written.names.count(column) > 1:
                raise BenchError("two columns have this name", where=f"{part}, column {column}", fix="fetch it again")
        schema |= {column: written.field(column).type for column in columns}
    time = _time_of(schema[DETAILS], str(parts[0])) if DETAILS in columns else ""
    return QilinTable(name, tuple(parts), pa.schema(sorted(schema.items())), time)


def _time_of(details: pa.DataType, part: str) -> str:
    """The name of the time of a shown note; checks that the details are a list of structs with what is read of them."""
    where = f"{part}, column {DETAILS}"
    if not ((pa.types.is_list(details) or pa.types.is_large_list(details)) and pa.types.is_struct(details.value_type)):
        raise BenchError(f"is {details}, not a list of structs", where=where, fix="fetch the files again")
    names = {details.value_type.field(number).name for number in range(details.value_type.num_fields)}
    for missing in sorted(SHOWN - names):
        raise BenchError(f"its structs have no {missing}", where=where, fix=f"they have {', '.join(sorted(names))}")
    time = next((name for name in TIMES if name in names), None)
    if time is None:
        what = f"its structs have neither {' nor '.join(TIMES)}"
        raise BenchError(what, where=where, fix=f"they have {', '.join(sorted(names))}")
    return time
