"""The pooled corpus is the union of its parts: no session, word, image, item or click changes on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.datasets import pool as pooling
from bench.datasets import pooled_sessions
from bench.datasets.pool import pool
from bench.datasets.simulated import make as make_one
from bench.datasets.simulated.pooled import PARTS, make
from bench.errors import BenchError

OPTIONS = {"sessions": 130, "downstream": 40, "shown": 10}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pooled")
    for part in PARTS:
        make_one(folder / part, name=part, **OPTIONS)
    make(folder / "pooled", name="pooled", **OPTIONS)
    return folder


def told(folder: Path) -> dict[str, Any]:
    """Every session by its id, written out with strings and vectors in place of row numbers."""
    tables = {n: pq.read_table(folder / f"{n}.parquet").to_pylist() for n in ("sessions", "queries", "impressions")}
    words = pq.read_table(folder / "vocabulary.parquet")["word"].to_pylist()
    items = pq.read_table(folder / "items.parquet").to_pylist()
    images = np.load(folder / "image_vectors.npy")
    sums = images.astype(np.int64) @ np.arange(1, images.shape[1] + 1)  # tells images apart
    sessions = [{**row, "queries": []} for row in tables["sessions"]]
    queries = []
    for row in tables["queries"]:
        image = None if row["image"] is None else int(sums[row["image"]])
        queries.append({**row, "session": None, "words": [words[w] for w in row["words"]], "image": image, "shown": []})
        sessions[row["session"]]["queries"].append(queries[-1])
    for row in tables["impressions"]:
        item = items[row["item"]]
        title = (item["item_id"], [words[w] for w in item["words"]], item["category"], int(sums[item["image"]]))
        queries[row["query"]]["shown"].append((title, row["rank"], row["clicked"], row["click_time"]))
    return {session["session_id"]: session for session in sessions}


def test_every_session_is_there_as_it_was(folder: Path) -> None:
    expected: dict[str, Any] = {}
    for part in PARTS:
        expected |= told(folder / part)
    found = told(folder / "pooled")
    assert len(found) == 3 * OPTIONS["sessions"]
    assert found == expected
    assert list(found) != list(expected), "shuffled"
    first = [session.split("-")[0] for session in list(found)[:60]]
    assert set(first) == set(PARTS), "over the parts, not within them"


def test_chunks_do_not_matter(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_sessions, "_CHUNK_SESSIONS", 7)
    monkeypatch.setattr(pooled_sessions, "_BLOCK_ROWS", 50)
    monkeypatch.setattr(pooling, "_BLOCK_ROWS", 50)
    make(tmp_path / "pooled", name="pooled", **OPTIONS)
    assert Corpus(tmp_path / "pooled").info.fingerprint == Corpus(folder / "pooled").info.fingerprint


def test_domains_are_the_parts_and_shared_words_are_one(folder: Path) -> None:
    whole, parts = Corpus(folder / "pooled"), [Corpus(folder / part) for part in PARTS]
    assert whole.domains == list(PARTS)
    assert set(whole.categories) == {name for part in parts for name in part.categories}
    names = whole.strings("items", "item_id").to_pylist()
    domain = [whole.domains[code] for code in whole.columns.item_domain]
    assert all(name.startswith(of) for name, of in zip(names, domain, strict=True))
    words = whole.strings("vocabulary", "word").to_pylist()
    assert len(words) == len(set(words)) == len({w for p in parts for w in p.strings("vocabulary", "word").to_pylist()})
    assert len(words) < sum(len(part.word_vectors) for part in parts)
    first = dict(zip(parts[0].strings("vocabulary", "word").to_pylist(), parts[0].word_vectors, strict=True))
    for part in parts:
        for word, vector in zip(part.strings("vocabulary", "word").to_pylist(), part.word_vectors, strict=True):
            np.testing.assert_array_equal(whole.word_vectors[words.index(word)], first.get(word, vector))
    assert whole.num_users == sum(part.num_users for part in parts)


def test_it_says_that_it_is_simulated_and_of_what(folder: Path) -> None:
    info = Corpus(folder / "pooled").info
    assert info.label == "pooled (simulated)"
    assert any("pooled" in caveat for caveat in info.caveats)
    assert info.source["parts"] == {part: Corpus(folder / part).info.fingerprint for part in PARTS}
    assert info.source["options"]["sessions"] == OPTIONS["sessions"]
    assert not (folder / "pooled.parts").exists(), "the parts are removed"


def test_the_seed_decides_and_progress_is_told(folder: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    make(tmp_path / "again", name="pooled", progress=lambda done, total: steps.append((done, total)), **OPTIONS)
    assert Corpus(tmp_path / "again").info.fingerprint == Corpus(folder / "pooled").info.fingerprint
    assert steps == sorted(steps)
    assert steps[-1] == (780, 780)
    make(tmp_path / "other", name="pooled", **{**OPTIONS, "seed": 2})
    assert Corpus(tmp_path / "other").info.fingerprint != Corpus(folder / "pooled").info.fingerprint


def test_what_does_not_go_together_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no option 'session'"):
        make(tmp_path / "a", name="pooled", session=100)
    with pytest.raises(BenchError, match="is there already"):
        make(folder / "pooled", name="pooled", **OPTIONS)
    parts = [Corpus(folder / "beauty"), random_corpus(tmp_path / "narrow", sessions=12)]
    with pytest.raises(BenchError, match="vectors of the same widths"):
        pool(tmp_path / "b", parts, name="p", seed=0, licence="", caveats=(), source={}, progress=lambda *_: None)
    assert not (tmp_path / "b").exists()
