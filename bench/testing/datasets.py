"""What every dataset must hold to, as tests to inherit::

    class TestMine(DatasetConformance):
        name = "mine"
        options = {"sessions": 200}   # small, so that it is made in a second

A dataset that is made from files says where some are: ``source = "tests/files"``.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.schema import SPLITS
from bench.errors import BenchError
from bench.plugins.specs import DatasetSpec
from bench.progress import Progress, silent
from bench.testing.components import ComponentConformance


class DatasetConformance(ComponentConformance):
    """Tests of one dataset; see :mod:`bench.testing.datasets`.

    Attributes:
        source: of a fetched dataset: a file or folder that it is made from.
    """

    kind = "dataset"
    given = frozenset({"folder", "name", "progress", "source"})
    source: ClassVar[str | Path | None] = None

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def make(self, folder: Path, progress: Progress = silent, **options: Any) -> Corpus:
        """The corpus, made into ``folder``."""
        given = {} if self.source is None else {"source": Path(self.source)}
        made = self.target()(folder, name=self.label, progress=progress, **{**self.settings(), **given, **options})
        del made  # a report, of some; the corpus is what counts
        return Corpus(folder)

    @property
    def label(self) -> str:
        """The name that the corpus is given."""
        return self.name or "mine"

    @pytest.fixture
    def corpus(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """The corpus with the declared defaults and ``options``. Made once a class."""
        folder = tmp_path_factory.getbasetemp() / f"conformance-dataset-{type(self).__name__}" / "corpus"
        return Corpus(folder) if folder.exists() else self.make(folder)

    # ---- what it says of itself ------------------------------------------------------------------------------------

    def test_a_fetched_one_says_where_its_files_are(self) -> None:
        spec = self.spec
        assert isinstance(spec, DatasetSpec)
        assert spec.fetched == ("source" in inspect.signature(self.target()).parameters)
        assert not spec.fetched or spec.where.strip()

    def test_the_corpus_says_what_it_is(self, corpus: Corpus) -> None:
        info = corpus.info
        assert info.name.startswith(self.label), "tables print this name"
        assert info.origin in ("simulated", "released", "real", "log")
        assert info.licence.strip(), "`unknown` where none is stated"
        assert all(len(line.splitlines()) == 1 for line in info.caveats), "a caveat is one line"

    # ---- contents --------------------------------------------------------------------------------------------------

    def test_it_is_a_valid_corpus(self, corpus: Corpus) -> None:
        found = problems(corpus.folder)
        assert not found, "\n".join(str(problem.error(corpus.folder.name)) for problem in found)

    def test_it_can_be_measured_on(self, corpus: Corpus) -> None:
        """Sessions to train on and to test with; no session without a step."""
        columns = corpus.columns
        there = np.bincount(columns.session_split, minlength=len(SPLITS))
        assert there[SPLITS.index("train")], "no training session"
        assert there[SPLITS.index("test")], "no test session"
        assert (np.diff(columns.session_queries) > 0).all(), "a session without a step"

    def test_nothing_stands_beside_it(self, tmp_path: Path) -> None:
        """No half-written folder stays, and no file of its own."""
        self.make(tmp_path / "corpus")
        assert [path.name for path in tmp_path.iterdir()] == ["corpus"]

    # ---- options ---------------------------------------------------------------------------------------------------

    def test_the_same_options_are_the_same_corpus(self, corpus: Corpus, tmp_path: Path) -> None:
        """Whatever has been drawn from the global generators before."""
        np.random.seed(1)
        assert self.make(tmp_path / "again").info.fingerprint == corpus.info.fingerprint

    def test_another_seed_is_another_corpus(self, corpus: Corpus, tmp_path: Path) -> None:
        """Of five other seeds, one at least: a small corpus may come out the same by chance."""
        seed = self.settings().get("seed")
        if seed is None:
            pytest.skip("has no option called seed")
        for step in range(1, 6):
            if self.make(tmp_path / f"other{step}", seed=seed + step).info.fingerprint != corpus.info.fingerprint:
                return
        pytest.fail("five other seeds give the same corpus")

    def test_an_option_that_it_does_not_have_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises((TypeError, BenchError)):
            self.make(tmp_path / "corpus", no_such_option=1)
        assert not list(tmp_path.iterdir())

    def test_progress_ends_where_it_said_it_would(self, tmp_path: Path) -> None:
        """``(done, total)``, if it says anything."""
        told: list[tuple[int, int]] = []
        self.make(tmp_path / "corpus", progress=lambda done, total: told.append((done, total)))
        assert all(0 <= done <= total for done, total in told)
        assert not told or told[-1][0] == told[-1][1]
