"""Multi-turn FashionIQ is read whole and right, and its sampled candidates say nothing but what came next.

The tests on the real files want them in ``$BENCH_FASHIONIQ``, or in ``../shared/data/fashioniq`` beside the project.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from released_files import write_fashioniq
from scipy.stats import chisquare

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges
from bench.data.schema import KEYWORD, PRODUCT, SPLITS
from bench.datasets.fashioniq import DEFAULTS, make
from bench.datasets.fashioniq.candidates import candidate_lists, draw_others
from bench.datasets.fashioniq.files import CATEGORIES, SHA256
from bench.datasets.fashioniq.products import stand_in_vectors
from bench.errors import BenchError

ROOT = Path(__file__).parents[3]
REAL = Path(os.environ.get("BENCH_FASHIONIQ") or ROOT.parent / "shared" / "data" / "fashioniq")
needs_files = pytest.mark.skipif(not REAL.is_dir(), reason=f"the FashionIQ files are not in {REAL}")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, dict[str, int]]:
    folder = tmp_path_factory.mktemp("fashioniq") / "corpus"
    report = make(folder, name="fashioniq", source=REAL)
    return Corpus(folder), report


@needs_files
class TestTheRealFiles:
    """What can be counted in the files by hand is what the corpus holds."""

    def test_counts_are_the_files(self, real: tuple[Corpus, dict[str, int]]) -> None:
        corpus, report = real
        turns = sessions = one = 0
        for path in sorted((REAL / "data").glob("*.json")):
            records = json.loads(path.read_bytes())
            sessions += len(records)
            turns += sum(len(record["reference"]) for record in records)
            one += sum(len(record["reference"]) == 1 for record in records)
        assert (sessions, turns, one) == (11_506, 26_507, 1)
        assert report["sessions_train"] == 9_106
        assert report["sessions_val"] == 2_400
        assert report["turns"] == turns
        assert report["sessions_with_one_turn"] == one
        assert report["products"] == 13_578
        assert report["products"] - report["products_without_attributes"] == 12_598
        assert corpus.info.counts["queries"] == 2 * turns
        assert corpus.info.counts["items"] == report["products"] + report["products_in_two_categories"]
        assert corpus.info.source["report"] == report
        assert corpus.info.source["files"] == SHA256

    def test_a_known_session_reads_as_in_its_file(self, real: tuple[Corpus, dict[str, int]]) -> None:
        corpus, _ = real
        first = json.loads((REAL / "data" / "dress.train.json").read_bytes())[0]
        words = corpus.strings("vocabulary", "word").to_numpy()
        steps = pq.read_table(corpus.folder / "queries.parquet").slice(0, 4).to_pydict()
        assert corpus.strings("sessions", "session_id")[0].as_py() == "dress-train-00001"
        assert steps["kind"] == ["product", "keyword"] * 2
        assert steps["session"] == [0] * 4
        assert " ".join(words[steps["words"][1]]) == " ".join(first["reference"][0][1])
        columns = corpus.columns
        clicked = columns.impression_item[:100][columns.impression_clicked[:100]]
        ids = corpus.strings("items", "item_id").to_numpy()
        assert list(ids[clicked]) == [f"dress-{first['reference'][1][2]}", f"dress-{first['target'][1]}"]

    def test_every_keyword_step_has_fifty_different_candidates_and_one_click(
        self, real: tuple[Corpus, dict[str, int]]
    ) -> None:
        columns = real[0].columns
        length = np.diff(columns.query_impressions)
        assert (length[columns.query_kind == KEYWORD] == 50).all()
        assert (length[columns.query_kind == PRODUCT] == 0).all()
        shape = (-1, 50)
        assert (columns.impression_clicked.reshape(shape).sum(axis=1) == 1).all()
        assert (columns.impression_rank.reshape(shape) == np.arange(1, 51)).all()
        items = np.sort(columns.impression_item.reshape(shape), axis=1)
        assert (np.diff(items, axis=1) > 0).all()
        category = columns.item_category[items]
        assert (category == category[:, :1]).all()

    def test_the_rank_does_not_tell_the_click(self, real: tuple[Corpus, dict[str, int]]) -> None:
        columns = real[0].columns
        rank = columns.impression_rank[columns.impression_clicked]
        assert chisquare(np.bincount(rank, minlength=51)[1:]).pvalue > 0.001
        # nor does the row number of the item, which is all that a list in another order could be sorted by
        items = columns.impression_item.reshape(-1, 50)
        clicked = columns.impression_clicked.reshape(-1, 50).argmax(axis=1)
        place = np.argsort(np.argsort(items, axis=1), axis=1)[np.arange(len(items)), clicked]
        assert abs(place.mean() - 24.5) < 5 * 14.4 / np.sqrt(len(items))

    def test_candidates_come_from_the_sessions_own_part(self, real: tuple[Corpus, dict[str, int]]) -> None:
        corpus, _ = real
        columns = corpus.columns
        ids = corpus.strings("items", "item_id").to_numpy()
        part = columns.session_split == SPLITS.index("test")
        for category in CATEGORIES:
            for name, chosen in (("train", ~part), ("val", part)):
                listed = json.loads((REAL / "image_splits" / f"split.{category}.{name}.json").read_bytes())
                allowed = {f"{category}-{asin}" for asin in listed}
                sessions = np.flatnonzero(chosen)
                queries, _ = expand_ranges(columns.session_queries[sessions], columns.session_queries[sessions + 1])
                rows, _ = expand_ranges(columns.query_impressions[queries], columns.query_impressions[queries + 1])
                shown = {i for i in ids[np.unique(columns.impression_item[rows])] if i.startswith(category)}
                assert shown <= allowed
                assert len(shown) > 0.95 * len(allowed)

    def test_upstream_val_is_test_and_validation_is_a_tenth_of_train(self, real: tuple[Corpus, dict[str, int]]) -> None:
        corpus, _ = real
        ids = corpus.strings("sessions", "session_id").to_numpy().astype(str)
        split = np.array(SPLITS)[corpus.columns.session_split]
        assert ((split == "test") == (np.char.find(ids, "-val-") > 0)).all()
        for category in CATEGORIES:
            mine = split[np.char.startswith(ids, f"{category}-train")]
            assert (mine == "valid").mean() == pytest.approx(0.1, abs=1e-3)

    def test_it_is_sound_and_the_same_every_time(self, real: tuple[Corpus, dict[str, int]], tmp_path: Path) -> None:
        corpus, _ = real
        assert problems(corpus.folder) == []
        make(tmp_path / "again", name="other", source=REAL)
        assert Corpus(tmp_path / "again").info.fingerprint == corpus.info.fingerprint

    def test_a_file_url_gives_the_same_and_leaves_no_download(
        self, real: tuple[Corpus, dict[str, int]], tmp_path: Path
    ) -> None:
        make(tmp_path / "again", name="fashioniq", source=REAL.resolve().as_uri())
        assert Corpus(tmp_path / "again").info.fingerprint == real[0].info.fingerprint
        assert [path.name for path in tmp_path.iterdir()] == ["again"]

    def test_vectors_stand_for_words_and_attributes(self, real: tuple[Corpus, dict[str, int]]) -> None:
        corpus, _ = real
        assert corpus.word_vectors.shape[1] == 50
        assert corpus.image_vectors.dtype == np.int8
        assert corpus.image_vectors.shape == (12_598, 512)
        words = {word: row for row, word in enumerate(corpus.strings("vocabulary", "word").to_pylist())}
        vectors = corpus.word_vectors / np.linalg.norm(corpus.word_vectors, axis=1, keepdims=True).clip(min=1e-9)

        def alike(left: list[str], right: list[str]) -> float:
            """Mean cosine of the pairs, without those of a word with itself."""
            cosine = vectors[[words[word] for word in left]] @ vectors[[words[word] for word in right]].T
            return float(cosine[np.array([[a != b for b in right] for a in left])].mean())

        colours = ["red", "blue", "green", "yellow", "pink", "purple", "orange"]
        parts = ["sleeve", "sleeves", "collar", "neckline", "strap", "straps", "waist", "hem"]
        assert min(alike(colours, colours), alike(parts, parts)) > alike(colours, parts)

    def test_what_it_is_not_is_said(self, real: tuple[Corpus, dict[str, int]]) -> None:
        info = real[0].info
        said = " ".join(info.caveats)
        assert info.origin == "real"
        assert "stand-ins" in said
        assert "nothing about vision" in said
        assert "sampled" in said
        assert "chained" in said
        assert "CDLA" in info.licence


# ---- small files written by hand ------------------------------------------------------------------------------------


def read_small(root: Path, called: str = "corpus", **options: Any) -> tuple[Corpus, dict[str, int]]:
    folder = root.parent / called
    report = make(folder, name="small", source=root, **{"verify": False, "candidates": 4, **options})
    return Corpus(folder), report


def test_words_attributes_and_what_is_missing(tmp_path: Path) -> None:
    corpus, report = read_small(write_fashioniq(tmp_path / "files"))
    words = corpus.strings("vocabulary", "word").to_numpy()
    steps = pq.read_table(corpus.folder / "queries.parquet").slice(0, 4).to_pydict()
    assert [list(words[step]) for step in steps["words"]] == [
        ["dress", "long", "sleeve", "red"],
        ["is", "a", "v-neck", "it's", "red"],
        [],
        [],
    ]
    assert [image is None for image in steps["image"]] == [False, True, True, True]
    assert report["turns_without_words"] == 6
    assert report["turns_without_two_captions"] == 6
    assert report["products"] == 5
    assert report["products_without_attributes"] == 3
    assert report["products_in_two_categories"] == 5
    assert report["products_with_differing_attributes"] == 1


def broken() -> list[Any]:
    data, attr, splits = "data/shirt.train.json", "attr/asin2attr.all.val.new.json", "image_splits/split.dress.val.json"
    cases: dict[str, tuple[str, bytes | None, str]] = {
        "missing": (data, None, "shirt.train.json: cannot be read: No such file"),
        "empty": (data, b"", "shirt.train.json: "),
        "cut off": (data, b'[{"target": ["u", "A1"], "refer', "shirt.train.json: not a JSON list of records"),
        "not UTF-8": (data, b'[{"target": ["u", "\xff\xfe"], "reference": []}]', "shirt.train.json: "),
        "no sessions": (data, b"[]", "shirt.train.json: holds no sessions"),
        "no turns": (
            data,
            b'[{"target": ["u", "A1"], "reference": []}]',
            "shirt.train.json, record 1: not of the form",
        ),
        "no target": (data, b'[{"reference": [["u", ["c"], "A1"]]}]', "record 1: not of the form"),
        "no product": (data, b'[{"target": ["u", "A1"], "reference": [["u", ["c"]]]}]', "record 1: not of the form"),
        "captions no list": (
            data,
            b'[{"target": ["u", "A1"], "reference": [["u", "c", "A1"]]}]',
            "record 1: not of the form",
        ),
        "captions of numbers": (
            data,
            b'[{"target": ["u", "A1"], "reference": [["u", [["c"]], "A1"]]}]',
            "record 1: not of the form",
        ),
        "attributes a list": (attr, b"[1, 2]", "val.new.json: not a JSON object"),
        "attributes of text": (attr, b'{"A1": "red"}', "val.new.json: not of the documented form"),
        "attributes of letters": (attr, b'{"A1": ["red"]}', "val.new.json: not of the documented form"),
        "attributes mixed": (attr, b'{"A1": [["red"]], "A2": 3}', "val.new.json: not of the documented form"),
        "attributes cut off": (attr, b'{"A1": [["re', "val.new.json: not JSON"),
        "products of lists": (splits, b'[["A1"]]', "split.dress.val.json: not of the documented form"),
        "products null": (splits, b"[null]", "split.dress.val.json: not of the documented form"),
    }
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize(("file", "content", "message"), broken())
def test_a_broken_file_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    root = write_fashioniq(tmp_path / "files")
    (root / file).unlink() if content is None else (root / file).write_bytes(content)
    with pytest.raises(BenchError) as caught:
        read_small(root)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_a_file_of_another_version_is_named_with_both_sums(tmp_path: Path) -> None:
    root = write_fashioniq(tmp_path / "files")
    with pytest.raises(
        BenchError, match=rf"attr/asin2attr.*: SHA-256 is [0-9a-f]{{64}}, expected {next(iter(SHA256.values()))}"
    ):
        read_small(root, verify=True)


def test_a_sample_changes_nothing_but_who_is_in_it(tmp_path: Path) -> None:
    root = write_fashioniq(tmp_path / "files")
    (whole, _), (sampled, _) = read_small(root), read_small(root, downstream=2, called="sampled")
    assert whole.columns.session_downstream.all()
    assert sampled.columns.session_downstream.sum() == 2
    np.testing.assert_array_equal(whole.columns.impression_item, sampled.columns.impression_item)
    np.testing.assert_array_equal(whole.columns.session_split, sampled.columns.session_split)
    with pytest.raises(BenchError, match="downstream: 0 is not a sample"):
        read_small(root, downstream=0, called="none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("candidates", [6, 1])
def test_lists_that_cannot_be_filled_are_an_error(tmp_path: Path, candidates: int) -> None:
    with pytest.raises(BenchError, match=rf"split.dress.train.json: {candidates} candidates are wanted of 5 products"):
        read_small(write_fashioniq(tmp_path / "files"), candidates=candidates)


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no such folder"):
        make(tmp_path / "corpus", name="x", source=tmp_path / "nowhere")


# ---- the parts ------------------------------------------------------------------------------------------------------


def test_draws_are_different_never_the_excluded_one_and_every_set_is_equally_likely() -> None:
    excluded = np.repeat(np.arange(6), 5_000)
    drawn = np.sort(draw_others(6, excluded, 3, np.random.default_rng(0)), axis=1)
    assert (np.diff(drawn, axis=1) > 0).all()
    assert (drawn != excluded[:, None]).all()
    for value in range(6):
        sets, count = np.unique(drawn[excluded == value], axis=0, return_counts=True)
        assert len(sets) == 10, "all sets of three of the five others"
        assert chisquare(count).pvalue > 1e-4


def test_the_whole_pool_can_be_shown() -> None:
    pool = np.array([3, 5, 8, 9])
    items, place = candidate_lists(pool, np.array([5, 9]), 4, np.random.default_rng(0), "pool")
    assert (np.sort(items, axis=1) == pool).all()
    assert items[[0, 1], place].tolist() == [5, 9]


def test_stand_in_vectors_are_alike_where_attributes_are() -> None:
    product = np.repeat(np.arange(3), 4)
    feature = np.array([0, 1, 2, 3, 0, 1, 2, 4, 5, 6, 7, 8])
    vectors = stand_in_vectors(product, feature, 512, 0).astype(float)
    norms = np.linalg.norm(vectors, axis=1)
    cosine = vectors @ vectors.T / np.outer(norms, norms)
    assert cosine[0, 1] == pytest.approx(0.75, abs=0.15)
    assert abs(cosine[0, 2]) < 0.2
    assert norms == pytest.approx(norms[0], rel=0.02)


def test_defaults_are_those_of_make() -> None:
    assert make.__kwdefaults__ == {"progress": None, **DEFAULTS}
