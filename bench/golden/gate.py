"""``gate.toml``: the declaration of the tiny grid whose tables are golden.

Keys above the first ``[[tables]]`` hold for every table; a file without ``[[tables]]`` declares one table::

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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError, did_you_mean, quoted, shortened
from bench.files import read_toml
from bench.runs.replicates import MOST_SEEDS

FILE = "gate.toml"

_COMMON = {"task": str, "dataset": str, "baselines": list, "encoders": list, "settings": list}
_KEYS = {"seeds": int, "tables": list, **_COMMON}
_TYPE_NAMES = {str: "a text", int: "a whole number", list: "a list"}


@dataclass(frozen=True)
class GateTable:
    """One table of the gate: a grid of cells.

    Attributes:
        name: of the table and of its golden file.
        task, dataset: names; a dataset may be the folder of a corpus, relative to ``gate.toml``.
        baselines: names; all of the task's when empty.
        encoders: names or variants; ``vanilla`` is added.
        settings: ``KEY=VALUE`` lines, as given to ``--set``.
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
        folder: the folder of the file and of the golden tables.
        tables: the tables, with distinct names.
    """

    folder: Path
    tables: tuple[GateTable, ...]


def load_gate(folder: Path) -> Gate:
    """Reads ``gate.toml`` in ``folder``. Names of components and options are checked when the grid is planned.

    Raises:
        BenchError: the file is missing or not TOML, a key is unknown, missing or of a wrong type, or two tables share
            a name.
    """
    file = folder / FILE
    try:
        common = read_toml(file, fix="see `bench check --help`")
    except OSError:
        raise BenchError(
            f"no {FILE} here", where=str(folder), fix="it says what to compare: see `bench check --help`"
        ) from None
    _check(common, _KEYS, str(file))
    seeds = common.pop("seeds", 2)
    if not 1 <= seeds <= MOST_SEEDS:
        fix = f"1 to {MOST_SEEDS:,}; with 2 a number has an error"
        raise BenchError(f"{seeds:,} seeds", where=f"{file}: seeds", fix=fix)
    tables = common.pop("tables", None)
    if tables == []:
        raise BenchError("no table in it", where=f"{file}: tables", fix="leave it out, or write [[tables]]")
    gate = Gate(folder, tuple(_table(common, own, seeds, file) for own in (tables if tables is not None else [{}])))
    names = [table.name for table in gate.tables]
    for name in names:
        if names.count(name) > 1:
            raise BenchError(
                f"the table {name!r} stands twice", where=f"{file}: tables", fix="name = … tells them apart"
            )
    return gate


def _table(common: Mapping[str, Any], own: Any, seeds: int, file: Path) -> GateTable:
    """A table from the keys of its own and those that hold for every table; settings of both are joined."""
    if not isinstance(own, dict):
        raise BenchError(f"{quoted(own)} is not a table", where=f"{file}: tables", fix="write [[tables]]")
    where = f"{file}: tables {own.get('name', '')}".rstrip()
    _check(own, {"name": str, **_COMMON}, where)
    keys = {**common, **own}
    for needed in ("task", "encoders"):
        if not keys.get(needed):
            raise BenchError(f"says no {needed}", where=where, fix=f"add {needed} = …")
    dataset = keys.get("dataset", "beauty")
    table = GateTable(
        name=keys.get("name", ""),
        task=keys["task"],
        dataset=dataset,
        baselines=tuple(keys.get("baselines", ())),
        encoders=tuple(keys["encoders"]),
        settings=(*common.get("settings", ()), *own.get("settings", ())),
        seeds=seeds,
    )
    table = table if table.name else replace(table, name=f"{table.task}-{Path(dataset).name}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", table.name):
        raise BenchError(
            f"{table.name!r} names no file", where=f"{where}: name", fix="small letters, digits, hyphens and dots"
        )
    return table


def _check(table: Mapping[str, Any], known: Mapping[str, type], where: str) -> None:
    """Raises on the first key that is unknown, or whose value is of a wrong type."""
    for key, value in table.items():
        if key not in known:
            raise BenchError(f"unknown key {shortened(key)!r}", where=where, fix=did_you_mean(key, known))
        kind = known[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BenchError(f"{quoted(value)} is not {_TYPE_NAMES[kind]}", where=f"{where}: {key}")
        if isinstance(value, list) and key != "tables" and not all(isinstance(entry, str) for entry in value):
            raise BenchError("is not a list of texts", where=f"{where}: {key}", fix='such as ["lstm", "muvcog-m"]')
