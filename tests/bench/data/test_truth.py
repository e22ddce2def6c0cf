"""What a simulated corpus knows of its shoppers is for references: no model can open it, whichever way it tries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_corpora import random_corpus

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.truth import read_truth, sealed, unsealed
from bench.datasets.simulated import make
from bench.errors import BenchError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("truth") / "digital"
    make(folder, name="digital", sessions=200, downstream=100)
    return Corpus(folder)


def test_there_is_a_row_for_each_item_query_and_impression(corpus: Corpus) -> None:
    truth, counts = read_truth(corpus), corpus.info.counts
    assert truth.items.shape == (counts["items"], 12)
    assert truth.intents.shape == (counts["queries"], 12)
    assert truth.utilities.shape == (counts["impressions"],)
    assert truth.text_dim == 6


def test_clicked_items_have_the_higher_utilities(corpus: Corpus) -> None:
    """Rows belong together: a shift by one row would leave nothing of this."""
    columns, utilities = corpus.columns, read_truth(corpus).utilities
    down = columns.session_downstream[columns.query_session]
    shown = np.repeat(down, np.diff(columns.query_impressions))
    clicked = columns.impression_clicked
    assert utilities[shown & clicked].mean() > utilities[shown & ~clicked].mean() + utilities[shown].std()


OPENINGS: dict[str, Callable[[Path], Any]] = {
    "open": lambda file: file.open("rb"),
    "numpy": np.load,
    "mapped": lambda file: np.load(file, mmap_mode="r"),
    "descriptor": lambda file: os.open(file, os.O_RDONLY),
    "bytes": lambda file: open(os.fsencode(file), "rb"),  # noqa: SIM115
    "from the side": lambda file: (file.parent.parent / "derived" / ".." / "truth" / file.name).open("rb"),
    "link": lambda file: _linked(file).open("rb"),
}


def _linked(file: Path) -> Path:
    link = file.parents[2] / "harmless"
    link.unlink(missing_ok=True)
    link.symlink_to(file)
    return link


@pytest.mark.parametrize("way", OPENINGS)
def test_no_way_leads_to_it_while_it_is_sealed(corpus: Corpus, way: str) -> None:
    file = corpus.folder / "truth" / "intents.npy"
    (corpus.folder / "derived").mkdir(exist_ok=True)
    with sealed(), pytest.raises(BenchError, match="for references only"):
        OPENINGS[way](file)
    OPENINGS[way](file)  # the way is one, unsealed


def test_asking_nicely_is_no_way_either_but_for_a_reference(corpus: Corpus) -> None:
    with sealed():
        with pytest.raises(BenchError, match="for references only"):
            read_truth(corpus)
        with unsealed():
            read_truth(corpus)
        with pytest.raises(BenchError, match="for references only"):
            read_truth(corpus)


def test_the_rest_of_a_corpus_stays_open(corpus: Corpus) -> None:
    with sealed():
        fresh = Corpus(corpus.folder)
        assert len(fresh.word_vectors)
        assert len(fresh.strings("sessions", "session_id")) == 200


def test_a_corpus_that_is_not_simulated_has_none(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="has no known truth"):
        read_truth(random_corpus(tmp_path / "corpus", 20))


def test_a_changed_truth_is_noticed(tmp_path: Path) -> None:
    make(tmp_path / "digital", name="digital", sessions=200, downstream=100)
    file = tmp_path / "digital" / "truth" / "utilities.npy"
    damaged = bytearray(file.read_bytes())
    damaged[-3] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(BenchError, match=r"utilities\.npy: not as it was written"):
        read_truth(Corpus(tmp_path / "digital"))
    (found,) = problems(tmp_path / "digital")
    assert found.file == "truth/utilities.npy"
