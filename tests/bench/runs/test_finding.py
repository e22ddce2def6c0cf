"""A stored result is found by the beginning of its key, or as BASELINE/ENCODER/SEED."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.runs.finding import Found, find_result
from bench.runs.store import Store


def put(root: Path, key: str, task: str, dataset: str, baseline: str, encoder: str, seed: int, started: float) -> None:
    folder = root / "cells" / key
    folder.mkdir(parents=True)
    names = {"task": {"name": task}, "baseline": {"name": baseline}, "encoder": {"name": encoder}}
    config = {**names, "corpus": {"dataset": dataset}, "seed": seed}
    (folder / "cell.json").write_text(json.dumps({"config": config, "started": started}))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    put(tmp_path, "aaaa1111", "ctr", "beauty", "transearch", "lstm", 0, 2.0)
    put(tmp_path, "bbbb2222", "ctr", "beauty", "transearch", "lstm", 0, 9.0)
    put(tmp_path, "cccc3333", "ctr", "beauty", "transearch", "bert[path=/a/b]", 1, 1.0)
    put(tmp_path, "dddd4444", "ctr", "beauty", "alstp", "lstm", 0, 1.0)
    put(tmp_path, "dddd5555", "ctr", "clothes", "alstp", "lstm", 0, 1.0)
    (tmp_path / "cells" / "aaaa1111.broken-1").mkdir()
    (tmp_path / "encoders" / "eeee6666").mkdir(parents=True)
    return Store(tmp_path)


def test_by_the_beginning_of_its_key(store: Store) -> None:
    assert find_result(store, "aaaa") == Found("cells", "aaaa1111")
    assert find_result(store, "ee") == Found("encoders", "eeee6666")


def test_by_name_the_latest_with_the_older_ones_named(store: Store) -> None:
    assert find_result(store, "transearch/lstm/0") == Found("cells", "bbbb2222", ("aaaa1111",))
    assert find_result(store, "transearch/bert[path=/a/b]/1") == Found("cells", "cccc3333")
    assert find_result(store, "alstp/lstm/0", dataset="clothes") == Found("cells", "dddd5555")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dddd", "dddd in ROOT: 2 results begin like this"),
        ("*", "no result has this key"),
        ("ffff", "no result has this key (keys: bench run --keys, or BASELINE/ENCODER/SEED)"),
        (
            "alstp/lstm/0",
            "2 results are called alstp/lstm/0 (--task ctr --dataset beauty or --task ctr --dataset clothes)",
        ),
        ("transearch/lstn/0", "no cell is called transearch/lstn/0 (did you mean transearch/lstm/0"),
        ("transearch/lstm", "'transearch/lstm' is no cell (write BASELINE/ENCODER/SEED"),
        ("transearch/lstm/x", "is no cell"),
    ],
)
def test_what_is_not_found_is_one_line(store: Store, name: str, line: str) -> None:
    with pytest.raises(BenchError) as caught:
        find_result(store, name)
    assert line.replace("ROOT", str(store.root)) in str(caught.value)
