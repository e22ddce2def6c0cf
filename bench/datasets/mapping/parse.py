"""A log mapping, read strictly: what it does not know it refuses, with what was perhaps meant."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from bench.datasets.ingest.event_log import LOG_TABLES, OPTIONAL_TABLES
from bench.datasets.ingest.log_files import TextForm
from bench.datasets.mapping.filters import read_filter
from bench.datasets.mapping.model import PLACE, RUN, Filter, Join, LogMap, MapFile, Part
from bench.datasets.mapping.shipped import map_text
from bench.datasets.mapping.values import constant, read_value
from bench.errors import BenchError, did_you_mean
from bench.files import StrictTable, parsed_toml

_FILE_KEYS = ("path", "separator", "quote", "encoding", "columns")
_PART_KEYS = ("from", "join", "where", "explode", "split", "runs", "first")
_ENCODINGS = ("utf-8", "latin-1", "utf-16")
_ONE_OF = {
    "queries": (("query_id",), ("time",), ("user", "session_id"), ("text", "words", "image")),
    "impressions": (("query_id",), ("item_id", "items")),
    "clicks": (("query_id",), ("item_id", "items")),
    "items": (("item_id",), ("text", "title", "words")),
    "images": (("image_id",), ("vector",)),
    "word_vectors": (("word",), ("vector",)),
}
"""Columns that each part of a table needs: one of each group."""


def read_map(named: str | Path) -> LogMap:
    """A map by its name, where it ships, or by its path.

    Raises:
        BenchError: there is none, it is not TOML, or a key or value of it is not known; it names the file and the key.
    """
    text, path = map_text(named)
    values = parsed_toml(text, str(path), "such as [files.queries]")
    known = ("about", "licence", "caveats", "unknown_items", "files", *LOG_TABLES)
    table = StrictTable(values, str(path), known)
    files = _files(table)
    parts = tuple(part for name in LOG_TABLES for part in _parts(table, name, files))
    unknown = table.text("unknown_items", "fault")
    if unknown not in ("add", "fault"):
        raise BenchError(f"{unknown!r} is not add or fault", where=table.at("unknown_items"))
    used = {name for part in parts for name in (part.file, *(join.file for join in part.joins))}
    for name in files.keys() - used:
        raise BenchError(
            "nothing is made of the file", where=f"{table.at('files')}.{name}", fix="use it, or leave it out"
        )
    made = {part.table for part in parts}
    for name in LOG_TABLES:
        if name not in made and name not in OPTIONAL_TABLES and not (name == "items" and unknown == "add"):
            fix = 'write [[items]], or unknown_items = "add"' if name == "items" else f"write [[{name}]]"
            raise BenchError(f"nothing becomes {name}", where=str(path), fix=fix)
    return LogMap(
        name=path.stem,
        path=path,
        about=table.text("about", ""),
        licence=table.text("licence", ""),
        caveats=table.texts("caveats", ()),
        files=files,
        parts=parts,
        unknown_items=cast(Literal["add", "fault"], unknown),
    )


def _files(table: StrictTable) -> dict[str, MapFile]:
    found = table.values.get("files")
    if not isinstance(found, dict) or not found:
        raise BenchError("no file is named", where=table.where, fix='such as [files.queries] with path = "queries.csv"')
    files = {}
    for name, values in found.items():
        file = StrictTable(values, f"{table.at('files')}.{name}", _FILE_KEYS)
        paths = (file.text("path"),) if isinstance(file.values.get("path"), str) else file.texts("path")
        for path in paths:
            if not path or Path(path).is_absolute() or ".." in Path(path).parts:
                raise BenchError(f"{path!r} leads out of the log", where=file.at("path"), fix="give a path below it")
        text = TextForm(
            _sign(file, "separator", ""), _sign(file, "quote", '"'), _encoding(file), file.texts("columns", ())
        )
        files[name] = MapFile(name, paths, text)
    return files


def _sign(file: StrictTable, key: str, default: str) -> str:
    sign = file.text(key, default)
    if len(sign) > 1 or sign in ("\n", "\r"):
        raise BenchError(f"{sign!r} is not one character", where=file.at(key), fix='such as ";", "\\t" or "\\u0001"')
    return sign


def _encoding(file: StrictTable) -> str:
    name = file.text("encoding", "utf-8").lower()
    if name not in _ENCODINGS:
        fix = did_you_mean(name, _ENCODINGS)
        raise BenchError(f"{name!r} is not an encoding that is read", where=file.at("encoding"), fix=fix)
    return name


def _parts(table: StrictTable, name: str, files: dict[str, MapFile]) -> list[Part]:
    if isinstance(table.values.get(name), dict):
        raise BenchError("is one table", where=table.at(name), fix=f"a table may have several parts: write [[{name}]]")
    columns = [column.name for column in LOG_TABLES[name]]
    return [_part(name, part, files) for part in table.tables(name, (*_PART_KEYS, *columns))]


def _part(name: str, part: StrictTable, files: dict[str, MapFile]) -> Part:
    source = _file_name(part.text("from"), part.at("from"), files)
    kinds = {column.name: column.kind for column in LOG_TABLES[name]}
    sign = part.values.get("split")  # as text it separates what is exploded, else it is the log's own split
    given = [key for key in kinds if key in part.values and not (key == "split" and isinstance(sign, str))]
    columns = {key: read_value(part.values[key], part.at(key), kinds[key]) for key in given}
    for group in _ONE_OF[name]:
        if not set(group) & set(columns):
            raise BenchError(f"no {' or '.join(group)}", where=part.where, fix=f'such as {group[0]} = "a column"')
    if name == "queries" and "kind" not in columns:
        columns["kind"] = constant("keyword")
    if name == "impressions" and "items" not in columns and "rank" not in columns:
        fix = 'a column; or "@order", the order of the rows; or "@unknown" where their order says nothing'
        raise BenchError("no rank", where=part.where, fix=fix)
    if "items" in columns and set(columns) & {"item_id", "rank"}:
        raise BenchError("items stands for item_id and rank", where=part.where, fix="give items, or these two")
    explode = _texts(part, "explode")
    made = Part(
        table=name,
        where=part.where,
        file=source,
        columns=columns,
        joins=tuple(_join(entry, files) for entry in part.tables("join", ("file", "on"))),
        filters=_filters(part),
        explode=explode,
        split=part.text("split", "") if "split" not in columns else "",
        runs=part.text("runs", ""),
        first=_boolean(part, "first"),
    )
    _check(made, part)
    return made


def _check(made: Part, part: StrictTable) -> None:
    """What keys ask of each other."""
    if made.runs and made.runs not in made.explode:
        raise BenchError(f"{made.runs!r} is not exploded", where=part.at("runs"), fix="name a column of explode")
    if made.split and not made.explode:
        raise BenchError("nothing is exploded", where=part.at("split"), fix='such as explode = ["items"]')
    if made.first and made.table != "queries":
        raise BenchError("is for queries", where=part.at("first"), fix="leave it out")
    for name, needed, key in ((PLACE, made.explode, "explode"), (RUN, made.runs, "runs")):
        users = [column for column, value in made.columns.items() if name in value.columns]
        if users and not needed:
            raise BenchError(f"{name} needs {key}", where=part.at(users[0]), fix=f"write {key} as well")
    files = [join.file for join in made.joins]
    if len({made.file, *files}) <= len(files):
        raise BenchError("a file is joined twice", where=part.at("join"), fix="name each file once")


def _join(entry: StrictTable, files: dict[str, MapFile]) -> Join:
    other = _file_name(entry.text("file"), entry.at("file"), files)
    on = entry.values.get("on")
    if isinstance(on, str):
        return Join(other, ((on, on),))
    if isinstance(on, list):
        return Join(other, tuple((name, name) for name in entry.texts("on")))
    if isinstance(on, dict) and on:
        return Join(other, tuple(entry.mapping("on").items()))
    raise BenchError("names no column", where=entry.at("on"), fix='such as on = "itemId", or on = { sku = "id" }')


def _filters(part: StrictTable) -> tuple[Filter, ...]:
    found = part.values.get("where", {})
    if not isinstance(found, dict):
        raise BenchError("is not a table", where=part.at("where"), fix='such as where = { action = "click" }')
    return tuple(read_filter(column, value, f"{part.at('where')}.{column}") for column, value in found.items())


def _file_name(name: str, where: str, files: dict[str, MapFile]) -> str:
    if name not in files:
        raise BenchError(f"no file is called {name!r}", where=where, fix=did_you_mean(name, files))
    return name


def _texts(part: StrictTable, key: str) -> tuple[str, ...]:
    return (part.text(key),) if isinstance(part.values.get(key), str) else part.texts(key, ())


def _boolean(part: StrictTable, key: str) -> bool:
    value = part.values.get(key, False)
    if not isinstance(value, bool):
        raise BenchError(f"{value!r} is not true or false", where=part.at(key))
    return value
