"""A corpus that cannot be made leaves nothing behind, and takes nothing from those who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.claiming import Claim
from bench.data.making import check_free, to_be_made
from bench.errors import BenchError


def fail(folder: Path, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Begins a corpus, lets something happen, and fails."""
    with to_be_made(folder):
        assert folder.parent.is_dir()
        meanwhile()
        raise ValueError("no such log")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


def test_the_folders_made_for_a_corpus_that_cannot_be_made_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such log"):
        fail(tmp_path / "runs" / "corpora" / "mine")
    assert names(tmp_path) == []


def test_folders_that_were_there_or_that_others_use_stay(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    corpora = tmp_path / "runs" / "corpora"
    with pytest.raises(ValueError, match="no such log"):
        fail(corpora / "mine")
    assert names(tmp_path) == ["runs"]
    with pytest.raises(ValueError, match="no such log"):
        fail(corpora / "mine", (corpora / "yours").mkdir)
    assert names(tmp_path) == ["runs", "corpora", "yours"]


def test_one_who_waits_makes_it_after_another_has_failed(tmp_path: Path) -> None:
    folder, waits = tmp_path / "corpora" / "mine", threading.Event()

    def make() -> None:
        waits.set()
        with to_be_made(folder) as missing:
            assert missing
            folder.mkdir()

    other = threading.Thread(target=make)

    def begin() -> None:
        other.start()
        waits.wait()

    with pytest.raises(ValueError, match="no such log"):
        fail(folder, begin)
    other.join()
    assert names(tmp_path) == ["corpora", "mine"]


def test_what_a_killed_process_left_beside_its_finished_corpus_goes_when_the_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_free(tmp_path / "corpus")
    (tmp_path / "corpus").mkdir()
    with monkeypatch.context() as context:
        context.setattr("bench.claiming._began", lambda pid: 1)  # long before this process
        assert Claim(tmp_path / "corpus", 1, None).make()
    with pytest.raises(BenchError, match="is there already"):
        check_free(tmp_path / "corpus")
    assert [file.name for file in tmp_path.iterdir()] == ["corpus"]
