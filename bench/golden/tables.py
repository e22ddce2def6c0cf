"""A golden table: the numbers of one grid, and everything needed to make them again; a JSON file made for diffs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError, did_you_mean
from bench.files import written_whole
from bench.stats.regression import Number, Place

_DIGITS = 9  # three more than the gate looks at
_FACTS = ("command", "configuration", "corpus", "machine", "versions")


@dataclass(frozen=True)
class GoldenTable:
    """What a golden file holds.

    Attributes:
        name: of the table, and of the file.
        command: what makes the file again.
        configuration: the grid: task, dataset, baselines, encoders, seeds, settings, and every resolved option.
        corpus: label, fingerprint, and how it was made.
        machine, versions: see :mod:`bench.runs.provenance`. Where both are as recorded, numbers must be the same.
        numbers: by (table, row, column): a row is a baseline with an encoder, a column a metric. None where a cell
            failed, which no file ever says.
    """

    name: str
    command: str
    configuration: dict[str, Any]
    corpus: dict[str, Any]
    machine: dict[str, str]
    versions: dict[str, str]
    numbers: Mapping[Place, Number]

    def same_machine(self, other: GoldenTable) -> bool:
        """Whether both were computed by the same libraries on the same kind of machine."""
        return (self.machine, self.versions) == (other.machine, other.versions)

    def unlike(self, other: GoldenTable) -> list[str]:
        """What decides the numbers and differs: one line for each option, version and so on, this one's value first."""
        lines = []
        for fact in _FACTS[1:]:
            mine, theirs = _flat(getattr(self, fact)), _flat(getattr(other, fact))
            for key in sorted({*mine, *theirs}):
                if mine.get(key) != theirs.get(key):
                    lines.append(f"{fact} {key}: golden {mine.get(key, 'none')}, now {theirs.get(key, 'none')}")
        return lines


def golden_files(folder: Path) -> list[Path]:
    """The golden files in ``folder``."""
    return sorted(folder.glob("*.json"))


def read_golden(file: Path) -> GoldenTable:
    """Reads a golden file.

    Raises:
        BenchError: it is no golden file; says which number, row or key is wrong.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except ValueError as error:
        raise BenchError(f"not readable: {error}", where=str(file), fix="bench check --update writes it anew") from None
    if not isinstance(found, dict):
        raise BenchError("not a golden table", where=str(file))
    for key in found:
        if key not in (*_FACTS, "numbers"):
            raise BenchError(f"unknown key {key!r}", where=str(file), fix=did_you_mean(key, (*_FACTS, "numbers")))
    for key in (*_FACTS, "numbers"):
        kind = {"command": str, "numbers": list}.get(key, dict)
        if not isinstance(found.get(key), kind):
            raise BenchError(f"{key} is missing or of the wrong type", where=str(file))
    numbers: dict[Place, Number] = {}
    for place, one in enumerate(found["numbers"], start=1):
        where = f"{file}: number {place}"
        if not isinstance(one, dict) or set(one) != {"table", "row", "column", "value", "error"}:
            raise BenchError("has not exactly table, row, column, value and error", where=where)
        at = (one["table"], one["row"], one["column"])
        if not all(isinstance(part, str) for part in at) or one["table"] != file.stem:
            raise BenchError(f"{at} is no place in the table {file.stem!r}", where=where)
        if not _is_number(one["value"]) or not (
            one["error"] is None or (_is_number(one["error"]) and one["error"] >= 0)
        ):
            raise BenchError("value or error is not a number", where=f"{where}, {one['row']} {one['column']}")
        if at in numbers:
            raise BenchError(f"{one['row']} {one['column']} stands twice", where=where)
        numbers[at] = Number(one["value"], one["error"])
    return GoldenTable(file.stem, **{fact: found[fact] for fact in _FACTS}, numbers=numbers)


def write_golden(table: GoldenTable, folder: Path) -> None:
    """Writes ``NAME.json``, sorted and with one line per number, beside its place and then renames it."""
    facts = {fact: getattr(table, fact) for fact in _FACTS}
    head = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).removesuffix("\n}")
    lines = [
        json.dumps({"table": at[0], "row": at[1], "column": at[2], "value": number.value, "error": number.error})
        for at, number in sorted(rounded(table).numbers.items())
    ]
    text = head + ',\n "numbers": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    file = folder / f"{table.name}.json"
    with written_whole(file) as writing:
        writing.write_text(text, encoding="utf-8")


def rounded(table: GoldenTable) -> GoldenTable:
    """The same with the digits that a file keeps."""
    numbers = {at: Number(_round(number.value), _round(number.error)) for at, number in table.numbers.items()}
    return replace(table, numbers=numbers)


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {key: one for part, inner in value.items() for key, one in _flat(inner, f"{name} {part}".strip()).items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
