"""Equal configurations have equal keys, and whatever decides a number changes its key."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.plugins.settings import resolve_options
from bench.runs import jobs, keys
from bench.runs.jobs import Cell, plan_cell
from bench.runs.keys import key_of, trajectory_key
from bench.runs.provenance import library_versions

CHANGES = [
    "epochs=31",
    "clip=5.5",
    "negatives=0",
    "embed_size=33",
    "mode=text",
    "random.view_dim=16",
    "random.beta=sum",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=20)


def cell(corpus: Corpus, *settings: str, encoder: str = "random", seed: int = 0, device: str = "cpu") -> Cell:
    specs: Any = [registry().get("task", "ctr"), registry().get("baseline", "transearch")]
    specs.append(registry().get("encoder", encoder))
    return plan_cell(corpus, "small", *specs, seed, resolve_options(specs, settings), device)


def job_keys(planned: Cell) -> dict[str, str]:
    return {job.kind: job.key for job in planned.jobs}


def test_a_key_is_of_contents_not_of_their_order() -> None:
    one = {"a": 1, "b": {"x": [1, 2], "y": "é"}}
    other = {"b": {"y": "é", "x": [1, 2]}, "a": 1}
    assert key_of(one) == key_of(other)
    assert len(key_of(one)) == 16
    assert (
        len({key_of(c) for c in (one, {**one, "a": 2}, {**one, "a": "1"}, {**one, "a": True}, {**one, "c": None})}) == 5
    )


def test_the_same_plan_has_the_same_keys_wherever_the_corpus_stands(corpus: Corpus, tmp_path: Path) -> None:
    there = shutil.copytree(corpus.folder, tmp_path / "elsewhere")
    assert job_keys(cell(corpus)) == job_keys(cell(Corpus(there)))
    assert job_keys(cell(corpus)) == job_keys(cell(corpus, "epochs=30", "clip=5", "transearch.dropout=.5"))


@pytest.mark.parametrize("setting", CHANGES)
def test_any_option_changes_the_key(corpus: Corpus, setting: str) -> None:
    assert cell(corpus, setting).key != cell(corpus).key


def test_seed_device_encoder_and_corpus_change_every_key(corpus: Corpus, tmp_path: Path) -> None:
    variants = [
        cell(corpus),
        cell(corpus, seed=1),
        cell(corpus, device="cuda"),
        cell(corpus, encoder="muvcog-m"),
        cell(random_corpus(tmp_path / "other", sessions=20, seed=1)),
    ]
    for kind in ("encoders", "embeddings", "cells"):
        assert len({job_keys(variant)[kind] for variant in variants}) == len(variants)


def test_a_library_or_a_line_of_source_changes_every_key(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    before = job_keys(cell(corpus))
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "library_versions", lambda: {**library_versions(), "torch": "0.1"})
        assert not set(before.values()) & set(job_keys(cell(corpus)).values())
    with monkeypatch.context() as patched:
        patched.setattr(jobs, "source_version", lambda target: "another harness")
        assert not set(before.values()) & set(job_keys(cell(corpus)).values())
    with monkeypatch.context() as patched:
        version = keys.source_version
        patched.setattr(keys, "source_version", lambda t: "another" if t.startswith("baselines") else version(t))
        after = job_keys(cell(corpus))
        assert {kind for kind in before if before[kind] != after[kind]} == {"cells"}
    with monkeypatch.context() as patched:
        patched.setattr(keys, "source_version", lambda t: "another" if t.startswith("encoders") else version(t))
        assert not set(before.values()) & set(job_keys(cell(corpus)).values())


def test_pretraining_and_vectors_are_shared_by_what_does_not_touch_them(corpus: Corpus) -> None:
    plain, other = job_keys(cell(corpus)), job_keys(cell(corpus, "embed_size=16"))
    assert {kind for kind in plain if plain[kind] != other[kind]} == {"cells"}
    other = job_keys(cell(corpus, "epochs=1"))
    assert plain["encoders"] == other["encoders"]


def test_each_job_needs_the_one_before(corpus: Corpus) -> None:
    pretraining, embedding, last = cell(corpus).jobs
    assert pretraining.needs == ()
    assert embedding.needs == (("encoders", pretraining.key),)
    assert last.needs == (("embeddings", embedding.key),)
    assert [job.kind for job in cell(corpus, encoder="lstm").jobs] == ["cells"]


def test_pretrainings_that_differ_in_their_steps_and_name_alone_share_a_trajectory() -> None:
    def config(name: str, **options: Any) -> dict[str, Any]:
        return {"encoder": {"name": name, "target": "m:E", "options": {"steps": 5, "clip": 1.0, **options}}, "seed": 0}

    assert trajectory_key(config("e")) == trajectory_key(config("e[steps=9]", steps=9))
    assert trajectory_key(config("e")) != trajectory_key(config("e", clip=2.0))
    assert trajectory_key(config("e")) != trajectory_key({**config("e"), "seed": 1})
