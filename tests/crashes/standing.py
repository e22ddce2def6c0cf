"""What stands in a folder, so that what a broken and a repeated run left can be compared with an unbroken one's."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

HALF = re.compile(r"\.(writing-|claim-|lock$|work$|broken-)|-earlier$")
"""Names of what is half-written, claimed, set aside: none is left."""

TIMES = ("started", "seconds", "peak_memory", "checksum", "modified", "when", "created", "continued_from")
"""Keys of records that tell when and how long, and on which state a pretraining went on; the checksum covers them."""

_CLOCK = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?")


def standing(folder: Path) -> dict[str, Any]:
    """Contents of all files below a folder, by their names, without what tells of times."""
    return {
        file.relative_to(folder).as_posix(): _contents(file) for file in sorted(folder.rglob("*")) if file.is_file()
    }


def halves(folder: Path) -> list[str]:
    """What a crash may leave and the next run must not."""
    found = []
    for parent, folders, files in os.walk(folder):  # which does not mind what goes away meanwhile
        found += [os.path.relpath(Path(parent, name), folder) for name in (*folders, *files) if HALF.search(name)]
    return found


def differences(found: dict[str, Any], unbroken: dict[str, Any]) -> list[str]:
    """What is missing, too much or other than after an unbroken run."""
    lines = [f"missing: {name}" for name in sorted(unbroken.keys() - found.keys())]
    lines += [f"too much: {name}" for name in sorted(found.keys() - unbroken.keys())]
    return lines + [
        f"other: {name}" for name in sorted(found.keys() & unbroken.keys()) if found[name] != unbroken[name]
    ]


def _contents(file: Path) -> Any:
    data = file.read_bytes()
    if file.suffix == ".json" and data:
        return _timeless(json.loads(data))
    return _CLOCK.sub(b"TIME", data) if file.suffix in (".html", ".md", ".txt", ".toml") else data


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
