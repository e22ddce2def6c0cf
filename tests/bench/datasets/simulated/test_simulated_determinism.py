"""A simulated corpus is a function of its name and options, on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.data.corpus import Corpus
from bench.datasets.simulated import DEFAULTS, make
from bench.datasets.simulated.language import CENTRE_DIM, VISUAL_DIM

SMALL = {"sessions": 400, "downstream": 100}


def _fingerprint(folder: Path, **options: object) -> str:
    make(folder, name="digital", **{**SMALL, **options})
    return Corpus(folder).info.fingerprint


def test_same_seed_same_corpus_and_other_seed_other_corpus(tmp_path: Path) -> None:
    np.random.seed(0)  # the global generator must not matter
    once = _fingerprint(tmp_path / "a")
    np.random.seed(1)
    assert _fingerprint(tmp_path / "b", seed=1, text_signal=DEFAULTS["text_signal"]) == once
    assert _fingerprint(tmp_path / "c", seed=2) != once


def test_progress_is_told_and_changes_nothing(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    make(tmp_path / "a", name="digital", progress=lambda done, total: told.append((done, total)), **SMALL)
    assert told[0] == (0, 400)
    assert told[-1] == (400, 400)
    assert Corpus(tmp_path / "a").info.fingerprint == _fingerprint(tmp_path / "b")


def test_another_processor_gives_the_same_corpus(tmp_path: Path) -> None:
    """BLAS adds in another order on another processor; threads and kernels must not show."""
    code = (
        "import sys; from bench.datasets.simulated import make; from bench.data.corpus import Corpus;"
        f"make(sys.argv[1], name='digital', **{SMALL}); print(Corpus(sys.argv[1]).info.fingerprint)"
    )
    environment = os.environ | {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "2"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == _fingerprint(tmp_path / "b")


def test_word_and_image_models_are_shared_by_all_corpora(tmp_path: Path) -> None:
    """One word2vec model served the paper's three categories: pooled corpora must lie in one space."""
    make(tmp_path / "a", name="digital", **SMALL)
    make(tmp_path / "b", name="beauty", seed=5, **SMALL)
    one, other = Corpus(tmp_path / "a"), Corpus(tmp_path / "b")

    def span(vectors: np.ndarray, rank: int) -> np.ndarray:
        return np.linalg.svd(vectors.astype(np.float64), full_matrices=False)[2][:rank]

    # Images are a signal of few dimensions plus noise; the two signals must span the same directions.
    rank = CENTRE_DIM + VISUAL_DIM
    overlap = np.linalg.svd(span(one.image_vectors, rank) @ span(other.image_vectors, rank).T, compute_uv=False)
    assert np.median(overlap) > 0.9


@pytest.mark.slow
def test_a_hundred_thousand_sessions_in_a_minute(tmp_path: Path) -> None:
    import time

    start = time.process_time()  # of this process and its threads: other work on the machine costs nothing here
    make(tmp_path / "corpus", name="beauty", sessions=100_000)
    assert time.process_time() - start < 60
