"""Golden tables: the numbers of a grid and all that decides them, in JSON files that are easy to diff."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.data.checksums import record_checksum
from bench.errors import BenchError, did_you_mean
from bench.files import written_whole
from bench.stats.regression import Likeness, Number, Place

_DIGITS = 9  # decimals in a file, three more than the gate compares
_SUM = "checksum"  # of the rest of a file; one that was written before there was any is read without
_FACTS = ("command", "configuration", "corpus", "machine", "versions")
_REWRITE = "bench check --update writes it anew"


@dataclass(frozen=True)
class GoldenTable:
    """The contents of a golden file.

    Attributes:
        name: of the table and of the file.
        command: the command that writes the file again.
        configuration: the grid: task, dataset, baselines, encoders, seeds, settings, and every resolved option.
        corpus: label, fingerprint and options of the corpus.
        machine, versions: see :mod:`bench.runs.provenance`. Where both are as recorded, numbers must be the same.
        numbers: by (table, row, column), where a row is a baseline with an encoder and a column a metric. The value is
            None for a failed cell, which a file never has.
    """

    name: str
    command: str
    configuration: dict[str, Any]
    corpus: dict[str, Any]
    machine: dict[str, str]
    versions: dict[str, str]
    numbers: Mapping[Place, Number]

    def likeness(self, other: GoldenTable) -> Likeness:
        """How alike the machines were: AVX2 and AVX-512 on x86 count as the same, whatever the processor.

        A file that does not name the instructions was computed with others, unless all that it names is the same.
        Python's own version decides no number.
        """
        if self.libraries != other.libraries:
            return "other versions"
        alike = self.machine == other.machine or (self.is_wide_x86 and other.is_wide_x86)
        return "same" if alike else "other instructions"

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of the libraries that compute."""
        return {name: version for name, version in self.versions.items() if name != "python"}

    @property
    def is_wide_x86(self) -> bool:
        """Whether it was computed on x86 with vectors of 256 bits or more."""
        machine = self.machine
        is_x86 = machine.get("system", "").endswith(("x86_64", "AMD64"))
        return is_x86 and machine.get("vectors", "") in ("AVX2", "AVX512")

    def unlike(self, other: GoldenTable) -> list[str]:
        """The facts that decide numbers and differ: one line for each option, version …, this table's value first."""
        lines = []
        for fact in _FACTS[1:]:
            mine, theirs = _flat(getattr(self, fact)), _flat(getattr(other, fact))
            for key in sorted({*mine, *theirs}):
                if mine.get(key) != theirs.get(key):
                    golden = f"golden {mine[key]}" if key in mine else "not in the golden file"
                    now = f"now {theirs[key]}" if key in theirs else "no longer there"
                    lines.append(f"{fact} {key}: {golden}, {now}")
        return lines


def golden_files(folder: Path) -> list[Path]:
    """The golden files in ``folder``."""
    return sorted(folder.glob("*.json"))


def read_golden(file: Path) -> GoldenTable:
    """Reads a golden file.

    Raises:
        BenchError: it is no golden file; names the number, row or key that is wrong.
    """
    try:
        contents = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # nested too deep
        raise BenchError(f"not readable: {error}", where=str(file), fix=_REWRITE) from None
    if not isinstance(contents, dict):
        raise BenchError("not a golden table", where=str(file), fix=_REWRITE)
    for key in contents:
        if key not in (*_FACTS, "numbers", _SUM):
            raise BenchError(f"unknown key {key!r}", where=str(file), fix=did_you_mean(key, (*_FACTS, "numbers", _SUM)))
    for key in (*_FACTS, "numbers"):
        kind = {"command": str, "numbers": list}.get(key, dict)
        if not isinstance(contents.get(key), kind):
            raise BenchError(f"{key} is missing or of the wrong type", where=str(file), fix=_REWRITE)
    numbers: dict[Place, Number] = {}
    for position, entry in enumerate(contents["numbers"], start=1):
        key, number = _read_number(entry, file.stem, f"{file}: number {position}")
        if key in numbers:
            what = f"{entry['row']} {entry['column']} stands twice"
            raise BenchError(what, where=f"{file}: number {position}", fix=_REWRITE)
        numbers[key] = number
    if _SUM in contents and contents[_SUM] != record_checksum(contents):
        fix = f"{_REWRITE}; if you edited it yourself, remove its line {_SUM}"
        raise BenchError("is not as it was written", where=str(file), fix=fix)
    return GoldenTable(file.stem, **{fact: contents[fact] for fact in _FACTS}, numbers=numbers)


def _read_number(entry: Any, table: str, where: str) -> tuple[Place, Number]:
    """A number of a file and its (table, row, column); an entry of another form is an error."""
    if not isinstance(entry, dict) or set(entry) != {"table", "row", "column", "value", "error"}:
        raise BenchError("has not exactly table, row, column, value and error", where=where, fix=_REWRITE)
    key = (entry["table"], entry["row"], entry["column"])
    if not all(isinstance(name, str) for name in key) or entry["table"] != table:
        raise BenchError(f"{key} is no place in the table {table!r}", where=where, fix=_REWRITE)
    value, error = entry["value"], entry["error"]
    if not _is_number(value) or not (error is None or (_is_number(error) and error >= 0)):
        what, where = "value or error is not a number", f"{where}, {entry['row']} {entry['column']}"
        raise BenchError(what, where=where, fix=_REWRITE)
    return key, Number(value, error)


def write_golden(table: GoldenTable, folder: Path) -> None:
    """Writes ``NAME.json``, sorted and with one line per number, under another name that is then replaced."""
    facts = {fact: getattr(table, fact) for fact in _FACTS}
    numbers = [
        {"table": name, "row": row, "column": column, "value": number.value, "error": number.error}
        for (name, row, column), number in sorted(rounded(table).numbers.items())
    ]
    facts[_SUM] = record_checksum({**facts, "numbers": numbers})
    head = json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False).removesuffix("\n}")
    lines = map(json.dumps, numbers)
    text = head + ',\n "numbers": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    file = folder / f"{table.name}.json"
    with written_whole(file) as writing:
        writing.write_text(text, encoding="utf-8")


def rounded(table: GoldenTable) -> GoldenTable:
    """The table with numbers rounded to the decimals of a file."""
    numbers = {key: Number(_round(number.value), _round(number.error)) for key, number in table.numbers.items()}
    return replace(table, numbers=numbers)


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """The leaves of nested dictionaries, by their keys joined with blanks."""
    if not isinstance(value, dict):
        return {name: value}
    nested = (_flat(inner, f"{name} {key}".strip()) for key, inner in value.items())
    return {path: leaf for leaves in nested for path, leaf in leaves.items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")
