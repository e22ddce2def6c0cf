"""Corpora from tables in memory, and back into the tables that an event log has."""

from __future__ import annotations

from bench.datasets.exchange.log_tables import log_tables
from bench.datasets.exchange.tables import TableLike, corpus_from_tables

__all__ = ["TableLike", "corpus_from_tables", "log_tables"]
