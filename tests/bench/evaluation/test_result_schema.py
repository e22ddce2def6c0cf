"""The JSON Schema of results fits what is written, and notices what is not of that form."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import bench_here
from jsonschema import Draft202012Validator
from small_corpora import random_corpus

from bench.evaluation.result_schema import schema
from bench.evaluation.summary import SummaryRow


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The rows of a run of references, and the record of one of its cells."""
    folder = tmp_path_factory.mktemp("schema")
    corpus = random_corpus(folder / "small").folder
    named = ("--task", "ctr", "--encoder", "vanilla", "--baseline", "references", "--dataset", corpus)
    ran = bench_here("run", *named, "--seeds", 1, "--device", "cpu", "--jobs", 1, "--out", folder / "runs", "--json")
    assert ran.code == 0, ran.err
    (folder / "rows.json").write_text(ran.out)
    return folder / "rows.json", next((folder / "runs" / "cells").glob("*/cell.json"))


def test_the_schema_is_one_and_names_every_field() -> None:
    Draft202012Validator.check_schema(schema())
    fields = {field.name for field in dataclasses.fields(SummaryRow)} | {"keys"}
    assert set(schema()["$defs"]["row"]["properties"]) == fields


def test_what_is_written_is_valid(written: tuple[Path, Path]) -> None:
    rows, cell = written
    assert bench_here("results", "validate", rows).out == f"{rows}: {len(json.loads(rows.read_text()))} rows, valid\n"
    assert bench_here("results", "validate", cell).out == f"{cell}: cell {cell.parent.name}, valid\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].update(p=2), "$[0].p: 2 is greater than the maximum of 1"),
        (lambda rows: rows[0].update(status="fine"), "$[0].status"),
        (lambda rows: rows[0].pop("delta"), "'delta' is a required property"),
        (lambda rows: rows[0].update(detla=1), "'detla' was unexpected"),
        (lambda rows: rows[0].update(mean=float("nan")), "NaN is no number in JSON"),
    ],
)
def test_another_form_is_one_line(
    written: tuple[Path, Path], tmp_path: Path, change: Callable[[Any], object], said: str
) -> None:
    rows = json.loads(written[0].read_text())
    change(rows)
    (tmp_path / "x.json").write_text(json.dumps(rows))
    assert said in bench_here("results", "validate", tmp_path / "x.json").error
    (tmp_path / "x.json").write_text(json.dumps({"key": "x"}))
    assert "more)" in bench_here("results", "validate", tmp_path / "x.json").error
