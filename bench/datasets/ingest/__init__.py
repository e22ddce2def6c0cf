"""A corpus from a user's own event logs: Parquet, CSV or JSON, out of core.

Importing this package is cheap: its options serve the plugin's list of datasets; DuckDB comes with ``ingest``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.datasets.ingest.options import NULLS, IngestOptions, SessionOptions
from bench.datasets.ingest.report import Conversion, IngestReport

if TYPE_CHECKING:
    from bench.datasets.ingest.build import ingest
    from bench.datasets.ingest.event_log import INPUT_HELP

__all__ = ["INPUT_HELP", "NULLS", "Conversion", "IngestOptions", "IngestReport", "SessionOptions", "ingest"]

_HOMES = {"ingest": "bench.datasets.ingest.build", "INPUT_HELP": "bench.datasets.ingest.event_log"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
