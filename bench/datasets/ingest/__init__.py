"""A corpus from a user's own event logs: Parquet, CSV or JSON, out of core."""

from bench.datasets.ingest.build import ingest
from bench.datasets.ingest.event_log import INPUT_HELP
from bench.datasets.ingest.options import NULLS, IngestOptions
from bench.datasets.ingest.report import Conversion, IngestReport

__all__ = ["INPUT_HELP", "NULLS", "Conversion", "IngestOptions", "IngestReport", "ingest"]
