"""The form of results that other programs read, as one JSON Schema, and what validates a file against it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from bench.errors import BenchError

SCHEMA = Path(__file__).with_name("results.schema.json")
"""JSON Schema 2020-12 of the rows of ``bench run --json`` and of ``cell.json``; its version is the end of ``$id``."""

_SHOWN = 80  # characters of a value in an error


def validate_results(file: Path) -> str:
    """Looks whether a file is the rows of ``bench run --json``, or the record of a cell; says which.

    Raises:
        BenchError: it is neither, with the place of the first fault and how many there are; or the library of the extra
            ``schema`` is not installed.
    """
    if importlib.util.find_spec("jsonschema") is None:
        raise BenchError("jsonschema is not installed", fix="pip install 'session-bench[schema]'")
    from jsonschema import Draft202012Validator

    try:
        found = json.loads(file.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(file), fix="check the path") from None
    except (ValueError, RecursionError) as error:
        raise BenchError(f"is not JSON: {error}", where=str(file)) from None
    faults = sorted(Draft202012Validator(schema()).iter_errors(found), key=lambda fault: list(map(str, fault.path)))
    if faults:
        first, more = faults[0], len(faults) - 1
        said = first.message if len(first.message) <= _SHOWN else f"{first.message[:_SHOWN]}…"
        rest = f" (and {more} more)" if more else ""
        raise BenchError(f"{said}{rest}", where=f"{file}: {first.json_path}", fix=f"the schema is {SCHEMA}")
    return f"{len(found)} rows" if isinstance(found, list) else f"cell {found['key']}"


def schema() -> dict[str, Any]:
    """The schema as Python values."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")
