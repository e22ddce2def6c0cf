"""The kit of datasets notices what breaks the contract, and passes what keeps it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from kit_runner import checks_of, run_check
from small_corpora import random_corpus

from bench.plugins.specs import DatasetSpec, Spec
from bench.progress import Progress
from bench.testing import DatasetConformance

Maker = Callable[..., None]


def correct(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    """Random sessions, for the broken makers to spoil."""
    random_corpus(folder, sessions, seed)
    renamed(folder, name)
    progress(sessions, sessions)


def renamed(folder: Path, name: str) -> None:
    """Gives the corpus a name."""
    info = folder / "corpus.toml"
    lines = info.read_text().replace('name = "small"', f'name = "{name}"').splitlines(keepends=True)
    info.write_text("".join(line for line in lines if not line.startswith("checksum =")))


def another_name(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    random_corpus(folder, sessions, seed)


def invalid(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress, sessions=sessions, seed=seed)
    words = np.load(folder / "word_vectors.npy")
    words[0] = np.nan
    np.save(folder / "word_vectors.npy", words)


def no_test_sessions(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress, sessions=2, seed=2)


def leaves_files(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress, sessions=sessions, seed=seed)
    folder.with_name("notes.txt").write_text("mine")


def unseeded(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress, seed=int(np.random.default_rng().integers(2**31)))


def deaf_to_its_seed(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress, sessions=sessions)


def takes_anything(folder: Path, *, name: str, progress: Progress, seed: int = 0, **anything: Any) -> None:
    correct(folder, name=name, progress=progress, seed=seed)


def never_done(folder: Path, *, name: str, progress: Progress, sessions: int = 40, seed: int = 0) -> None:
    random_corpus(folder, sessions, seed)
    progress(1, sessions)


def from_files(folder: Path, *, name: str, progress: Progress, source: Path, sessions: int = 40, seed: int = 0) -> None:
    correct(folder, name=name, progress=progress)


CASES = [
    (another_name, "test_the_corpus_says_what_it_is"),
    (invalid, "test_it_is_a_valid_corpus"),
    (no_test_sessions, "test_it_can_be_measured_on"),
    (leaves_files, "test_nothing_stands_beside_it"),
    (unseeded, "test_the_same_options_are_the_same_corpus"),
    (deaf_to_its_seed, "test_another_seed_is_another_corpus"),
    (takes_anything, "test_an_option_that_it_does_not_have_is_refused"),
    (never_done, "test_progress_ends_where_it_said_it_would"),
    (from_files, "test_a_fetched_one_says_where_its_files_are"),
]


class _Kit(DatasetConformance):
    """The kit of a dataset whose spec stands here and in no registry."""

    options: ClassVar[dict[str, Any]] = {"seed": 0}

    @property
    def spec(self) -> Spec:
        return DatasetSpec("mine", "m:make", "h", "c", {"sessions": 40, "seed": 0})


@pytest.mark.parametrize(("broken", "check"), CASES)
def test_the_kit_catches_what_breaks_the_contract(broken: Maker, check: str, tmp_path: Path) -> None:
    def run(maker: Maker, place: str) -> None:
        made = tmp_path / f"made-{place}" / "corpus"
        kit = type("Kit", (_Kit,), {"component": maker})()
        given = {"corpus": kit.make(made)} if maker is not from_files else {}
        run_check(_Kit, check, given, tmp_path / place, component=maker)
        shutil.rmtree(made, ignore_errors=True)

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(broken, "broken")
    run(correct, "correct")


def test_every_check_is_shown_to_bite() -> None:
    assert checks_of(DatasetConformance) == {check for _, check in CASES}
