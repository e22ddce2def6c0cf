"""TranSearch's linear tower, fresh or from the item head of a pretrained encoder, which the harness hands over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command_line import bench_here
from small_corpora import random_corpus
from torch import Tensor

from baselines.transearch.model import TranSearch
from bench.contracts import ClickCorpus, ClickDims
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.runs.jobs import Cell
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.testing.click_corpora import click_batch

D = 4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("head") / "corpus", sessions=60)


def prepared(corpus: Corpus, pretrained: dict[str, Tensor], **options: Any) -> TranSearch:
    torch.manual_seed(0)
    features = Features.of(corpus)
    made = TranSearch(ClickDims(features.dims, 3), mode="linear", embed_size=D, **options).eval()
    made.prepare(ClickCorpus(corpus, features, np.arange(5), pretrained))
    return made


def head(rows: int = 2 * D) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return {"item.weight": torch.randn(rows, 8 + 12, generator=draws), "item.bias": torch.randn(rows, generator=draws)}


@pytest.mark.parametrize("item_head", ["", "muvcog-plus"])
def test_candidates_are_those_of_the_equations(corpus: Corpus, item_head: str) -> None:
    made = prepared(corpus, head() if item_head else {}, item_head=item_head)
    batch = click_batch(corpus, Features.of(corpus), np.arange(7))
    weights = {name: value.double().numpy() for name, value in made.state_dict().items()}
    if item_head:
        np.testing.assert_array_equal(weights["head.weight"], head()["item.weight"].double().numpy())
    x = np.concatenate([batch.item_text.double().numpy(), batch.item_images.double().numpy()], axis=2)
    x = x @ weights["head.weight"].T + weights["head.bias"]
    for layer in ("item.0", "translation.0"):
        x = x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        x = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    with torch.no_grad():
        np.testing.assert_allclose(made.items(batch).numpy(), x, atol=1e-5)


def test_the_head_learns_on_unless_it_is_fixed(corpus: Corpus) -> None:
    for fixed in (False, True):
        made = prepared(corpus, head(), item_head="muvcog-plus", fixed=fixed)
        assert all(parameter.requires_grad != fixed for parameter in made.get_submodule("head").parameters())


def test_a_head_that_does_not_fit_is_refused(corpus: Corpus) -> None:
    for pretrained, found in (({}, "has none"), (head(6), "has one of (6, 20)")):
        with pytest.raises(BenchError) as error:
            prepared(corpus, pretrained, item_head="muvcog-plus")
        assert found in str(error.value)
    with pytest.raises(BenchError, match="item_head is of mode=linear"):
        TranSearch(ClickDims(Features.of(corpus).dims, 3), item_head="muvcog-plus")


def planned(corpus: Corpus, tmp_path: Path, encoders: list[str], *settings: str) -> dict[tuple[str, int], Cell]:
    request = RunRequest("ctr", encoders, ["transearch"], [str(corpus.folder)], 2, settings, "cpu")
    return {(cell.encoder, cell.seed): cell for cell in make_plan(request, registry(), Store(tmp_path)).cells}


def test_the_pretraining_is_that_of_the_encoder_and_decides_the_key(corpus: Corpus, tmp_path: Path) -> None:
    head = ("mode=linear", "item_head=muvcog-plus")
    fresh = planned(corpus, tmp_path, ["muvcog-plus"], "mode=linear")
    started = planned(corpus, tmp_path, ["muvcog-plus"], *head)
    longer = planned(corpus, tmp_path, ["muvcog-plus"], *head, "muvcog-plus.steps=7")
    of_encoder = {seed: fresh["muvcog-plus", seed].jobs[0].key for seed in (0, 1)}
    for seed in (0, 1):
        assert ("encoders", of_encoder[seed]) in started["vanilla", seed].jobs[-1].needs
        assert started["vanilla", seed].jobs[-1].needs != fresh["vanilla", seed].jobs[-1].needs == ()
    assert started["vanilla", 0].key not in (fresh["vanilla", 0].key, longer["vanilla", 0].key)
    for encoders in (["lstm"], ["random"]):
        with pytest.raises(
            BenchError, match="item_head=muvcog-plus, and no pretrained encoder of this run is called so"
        ):
            planned(corpus, tmp_path, encoders, *head)


def test_from_the_command_line(corpus: Corpus, tmp_path: Path) -> None:
    few = [
        "--set",
        "epochs=1",
        "--set",
        "steps=3",
        "--set",
        "batch_size=16",
        "--seeds",
        1,
        "--device",
        "cpu",
        "--out",
        tmp_path,
    ]
    base = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "muvcog-plus", "--dataset", corpus.folder]
    scores = []
    for more in ([], ["--set", "item_head=muvcog-plus"]):
        ran = bench_here(*base, *few, "--set", "mode=linear", *more, "--json", "--keys")
        assert ran.code == 0, ran.err
        keys = {row["encoder"]: row["key"] for row in ran.rows}
        files = [tmp_path / "cells" / keys[encoder] / "predictions.parquet" for encoder in ("vanilla", "muvcog-plus")]
        scores.append([pd.read_parquet(file)["score"].to_numpy() for file in files])
    for fresh, started in zip(*scores, strict=True):
        assert np.abs(fresh - started).max() > 1e-3
    shown = bench_here("show", "transearch/vanilla/0", "--out", tmp_path).out
    assert "--encoder vanilla,muvcog-plus" in shown
    assert "--set transearch.item_head=muvcog-plus" in shown
    assert "--set muvcog-plus.steps=3" in shown
