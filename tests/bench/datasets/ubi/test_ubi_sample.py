"""The public sample of UBI, in the folder that UBI_SAMPLE names: what was counted in it by hand is what is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.data.corpus import Corpus
from bench.datasets.ubi import make
from bench.errors import BenchError

SAMPLE = os.environ.get("UBI_SAMPLE")

pytestmark = pytest.mark.skipif(SAMPLE is None, reason="UBI_SAMPLE names no folder with the sample")


def test_the_three_applications_are_told_with_their_counts(tmp_path: Path) -> None:
    with pytest.raises(
        BenchError, match=r"Chorus \(273 queries, 1,959 events\), esci_ubi_sample.*ubi-demo \(0 queries"
    ):
        make(tmp_path / "corpus", name="ubi", source=SAMPLE)


def test_all_applications_together_are_as_counted_by_hand(tmp_path: Path) -> None:
    """763 queries, 230 sessions, 164 clicks on items of impressions, and 2 on hits of queries without impressions."""
    options = {"application": "all", "on_conflict": "drop"}
    report = make(tmp_path / "corpus", name="ubi", source=SAMPLE, **options)
    kept = report.kept
    assert (kept["queries"], kept["sessions"], kept["clicks"]) == (763, 230, 164 + 2)
    assert any(warning.startswith("386 of 763 queries were typed on") for warning in report.warnings)
    assert any(note.startswith("22 queries have no impressions") for note in report.notes)
    users = Corpus(tmp_path / "corpus").columns
    assert len(users.session_split) == 230


def test_nothing_but_what_is_named_comes_into_the_corpus(tmp_path: Path) -> None:
    """Addresses and browsers, and messages that are not the words of a query."""
    make(tmp_path / "corpus", name="ubi", source=SAMPLE, application="all", on_conflict="drop")
    contents = b"".join(file.read_bytes() for file in (tmp_path / "corpus").rglob("*") if file.is_file())
    for text in (b"192.0.2.1", b"Unexpected user interaction", b"Purchase item", b"impression made on doc position"):
        assert text not in contents
