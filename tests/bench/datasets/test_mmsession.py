"""The authors' pretraining files (``session.csv`` and so on) are read as their readme describes them, and nothing is
lost in silence: every row that cannot be used is counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from released_files import MMSESSION as FILES
from released_files import MMSESSION_OTHER as OTHER

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.mmsession import DEFAULTS, make
from bench.datasets.mmsession.files import find_tables
from bench.errors import BenchError

Make = Callable[..., tuple[Corpus, dict[str, Any]]]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Writes the files, with changes, as a category's folder, and makes the corpus."""

    def run(changes: dict[str, str | bytes | None] | None = None, **options: Any) -> tuple[Corpus, dict[str, Any]]:
        source = tmp_path / "beauty"
        source.mkdir(exist_ok=True)
        for name, text in {**FILES, **(changes or {})}.items():
            if text is not None:
                (source / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        report = make(tmp_path / "corpus", name="mmsession", source=source, **{"valid_share": 0.0, **options})
        return Corpus(tmp_path / "corpus"), report

    return run


def table(corpus: Corpus, name: str) -> dict[str, list[Any]]:
    return pq.read_table(corpus.folder / f"{name}.parquet").to_pydict()


def test_sessions_steps_words_and_images_are_those_of_the_files(made: Make) -> None:
    corpus, _ = made()
    assert (corpus.info.name, corpus.info.origin) == ("mmsession-beauty", "released")
    sessions, queries = table(corpus, "sessions"), table(corpus, "queries")
    assert sessions["session_id"] == ["u_1", "2", "s3"]
    assert sessions["split"] == ["train", "test", "train"]
    assert sessions["downstream"] == [False] * 3
    assert sessions["user"] == sessions["start"] == [None] * 3
    # purely numeric ids are ids like others; a query that comes again is a step of its own
    assert queries["query_id"] == ["q1", "101", "q3", "102", "q1#2", "q4"]
    assert queries["session"] == [0, 0, 0, 1, 1, 2]
    assert queries["position"] == [0, 1, 2, 0, 1, 0]
    assert queries["kind"] == ["keyword", "product", "product", "product", "keyword", "product"]
    words = np.array(table(corpus, "vocabulary")["word"])
    assert [list(words[step]) for step in queries["words"]] == [["0", "2"], ["1"], [], ["2"], ["0", "2"], ["1"]]
    assert queries["image"] == [None, 0, None, 0, None, 1], "the same image is one row"
    assert corpus.image_vectors.dtype == np.int8
    np.testing.assert_array_equal(corpus.image_vectors[0], np.arange(512) % 256 - 128)
    np.testing.assert_allclose(corpus.word_vectors, [[0.5, -1, 0.25], [0.1, 0.2, 0.3], [0.001, 0, 4]], rtol=1e-6)
    assert problems(corpus.folder) == []


def test_clicks_stand_at_the_last_step_of_their_session(made: Make) -> None:
    corpus, report = made()
    items = np.array(table(corpus, "items")["item_id"])
    shown = table(corpus, "impressions")
    assert list(zip(shown["query"], items[shown["item"]], shown["rank"], shown["clicked"], strict=True)) == [
        (2, "i9", 1, True),
        (2, "77", 2, True),
        (4, "77", 1, True),
    ]
    assert report["session_clicks_on_the_last_step"] == 3
    assert report["session_clicks_of_unknown_sessions"] == 1


def test_everything_odd_is_counted_and_the_report_is_in_the_corpus(made: Make) -> None:
    corpus, report = made()
    expected = {
        "steps_of_unknown_queries": 1,  # "gone"
        "sessions_without_known_query": 1,  # s4
        "sessions_with_one_query": 1,  # s3
        "queries_without_words": 1,
        "queries_with_unreadable_words": 0,
        "product_queries_without_image": 1,
        "queries_in_no_session": 1,  # q5
        "steps_of_repeated_query_ids": 1,
        "word_ids_unknown": 2,  # 9, twice
        "words_not_at_the_place_of_their_id": 2,
        "images_unreadable": 0,
        "query2_unknown_query_types": {"mystery": 1},
    }
    assert {key: report[key] for key in expected} == expected
    assert corpus.info.source["report"] == report


@pytest.mark.parametrize("image", ["1,2,x", "0.5," + OTHER[2:], "300," + OTHER[2:], ",".join([""] * 512)])
def test_an_image_that_is_no_int8_vector_is_missing_and_counted(made: Make, image: str) -> None:
    corpus, report = made({"query2.csv": FILES["query2.csv"].replace(OTHER, image)})
    assert report["images_unreadable"] == 1
    assert table(corpus, "queries")["image"][-1] is None
    assert corpus.image_vectors.shape == (1, 512)


def test_a_row_that_is_there_twice_word_for_word_is_kept_once(made: Make) -> None:
    again = FILES["query2.csv"] + "q1\t[0, 2]\tkeyword_query\t\n"
    corpus, report = made({"query2.csv": again})
    assert report["query2_rows_repeated"] == 1
    assert corpus.info.counts["queries"] == 6


def test_the_validation_part_comes_from_train_and_depends_on_the_seed_alone(made: Make, tmp_path: Path) -> None:
    rows = "".join(f"{n}\tq1,101\t{'test' if n % 5 == 0 else 'train'}\n" for n in range(500))
    files = {"session.csv": "session_id\tquery_id\tsplit\n" + rows}
    found = []
    for seed in (0, 0, 1):
        corpus, _ = made(files, valid_share=0.1, seed=seed)
        split = np.array(table(corpus, "sessions")["split"])
        assert (split == "valid").sum() == 40
        assert set(np.flatnonzero(split == "test")) == set(range(0, 500, 5))
        found.append((corpus.info.fingerprint, tuple(split)))
        corpus.folder.rename(tmp_path / f"corpus{len(found)}")
    assert found[0] == found[1] != found[2]


def test_chunks_join_seamlessly(made: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, _ = made()
    whole.folder.rename(tmp_path / "whole")
    monkeypatch.setattr("bench.datasets.mmsession.writing.CHUNK_SESSIONS", 1)
    assert made()[0].info.fingerprint == whole.info.fingerprint


def test_files_are_known_by_their_header_and_may_be_comma_separated(made: Make, tmp_path: Path) -> None:
    plain, _ = made()
    plain.folder.rename(tmp_path / "plain")
    (tmp_path / "beauty" / "word.csv").unlink()
    words = 'word_id,embedding\n0,"[0.5, -1.0, 0.25]"\n2,"0.1,0.2,0.3"\n1,"(1e-3, 0, 4)"\n'
    corpus, report = made({"word.csv": None, "part-0000.txt": words, "notes.txt": "read me\n"})
    assert corpus.info.fingerprint == plain.info.fingerprint
    assert report["files_ignored"] == ["notes.txt"]


def test_a_shared_word_file_beside_the_categories_is_found(made: Make, tmp_path: Path) -> None:
    (tmp_path / "word.csv").write_text(FILES["word.csv"])
    corpus, _ = made({"word.csv": None})
    assert corpus.info.counts["vocabulary"] == 3


def test_the_category_is_looked_for_below_and_never_mistaken(tmp_path: Path) -> None:
    for category in ("clothes", "beauty"):
        (tmp_path / "graph_pretrain" / category).mkdir(parents=True)
        for name, text in FILES.items():
            (tmp_path / "graph_pretrain" / category / name).write_text(text)
    tables, _ = find_tables(tmp_path, "clothes")
    assert {table.path.parent.name for table in tables.values()} == {"clothes"}
    with pytest.raises(BenchError, match="no digital here, but beauty, clothes"):
        find_tables(tmp_path, "digital")
    with pytest.raises(BenchError, match="no category 'shoes'"):
        find_tables(tmp_path, "shoes")


def hostile() -> list[Any]:
    query2, word, session = FILES["query2.csv"], FILES["word.csv"], FILES["session.csv"]
    cases: dict[str, tuple[dict[str, str | bytes | None], str]] = {
        "missing column": (
            {"query2.csv": query2.replace("image_emb", "picture")},
            "query2.csv, line 1: column image_emb",
        ),
        "missing file": ({"query2.csv": None}, "query2 is missing beside session"),
        "truncated in a row": ({"query2.csv": query2 + "q6\t[0"}, "query2.csv, line 8: 2 columns instead of 4"),
        "truncated in a vector": (
            {"query2.csv": query2.replace(OTHER, OTHER[:-4])},
            "row 5: a vector of width 510 where 1 have width 512",
        ),
        "truncated in a split": ({"session.csv": session[:-3]}, "session.csv, row 4: unknown split 'tra'"),
        "open quote": ({"query2.csv": query2 + 'q6\t"[0]\tkeyword_query\t\n'}, "query2.csv, line 8"),
        "empty file": ({"word.csv": ""}, "word.csv: the file is empty"),
        "header only": ({"session.csv": "session_id\tquery_id\tsplit\n"}, "session.csv: holds no rows"),
        "ragged words": ({"word.csv": word + "3\t[1, 2]\n"}, "word.csv, row 4: a vector of width 2"),
        "word vector of text": ({"word.csv": word + "3\t[1, x, 2]\n"}, "word.csv, row 4: embedding is not a list"),
        "word vector of nan": ({"word.csv": word + "3\t[1, nan, 2]\n"}, "word.csv, row 4: embedding is not a list"),
        "code for a vector": ({"word.csv": word + "3\t__import__('os')\n"}, "word.csv, row 4: embedding is not a list"),
        "not UTF-8": ({"session.csv": session.encode() + b"\xff\xfe\tq1\ttrain\n"}, "session.csv, line 6: not UTF-8"),
        "header not UTF-8": ({"session.csv": b"\xff\xfes\x00"}, "session.csv, line 1: the header is not UTF-8"),
        "duplicate query": (
            {"query2.csv": query2 + "q1\t[1]\tkeyword_query\t\n"},
            "query2.csv, row 7: query_id q1 is there again with other contents",
        ),
        "duplicate session": ({"session.csv": session + "2\tq1\ttrain\n"}, "session_id 2 is there again"),
        "duplicate word": ({"word.csv": word + "00\t[1, 2, 3]\n"}, "word.csv, row 4: word 0 is there again"),
        "nameless query": ({"query2.csv": query2 + "\t[1]\tkeyword_query\t\n"}, "query2.csv, row 7: query_id is empty"),
        "no queries in common": (
            {"session.csv": "session_id\tquery_id\tsplit\n1\tx\ttrain\n"},
            "no session has a query that is in the files",
        ),
        "no clicks in common": ({"session_click.csv": "session_id\titem_id\nx\ty\n"}, "no item was shown or clicked"),
    }
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize(("changes", "message"), hostile())
def test_a_broken_file_is_one_clear_line_and_leaves_nothing(
    made: Make, tmp_path: Path, changes: dict[str, str | bytes | None], message: str
) -> None:
    with pytest.raises(BenchError) as caught:
        made(changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["beauty"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("memory", "lots", "memory: 'lots' is not a size"),
        ("memory", "1MB", "memory: 1MB is too little"),
        ("valid_share", 1.5, "valid_share: 1.5 is not a share"),
        ("category", "shoes", "category: no category 'shoes'"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(made: Make, option: str, value: Any, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        made(**{option: value})


def test_an_address_is_refused_and_a_corpus_is_not_overwritten(made: Make, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no direct address"):
        make(tmp_path / "corpus", name="mmsession", source="https://example.org/s")
    made()
    with pytest.raises(BenchError, match="is there already"):
        made()


def test_defaults_are_those_of_make() -> None:
    assert make.__kwdefaults__ == {"progress": None, **DEFAULTS}


def test_importing_the_package_is_light() -> None:
    heavy = "{'numpy', 'duckdb', 'pyarrow', 'pandas'}"
    code = f"import sys, bench.datasets.plugin; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
