"""A corpus that another process has just made is taken where its options are those that were asked for, all of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.runs.corpora import is_made_with


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("made") / "corpus", sessions=5)


def recorded(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, **source: Any) -> None:
    monkeypatch.setattr(corpus, "info", SimpleNamespace(name="mine", source=source))


def test_the_options_are_equal_and_none_is_missing(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(corpus, monkeypatch, options={"seed": 1})
    assert is_made_with(corpus, "mine", {"seed": 1, "file": None})
    assert not is_made_with(corpus, "other", {"seed": 1})
    assert not is_made_with(corpus, "mine", {"seed": 2})
    assert not is_made_with(corpus, "mine", {"seed": 1, "split": "time"}), "made before there was such an option"


def test_a_reader_records_how_ingest_reads_as_well(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(corpus, monkeypatch, reader="ubi", options={"seed": 1, "null": [], "time_unit": "auto"})
    assert is_made_with(corpus, "mine", {"seed": 1, "memory_limit": "2GB"})
    assert not is_made_with(corpus, "mine", {"seed": 1, "split": "time"})


def test_a_real_corpus_that_says_nothing_of_options_is_taken(tmp_path: Path) -> None:
    made = random_corpus(tmp_path / "corpus", sessions=5)
    assert is_made_with(made, made.info.name, {"seed": 1})
