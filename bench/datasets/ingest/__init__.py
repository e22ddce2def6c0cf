"""A corpus from a user's own event logs: Parquet or CSV, out of core."""

from bench.datasets.ingest.build import IngestReport, ingest
from bench.datasets.ingest.event_log import INPUT_HELP
from bench.datasets.ingest.options import IngestOptions

__all__ = ["INPUT_HELP", "IngestOptions", "IngestReport", "ingest"]
