"""Every command has ``--json``, or a reason why it has none; what it then prints is JSON and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import bench_here
from typer.core import TyperGroup

from bench.cli.main import app
from bench.datasets.ingest.event_log import LOG_TABLES

WITHOUT = {"show": "prints a record as JSON, and nothing else, without being asked"}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command by its words, such as ``data stats``."""
    if not isinstance(group, TyperGroup):
        yield " ".join(path), group
        return
    for name, command in group.commands.items():
        yield from commands(command, (*path, name))


def test_every_command_has_json_or_a_reason() -> None:
    every = dict(commands(typer.main.get_command(app)))
    lacking = {name for name, one in every.items() if not any("--json" in each.opts for each in one.params)}
    assert len(every) > 25, "they were walked through"
    assert lacking == set(WITHOUT)


def test_the_columns_of_an_event_log() -> None:
    rows = bench_here("data", "columns", "--json").rows
    assert {(row["table"], row["column"]) for row in rows} == {
        (table, column.name) for table, columns in LOG_TABLES.items() for column in columns
    }
    assert {row["table"] for row in rows if not row["table_required"]} == {"images", "word_vectors"}


def test_the_columns_of_a_mapping() -> None:
    rows = bench_here("data", "columns", "--map", "diginetica", "--json").rows
    said = bench_here("data", "columns", "--map", "diginetica").out
    assert len(rows) > 10
    for row in rows:
        assert row["value"] in said
        assert f"{row['table']} <- " in said


def test_a_valid_file_of_results(tmp_path: Path) -> None:
    pytest.importorskip("jsonschema", reason="jsonschema (extra schema) is missing")
    (tmp_path / "none.json").write_text(json.dumps([]))
    assert bench_here("results", "validate", tmp_path / "none.json", "--json").rows == [
        {"file": str(tmp_path / "none.json"), "what": "0 rows"}
    ]
