"""``gate.toml``: the tiny grid whose tables are kept as golden ones.

What stands above the first ``[[tables]]`` counts for every table; a file without ``[[tables]]`` is one table::

    seeds = 2
    dataset = "beauty"
    settings = ["sessions=600", "downstream=300"]

    [[tables]]
    name = "ctr"
    task = "ctr"
    baselines = ["transearch"]
    encoders = ["lstm", "my-encoder"]
    settings = ["ctr.epochs=2"]
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError, did_you_mean

FILE = "gate.toml"

_COMMON = {"task": str, "dataset": str, "baselines": list, "encoders": list, "settings": list}
_KEYS = {"seeds": int, "tables": list, **_COMMON}
_WHAT = {str: "a text", int: "a whole number", list: "a list"}


@dataclass(frozen=True)
class GateTable:
    """One table of the gate: a grid of cells.

    Attributes:
        name: of the table, and of its golden file.
        task, dataset: names; a dataset may be the folder of a corpus, relative to ``gate.toml``.
        baselines: names; all of the task's when empty.
        encoders: names or variants; ``vanilla`` is added.
        settings: ``KEY=VALUE`` lines as of ``--set``.
        seeds: number of seeds.
    """

    name: str
    task: str
    dataset: str
    baselines: tuple[str, ...]
    encoders: tuple[str, ...]
    settings: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class Gate:
    """A checked ``gate.toml``.

    Attributes:
        folder: where it stands, and the golden tables beside it.
        tables: by their names.
    """

    folder: Path
    tables: tuple[GateTable, ...]


def load_gate(folder: Path) -> Gate:
    """Reads ``gate.toml`` in ``folder``. Names of components and options are checked when the grid is planned.

    Raises:
        BenchError: it isn't there, isn't TOML, or says something that no gate can.
    """
    file = folder / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise BenchError(
            f"no {FILE} here", where=str(folder), fix="it says what to compare: see `bench check --help`"
        ) from None
    except UnicodeDecodeError as error:
        raise BenchError(f"not UTF-8: {error.reason}", where=str(file)) from None
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchError(f"not TOML: {error}", where=str(file)) from None
    _check(found, _KEYS, str(file))
    seeds = found.pop("seeds", 2)
    if seeds < 1:
        raise BenchError(f"{seeds} seeds", where=f"{file}: seeds", fix="1 or more; with 2 a number has an error")
    tables = found.pop("tables", None)
    if tables == []:
        raise BenchError("no table in it", where=f"{file}: tables", fix="leave it out, or write [[tables]]")
    gate = Gate(folder, tuple(_table(found, own, seeds, file) for own in (tables if tables is not None else [{}])))
    names = [table.name for table in gate.tables]
    for name in names:
        if names.count(name) > 1:
            raise BenchError(
                f"the table {name!r} stands twice", where=f"{file}: tables", fix="name = … tells them apart"
            )
    return gate


def _table(common: Mapping[str, Any], own: Any, seeds: int, file: Path) -> GateTable:
    if not isinstance(own, dict):
        raise BenchError(f"{own!r} is not a table", where=f"{file}: tables", fix="write [[tables]]")
    where = f"{file}: tables {own.get('name', '')}".rstrip()
    _check(own, {"name": str, **_COMMON}, where)
    both = {**common, **own}
    for needed in ("task", "encoders"):
        if not both.get(needed):
            raise BenchError(f"says no {needed}", where=where)
    dataset = both.get("dataset", "beauty")
    table = GateTable(
        name=both.get("name", ""),
        task=both["task"],
        dataset=dataset,
        baselines=tuple(both.get("baselines", ())),
        encoders=tuple(both["encoders"]),
        settings=(*common.get("settings", ()), *own.get("settings", ())),
        seeds=seeds,
    )
    table = table if table.name else replace(table, name=f"{table.task}-{Path(dataset).name}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", table.name):
        raise BenchError(
            f"{table.name!r} names no file", where=f"{where}: name", fix="small letters, digits, hyphens and dots"
        )
    return table


def _check(found: Mapping[str, Any], known: Mapping[str, type], where: str) -> None:
    for key, value in found.items():
        if key not in known:
            raise BenchError(f"unknown key {key!r}", where=where, fix=did_you_mean(key, known))
        kind = known[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BenchError(f"{value!r} is not {_WHAT[kind]}", where=f"{where}: {key}")
        if isinstance(value, list) and key != "tables" and not all(isinstance(part, str) for part in value):
            raise BenchError("is not a list of texts", where=f"{where}: {key}", fix='such as ["lstm", "muvcog-m"]')
