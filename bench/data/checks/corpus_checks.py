"""Checks of a corpus on disk: what is wrong, and in which file, row and column.

Rows are counted from 0, as in the references between the tables. The tables are streamed, never read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.checks.file_checks import damaged_columns, damaged_pictures, damaged_truth_files
from bench.data.checks.split_claims import split_findings
from bench.data.checks.table_checks import CHECKS
from bench.data.checks.table_rows import Finding, Sizes
from bench.data.checksums import sha256_of
from bench.data.columns import FOLDER, build_columns
from bench.data.corpus import read_info
from bench.data.npy import mapped
from bench.data.schema import MATRICES, TABLES
from bench.data.split_kinds import SplitKind
from bench.errors import BenchError

_CHUNK_BYTES = 32 << 20
_AGAIN = "make the corpus again"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a corpus.

    Attributes:
        what: what is wrong, in a few words.
        file: name of the file within the corpus.
        row: the first row with it, counted from 0; None where it is not about a row.
        column: None where it is not about a column.
        fix: what to do about it.
        rows: in how many rows it was found.
    """

    what: str
    file: str
    row: int | None = None
    column: str | None = None
    fix: str | None = None
    rows: int = 1

    def error(self, folder: str) -> BenchError:
        """The problem as an error of the corpus called ``folder``."""
        place = [str(Path(folder) / self.file)]
        place += [] if self.row is None else [f"row {self.row}"]
        place += [] if self.column is None else [f"column {self.column}"]
        more = f", and in {self.rows - 1} more rows" if self.rows > 1 else ""
        return BenchError(self.what + more, where=", ".join(place), fix=self.fix)


def check_corpus(folder: Path, called: str | None = None, split: SplitKind = "random") -> None:
    """Raises the first problem of the tables and matrices in ``folder``; ``corpus.toml`` is not looked at.

    Args:
        folder: the corpus folder.
        called: the name by which the error calls it; the folder's own by default.
        split: how its sessions are said to be split.

    Raises:
        BenchError: file, row and column of the first problem.
    """
    for problem in chain(_contents(folder), _claim(folder, split)):
        raise problem.error(called or str(folder))


def problems(folder: Path) -> list[Problem]:
    """Everything that is wrong with the corpus in ``folder``, ``corpus.toml`` included; empty if all is well.

    A problem that many rows share is listed once, with its first row and the number of rows.
    """
    found = list(_contents(folder))
    return found + list(_info(folder, hash_too=not found))


def _contents(folder: Path) -> Iterator[Problem]:
    sizes: Sizes = {}
    broken = False
    for name in MATRICES:
        matrix, found = _open_matrix(folder / f"{name}.npy")
        if matrix is not None:
            sizes[name] = len(matrix)
            found = _matrix_values(matrix, folder / f"{name}.npy")
        yield from found
    for name in TABLES:
        found = _open_table(folder, name, sizes)
        broken |= bool(found)
        yield from found
    if broken:
        return  # what refers to a table that cannot be read cannot be checked
    if sizes.get("word_vectors", sizes["vocabulary"]) != sizes["vocabulary"]:
        yield Problem(
            f"{sizes['word_vectors']} vectors for the {sizes['vocabulary']} words of vocabulary.parquet",
            "word_vectors.npy",
            fix=_AGAIN,
        )
    for name in TABLES:
        findings: dict[tuple[str | None, str], Finding] = {}
        for finding in CHECKS[name](folder, sizes):
            kept = findings.setdefault((finding.column, finding.rule), finding)
            if kept is not finding:
                kept.rows += finding.rows
        for finding in findings.values():
            yield Problem(finding.what, f"{name}.parquet", finding.row, finding.column, finding.fix, finding.rows)


def _claim(folder: Path, split: SplitKind) -> Iterator[Problem]:
    """Problems of a corpus whose tables are sound, but not split as it says."""
    for table, finding in split_findings(folder, split):
        yield Problem(finding.what, f"{table}.parquet", finding.row, finding.column, finding.fix, finding.rows)


def _open_table(folder: Path, name: str, sizes: Sizes) -> list[Problem]:
    file, schema = f"{name}.parquet", TABLES[name]
    if not (folder / file).is_file():
        return [Problem("the file is missing", file, fix=_AGAIN)]
    try:
        with pq.ParquetFile(folder / file) as parquet:
            there, sizes[name] = parquet.schema_arrow, parquet.metadata.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # names that are no text
        return [Problem(f"not a readable Parquet file: {str(error).split('.')[0]}", file, fix=_AGAIN)]
    found = []
    for field in schema:
        count = len(there.get_all_field_indices(field.name))
        if count != 1:
            what = "the column is missing" if count == 0 else f"the column is there {count} times"
            found.append(Problem(what, file, column=field.name, fix=f"it should be of type {field.type}"))
        elif there.field(field.name).type != field.type:
            kind = there.field(field.name).type
            found.append(Problem(f"is of type {kind}, not {field.type}", file, column=field.name, fix=_AGAIN))
    for extra in sorted(set(there.names) - set(schema.names)):
        found.append(Problem("no such column in the format", file, column=extra, fix="remove it"))
    if sizes[name] == 0 and name != "impressions":
        found.append(Problem("the table is empty", file, fix="check what the corpus was made from"))
    return found


def _open_matrix(path: Path) -> tuple[np.ndarray | None, list[Problem]]:
    file = path.name
    allowed = ("float32",) if file == "word_vectors.npy" else ("int8", "float32")
    if not path.is_file():
        return None, [Problem("the file is missing", file, fix=_AGAIN)]
    try:
        matrix = mapped(path)
    except (OSError, ValueError, EOFError) as error:
        return None, [Problem(f"not a readable .npy file: {error}", file, fix=_AGAIN)]
    if matrix.ndim != 2:
        return None, [Problem(f"has {matrix.ndim} dimensions, not 2", file, fix="one row is one vector")]
    if matrix.dtype.name not in allowed or not matrix.dtype.isnative:
        return None, [Problem(f"is of type {matrix.dtype}, not {' or '.join(allowed)}", file, fix=_AGAIN)]
    return matrix, []


def _matrix_values(matrix: np.ndarray, path: Path) -> list[Problem]:
    if matrix.dtype == np.int8 or matrix.size == 0:
        return []
    first, rows = None, 0
    step = max(1, _CHUNK_BYTES // (4 * matrix.shape[1]))
    for start in range(0, len(matrix), step):
        bad = np.flatnonzero(~np.isfinite(matrix[start : start + step]).all(axis=1))
        rows += len(bad)
        if first is None and len(bad):
            first = start + int(bad[0])
    if first is None:
        return []
    column = int(np.flatnonzero(~np.isfinite(matrix[first]))[0])
    return [Problem("a value is not finite", path.name, first, str(column), "remove NaN and infinity", rows)]


def _info(folder: Path, hash_too: bool) -> Iterator[Problem]:
    """Problems of ``corpus.toml``: what it says and the tables don't; the fingerprint is compared if ``hash_too``."""
    try:
        info = read_info(folder)
    except BenchError as error:
        yield Problem(error.what, "corpus.toml", fix=error.fix)
        return
    if not hash_too:
        return
    yield from _claim(folder, info.split)
    for name in (*TABLES, "images"):
        if name == "images":
            rows = len(mapped(folder / "image_vectors.npy"))
        else:
            rows = pq.read_metadata(folder / f"{name}.parquet").num_rows
        if info.counts.get(name) != rows:
            yield Problem(f"counts.{name} is {info.counts.get(name)}, but there are {rows}", "corpus.toml", fix=_AGAIN)
    if build_columns(folder, keep=False)["fingerprint"] != info.fingerprint:
        changed = [name for name, digest in info.checksums.items() if sha256_of(folder / name) != digest]
        for name in changed:
            yield Problem("not the contents that the corpus was made with", name, fix=f"put the file back, or {_AGAIN}")
        if not changed:
            yield Problem(
                "the fingerprint is not that of the tables", "corpus.toml", fix=f"they were changed: {_AGAIN}"
            )
        return
    for name in (*damaged_truth_files(folder, info), *damaged_pictures(folder, info)):
        yield Problem("gone, or not as it was written", name, fix=_AGAIN)
    for name in damaged_columns(folder):
        yield Problem("gone, or not as it was written", name, fix=f"remove the folder {FOLDER}: it is made again")
