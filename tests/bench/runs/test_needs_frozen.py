"""A baseline that takes finished vectors only meets no encoder that would have to be trained with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_corpora import random_corpus

from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store


def test_it_is_refused_before_anything_runs(tmp_path: Path) -> None:
    request = RunRequest("intent", ["random", "lstm"], seeds=1)  # a dataset that would have to be made first
    with pytest.raises(BenchError, match="xgboost takes finished session vectors, but lstm would have to be") as error:
        make_plan(request, registry(), Store(tmp_path))
    assert "muvcog-m" in str(error.value)
    assert "vanilla" not in str(error.value)
    assert not list(tmp_path.iterdir()), "nothing was made"


def test_frozen_encoders_and_the_reference_are_planned(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "small", sessions=20)
    request = RunRequest("intent", ["random"], datasets=[str(corpus.folder)], seeds=2)
    cells = make_plan(request, registry(), Store(tmp_path)).cells
    assert [(cell.encoder, cell.baseline) for cell in cells] == [
        (e, "xgboost") for e in ("vanilla", "random") for _ in "ab"
    ]
    other = RunRequest("suggest", ["lstm"], datasets=[str(corpus.folder)], seeds=1)
    planned = make_plan(other, registry(), Store(tmp_path)).cells
    assert [cell.encoder for cell in planned if cell.baseline == "ffn"] == ["vanilla", "lstm"]
