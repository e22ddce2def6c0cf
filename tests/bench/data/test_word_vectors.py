"""PPMI–SVD word vectors: words used alike get alike vectors, others zeros, and the same input the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.data.word_vectors import ppmi_svd_vectors


def contexts(*rows: list[int]) -> tuple[NDArray, NDArray]:
    return np.cumsum([0, *(len(row) for row in rows)]), np.array([word for row in rows for word in row], dtype=np.int64)


def test_the_factors_are_those_of_the_ppmi_matrix() -> None:
    offsets, words = contexts([0, 1], [0, 1], [1, 2], [2, 3], [2, 3, 3], [0, 3])
    count = np.zeros((4, 4))
    for a, b, n in ((0, 1, 2), (1, 2, 1), (2, 3, 2), (0, 3, 1)):
        count[a, b] = count[b, a] = n
    total = count.sum(axis=1)
    with np.errstate(divide="ignore"):
        ppmi = np.maximum(np.log(count * count.sum() / np.outer(total, total)), 0)
    left, strength, _ = np.linalg.svd(ppmi)
    expected = (left * strength) @ left.T  # rotation and sign cancel in the Gram matrix
    found = ppmi_svd_vectors(offsets, words, 4, dim=4).astype(float)
    found /= np.sqrt(np.trace(found @ found.T) / np.trace(expected))
    np.testing.assert_allclose(found @ found.T, expected, atol=1e-3)


def test_words_of_one_topic_are_alike() -> None:
    rng = np.random.default_rng(0)
    topic = np.repeat(np.arange(2_000) % 20, 5)
    words = topic * 40 + rng.integers(0, 40, len(topic))
    vectors = ppmi_svd_vectors(np.arange(2_001) * 5, words, 800)
    assert vectors.shape == (800, 50)
    assert vectors.dtype == np.float32
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = (unit @ unit.T).reshape(20, 40, 20, 40).mean(axis=(1, 3))
    assert np.diag(cosine).min() > 0.5
    assert np.abs(cosine - np.diag(np.diag(cosine))).max() < 0.1
    assert np.linalg.norm(vectors, axis=1).mean() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("size", [300, 700])  # one on each side of the dense SVD
def test_the_same_input_gives_the_same_bytes(size: int) -> None:
    rng = np.random.default_rng(1)
    words = rng.zipf(1.3, 20_000).clip(max=size) - 1
    first, second = (ppmi_svd_vectors(np.arange(0, 20_001, 4), words, size, seed=3) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_chunks_of_contexts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    offsets, words = np.arange(0, 3_001, 3), rng.integers(0, 60, 3_000)
    whole = ppmi_svd_vectors(offsets, words, 60)
    monkeypatch.setattr("bench.data.word_vectors._CHUNK_ROWS", 7)
    np.testing.assert_array_equal(ppmi_svd_vectors(offsets, words, 60), whole)


def test_words_without_company_are_zeros_and_few_words_leave_columns_empty() -> None:
    vectors = ppmi_svd_vectors(*contexts([0], [2, 2], [1, 3], []), 5)
    assert np.flatnonzero(np.abs(vectors).sum(axis=1)).tolist() == [1, 3]
    assert not vectors[:, 2:].any()
    assert not ppmi_svd_vectors(*contexts(), 3).any()
    assert ppmi_svd_vectors(*contexts([], []), 0).shape == (0, 50)
