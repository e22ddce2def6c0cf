"""The released files in a folder, recognised by their names or, renamed, by their headers."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from bench.data.download import is_url
from bench.errors import BenchError, shortened

CATEGORIES = ("clothes", "beauty", "digital")

PRETRAINING = {
    "query2": {"query_id", "word_id", "query_type", "image_emb"},
    "word": {"word_id", "embedding"},
    "session": {"session_id", "query_id", "split"},
    "session_click": {"session_id", "item_id"},
}
"""Layout 1, ``graph_pretrain``: the columns that are read of each file."""

RANKING = {
    "click_table": {"session_id", "query_id", "item_id", "title_emb", "time_stamp", "category"},
    "query_table": {"session_id", "query_id", "query_emb", "query_type", "start_time", "user_id", "category", "split"},
    "pv_table": {"query_id", "item_list"},
}
"""Layout 2, ``ranking_data``: the columns that are read of each file."""

_COLUMNS = {**RANKING, **PRETRAINING}  # compared with a header in this order, kinds with more columns first
_SYNONYMS = {"sessionid": "session_id", "qid": "query_id"}
_SUFFIXES = {".csv", ".tsv", ".txt", ""}
_HEADER_BYTES = 65_536


@dataclass(frozen=True)
class Table:
    """A file of the release.

    Attributes:
        path: its path.
        delimiter: tab or comma.
        columns: names in the header, in order, spelt as in the readme of ``graph_pretrain``.
        cut: whether the last line has no line break, as after a broken copy.
    """

    path: Path
    delimiter: str
    columns: tuple[str, ...]
    cut: bool


def find_tables(source: str | Path, category: str) -> tuple[dict[str, Table], list[str]]:
    """The files of one category.

    Args:
        source: the category's folder, or one that has it below.
        category: one of :data:`CATEGORIES`.

    Returns:
        ``(tables, ignored)``: the files by kind (``session``, ``query_table`` …), and the names of other files.

    Raises:
        BenchError: no such category or folder, a file of a layout is missing, a column of a file is missing or there
            twice, or two files are of one kind.
    """
    if category not in CATEGORIES:
        raise BenchError(f"no category {category!r}", where="category", fix=f"one of {', '.join(CATEGORIES)}")
    if is_url(source):
        raise BenchError("the release has no direct address", where=str(source), fix="give the folder you put it in")
    root = Path(source)
    folders = _folders(root, category)
    tables: dict[str, Table] = {}
    ignored = []
    for path in sorted(path for folder in folders for path in folder.iterdir() if path.is_file()):
        if path.suffix.lower() not in _SUFFIXES or path.name.startswith("."):
            continue
        kind, table = _identify(path)
        if kind is None or table is None:
            ignored.append(path.name)
        elif kind in tables:
            raise BenchError(f"a second {kind} beside {tables[kind].path}", where=str(path), fix="keep one of them")
        else:
            tables[kind] = table
    _add_shared_words(tables, folders)
    _check_complete(tables, root)
    return tables, ignored


def _folders(root: Path, category: str) -> list[Path]:
    """The folders that may hold the category's files: those of its name, else ``root`` and the folders in it."""
    if not root.is_dir():
        raise BenchError("no such folder", where=str(root), fix="give the folder with the released files")
    below = [path for pattern in ("*", "*/*") for path in sorted(root.glob(pattern)) if path.is_dir()]
    of_category = [path for path in below if path.name == category]
    others = sorted({path.name for path in [root, *below]} & set(CATEGORIES) - {category})
    if of_category:
        return of_category
    if root.name != category and others:
        raise BenchError(
            f"no {category} here, but {', '.join(others)}", where=str(root), fix=f"set category={others[0]}"
        )
    return [root, *(path for path in below if path.parent == root)]


def _identify(path: Path) -> tuple[str | None, Table | None]:
    """The kind of a file and the file as a table; None for both where it is none of the released ones."""
    with path.open("rb") as file:
        raw = file.readline(_HEADER_BYTES)
        size = path.stat().st_size
        file.seek(max(size - 1, 0))
        cut = file.read(1) not in (b"\n", b"\r")
    kind_by_name = path.stem.lower() if path.stem.lower() in _COLUMNS else None
    if size == 0 and kind_by_name:
        raise BenchError("the file is empty", where=str(path), fix="copy it again")
    try:
        header = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        if kind_by_name:
            raise BenchError("the header is not UTF-8", where=f"{path}, line 1", fix="convert it to UTF-8") from None
        return None, None
    delimiter = "\t" if "\t" in header else ","
    try:
        names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    except csv.Error as error:
        if kind_by_name:
            what = f"the header is not a line of a table: {error}"
            raise BenchError(what, where=f"{path}, line 1", fix="lines end in a line feed") from None
        return None, None
    columns = tuple(_SYNONYMS.get(name, name) for name in names)
    kind = kind_by_name or next((kind for kind, needed in _COLUMNS.items() if needed <= set(columns)), None)
    if kind is None:
        return None, None
    missing = sorted(_COLUMNS[kind] - set(columns))
    if missing:
        raise BenchError(
            f"column {', '.join(missing)} is missing",
            where=f"{path}, line 1",
            fix=f"it has {shortened(', '.join(names))}",
        )
    if len(set(columns)) < len(columns):
        raise BenchError(
            "a column is there twice", where=f"{path}, line 1", fix=f"it has {shortened(', '.join(names))}"
        )
    return kind, Table(path, delimiter, columns, cut)


def _add_shared_words(tables: dict[str, Table], folders: list[Path]) -> None:
    """Adds the ``word.csv`` beside the categories' folders, which the released code reads for all of them."""
    if "session" not in tables or "word" in tables:
        return
    for path in (folder.parent / "word.csv" for folder in folders):
        if path.is_file():
            table = _identify(path)[1]
            if table is not None:
                tables["word"] = table
                return


def _check_complete(tables: dict[str, Table], root: Path) -> None:
    """Raises where there is no released file, or one of a layout without the others."""
    if not tables:
        raise BenchError(
            "none of the released files is here", where=str(root), fix=f"looked for {', '.join(sorted(_COLUMNS))}"
        )
    for layout in (PRETRAINING, RANKING):
        present, missing = layout.keys() & tables.keys(), sorted(layout.keys() - tables.keys())
        if present and missing:
            raise BenchError(
                f"{', '.join(missing)} is missing beside {', '.join(sorted(present))}",
                where=str(root),
                fix="the header must be the one in the authors' readme",
            )
