"""Plain progress lines tell how much is done, and what is left once enough is done to tell."""

from __future__ import annotations

import re
import time

import pytest

from bench.cli.progress import GridProgress, single_progress
from bench.runs.jobs import Job


def test_no_estimate_from_the_first_moments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    clock = iter([0.0, 11.0, 11.0, 22.0, 22.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    job = Job("cells", "k", {}, "corpus", (), "ctr small")
    with GridProgress([job]) as progress:
        for part in (0.001, 0.5):
            progress.watch(job, part, None)
    early, later = capsys.readouterr().err.splitlines()
    assert "left" not in early
    assert early.endswith("ctr small:   0%")
    assert re.search(r"\[ 50%, (\d+) s, about \1 s left\]", later), later


def test_one_piece_of_work_likewise(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    clock = iter([0.0, 20.0, 40.0, 80.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    progress = single_progress("making small")
    for done in (1, 500, 1000):
        progress(done, 1000)
    assert capsys.readouterr().err.splitlines() == [
        "making small:   0%, 20 s",
        "making small:  50%, 40 s, about 40 s left",
        "making small: 100%, 80 s",
    ]
