"""Variants of an encoder stand beside the plain one under names of their own, each with its options and its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_corpora import random_corpus

from bench.cli.choices import names
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("variants") / "corpus", sessions=30).folder


def plan(folder: Path, tmp_path: Path, *encoders: str, settings: tuple[str, ...] = ()) -> dict[str, dict]:
    request = RunRequest("ctr", encoders, ["transearch"], [str(folder)], 1, settings, "cpu")
    cells = make_plan(request, registry(), Store(tmp_path)).cells
    assert len({cell.key for cell in cells}) == len(cells)
    return {cell.encoder: cell.jobs[-1].config["encoder"]["options"] for cell in cells}


def test_a_variant_changes_its_own_options_only(folder: Path, tmp_path: Path) -> None:
    options = plan(folder, tmp_path, "muvcog-m", "muvcog-m[negatives=random,steps=7]", settings=("warmup=3",))
    assert list(options) == ["vanilla", "muvcog-m", "muvcog-m[negatives=random,steps=7]"]
    plain, variant = options["muvcog-m"], options["muvcog-m[negatives=random,steps=7]"]
    assert (plain["negatives"], variant["negatives"], variant["steps"]) == ("hard", "random", 7)
    changed = {key for key in plain if plain[key] != variant[key]}
    assert changed == {"negatives", "steps"}
    assert plain["warmup"] == variant["warmup"] == 3


def test_a_variant_without_the_plain_encoder(folder: Path, tmp_path: Path) -> None:
    assert list(plan(folder, tmp_path, "lstm[output_dim=3]")) == ["vanilla", "lstm[output_dim=3]"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("muvcog-m[negatives=random", "closing bracket"),
        ("muvcog-m[negative=random]", "did you mean negatives"),
        ("muvcog-m[steps=many]", "not a whole number"),
        ("muvcog-k[steps=1]", "did you mean"),
        (f"ours/{'x' * 5000}", "no encoder is called"),  # no file system has such a path
    ],
)
def test_wrong_variants_are_refused(folder: Path, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        plan(folder, tmp_path, name)


def test_commas_in_brackets_separate_nothing() -> None:
    assert names("lstm, muvcog-m[a=1,b=2] ,,gat") == ["lstm", "muvcog-m[a=1,b=2]", "gat"]
