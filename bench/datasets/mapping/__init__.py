"""Log mappings: a small TOML says which file and column of a log becomes what, and ``ingest`` reads it so.

Importing this package is cheap; DuckDB comes with ``ingest_mapped`` and with ``checked``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.datasets.mapping.explain import explained, explained_rows
from bench.datasets.mapping.format_help import MAP_HELP
from bench.datasets.mapping.parse import read_map
from bench.datasets.mapping.shipped import map_text, shipped_maps

if TYPE_CHECKING:
    from bench.datasets.mapping.build import checked, ingest_mapped

__all__ = [
    "MAP_HELP",
    "checked",
    "explained",
    "explained_rows",
    "ingest_mapped",
    "map_text",
    "read_map",
    "shipped_maps",
]

_HOMES = dict.fromkeys(("ingest_mapped", "checked"), "bench.datasets.mapping.build")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
