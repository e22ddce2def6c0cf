"""Options of ``bench data ingest`` in the spelling of readers, whose options are settings: ``--set fold=true``."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_args, get_type_hints

from bench.datasets.ingest.options import SessionOptions

_OPTION = re.compile(r"(?<!\w)--([a-z][a-z-]+)\b(?: ([a-z][a-z-]*)\b)?")


def as_settings(text: str) -> str:
    """A message of ``ingest`` with each of its options as ``--set``, where N stands for a number."""
    hints = get_type_hints(SessionOptions)
    names = {field.name for field in fields(SessionOptions)}

    def setting(found: re.Match[str]) -> str:
        name, word = found[1].replace("-", "_"), found[2]
        if name not in names:
            return found[0]
        after = f" {word}" if word else ""
        if word in get_args(hints[name]):
            return f"--set {name}={word}"
        if hints[name] is bool:
            return f"--set {name}=true{after}"
        return (f"--set {name}=N" if hints[name] in (int, float) else f"--set {name}") + after

    return _OPTION.sub(setting, text)
