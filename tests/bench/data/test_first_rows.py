"""The row in which each text stands first is found piece by piece, by keys on disk, as a dictionary would find it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bench.data import first_rows
from bench.data.first_rows import FirstRows, codes_of, equal_keys

TEXTS: dict[str, list[str | None]] = {
    "few kinds": [f"u{row * row % 7}" for row in range(500)],
    "one kind": ["same"] * 300,
    "all different": [f"u{row}" for row in range(400)],
    "with nulls": [None if row % 5 == 0 else f"u{row % 60}" for row in range(333)],
    "nothing but nulls": [None] * 40,
    "one": ["a"],
    "none": [],
    "empty and long": [
        "",
        "a" * 513,
        "a" * 512,
        "a" * 514,
        "a" * 513,
        "a" * 17,
        "",
        "a" * 16,
        "a" * 17,
        "ä",
        "a\0",
        "a",
    ],
}


@pytest.fixture(params=[(524_288, 1_048_576), (8, 64)], ids=["one bucket", "many buckets"])
def _sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_rows, "_BUCKET", request.param[0])
    monkeypatch.setattr(first_rows, "_PIECE", request.param[1])


def pieces(texts: list[str | None], rows: int) -> Iterator[pa.Array]:
    for start in range(0, len(texts), rows):
        yield pa.array(texts[start : start + rows], pa.string())


@pytest.mark.usefixtures("_sizes")
@pytest.mark.parametrize("rows", [1, 37, 1_000])
@pytest.mark.parametrize("name", TEXTS)
def test_first_rows_and_codes_are_those_of_a_dictionary(tmp_path: Path, name: str, rows: int) -> None:
    texts, seen = TEXTS[name], dict[str, int]()
    first = FirstRows(tmp_path, len(texts))
    for piece in pieces(texts, rows):
        first.append(piece)
    found = first.found()
    assert found.tolist() == [-1 if text is None else seen.setdefault(text, row) for row, text in enumerate(texts)]
    codes, different = codes_of(tmp_path, found)
    order = list(seen)
    assert codes.tolist() == [-1 if text is None else order.index(text) for text in texts]
    assert different == len(seen)


@pytest.mark.usefixtures("_sizes")
@pytest.mark.parametrize("repeated", [False, True])
def test_equal_keys_are_found_wherever_they_stand(tmp_path: Path, repeated: bool) -> None:
    texts: list[str | None] = [f"q{row}" for row in range(1_000)]
    texts[-1] = "q3" if repeated else texts[-1]
    assert equal_keys(tmp_path, pieces(texts, 64), len(texts)) is repeated


def test_texts_that_share_one_key_are_told_apart_by_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = first_rows.text_keys

    def alike(texts: pa.Array, salt: int = 0) -> np.ndarray:
        return keys(texts, salt) if salt else np.full(len(texts), 7, np.uint64)

    monkeypatch.setattr(first_rows, "text_keys", alike)
    first = FirstRows(tmp_path, 4)
    for piece in pieces(["a", "b", "a", "c"], 1):
        first.append(piece)
    assert first.found().tolist() == [0, 1, 0, 3]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_no_hindrance(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert not equal_keys(tmp_path, pieces(["a", "b"], 1), 2)
    finally:
        tmp_path.chmod(0o700)
