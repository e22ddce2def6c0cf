"""A log mapping in words: which file and which column becomes what."""

from __future__ import annotations

from bench.datasets.ingest.event_log import LOG_TABLES
from bench.datasets.mapping.filters import filter_in_words
from bench.datasets.mapping.model import LogMap, MapFile, Part
from bench.datasets.mapping.values import value_in_words


def explained(log_map: LogMap) -> list[str]:
    """The map, a line for each file, each part of a table and each of its columns."""
    lines = [f"{log_map.name}: {log_map.about}" if log_map.about else log_map.name, "", "files"]
    width = max(len(name) for name in log_map.files)
    lines += [f"  {file.name:<{width}}  {_file(file)}" for file in log_map.files.values()]
    for part in log_map.parts:
        lines += ["", *_part(part, log_map)]
    if log_map.unknown_items == "add":
        lines += ["", "items that were shown or clicked and are in no catalogue become items without words"]
    lines += [f"note: {caveat}" for caveat in log_map.caveats]
    return lines


def explained_rows(log_map: LogMap) -> list[dict[str, str]]:
    """The columns of a map for a program, a row each: table, column, the paths of its file, and the value in words."""
    return [
        {
            "table": part.table,
            "column": name,
            "file": " or ".join(log_map.files[part.file].paths),
            "value": value_in_words(value, {column.name: column.kind for column in LOG_TABLES[part.table]}[name]),
        }
        for part in log_map.parts
        for name, value in part.columns.items()
    ]


def _file(file: MapFile) -> str:
    text = file.text
    said = [" or ".join(file.paths)]
    if text.separator:
        said.append(f"{text.separator!r} between columns")
    if not text.quote:
        said.append("quotes mean nothing")
    if text.encoding != "utf-8":
        said.append(text.encoding)
    if text.columns:
        said.append(f"without a header, or with this one: {', '.join(text.columns)}")
    return "; ".join(said)


def _part(part: Part, log_map: LogMap) -> list[str]:
    joined = [f"joined with {join.file} by {' and '.join(mine for mine, _ in join.on)}" for join in part.joins]
    head = f"{part.table} <- {part.file} ({' or '.join(log_map.files[part.file].paths)})"
    lines = [", ".join([head, *joined])]
    if part.explode:
        split = f", with {part.split!r} between" if part.split else ""
        lines.append(f"  a row for each place in the lists {', '.join(part.explode)}{split}")
    if part.runs:
        lines.append(f"  equal neighbours in {part.runs} are one run")
    lines += [f"  only where {filter_in_words(entry)}" for entry in part.filters]
    if part.first:
        lines.append("  of several rows of a query_id the earliest")
    kinds = {column.name: column.kind for column in LOG_TABLES[part.table]}
    width = max(map(len, part.columns))
    return lines + [f"  {name:<{width}}  {value_in_words(value, kinds[name])}" for name, value in part.columns.items()]
