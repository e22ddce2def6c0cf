"""Word vectors made from a corpus itself, where none come with it: PPMI, then a truncated SVD."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from bench.data.csr import Integers

_CHUNK_ROWS = 262_144
_DENSE = 512
"""Below this many words the SVD is a dense one, which also serves when there are hardly more words than dimensions."""


def ppmi_svd_vectors(
    offsets: ArrayLike, words: ArrayLike, vocabulary_size: int, dim: int = 50, seed: int = 0
) -> NDArray[np.float32]:
    """Word vectors from co-occurrence: the truncated SVD of positive pointwise mutual information.

    Two words co-occur once in each context (a query, a caption, an item's words) that holds both. Their positive
    pointwise mutual information, ``max(0, log(n_ij n / (n_i n_j)))``, is factorised, ``M ≈ U S Uᵀ``, and a word's
    vector is its row of ``U √S``: Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", NIPS 2014
    (their symmetric variant, without the shift). Columns get the sign that makes their largest entry positive, and the
    vectors are scaled to a mean norm of 1 and rounded to 4 digits, so that the same input gives the same bytes.

    Args:
        offsets: (n + 1,) CSR offsets of the contexts into ``words``. Give it those of the training split only.
        words: (offsets[-1],) rows of the vocabulary; a word repeated in a context counts once.
        vocabulary_size: V.
        dim: width of the vectors.
        seed: of the vector that the SVD starts from.

    Returns:
        (V, dim) float32. A word that stands together with no other has a vector of zeros; with fewer than ``dim``
        words that do, the last columns are zero.
    """
    vectors = np.zeros((vocabulary_size, dim), dtype=np.float32)
    ppmi, used = _ppmi(_cooccurrence(np.asarray(offsets), np.asarray(words), vocabulary_size))
    rank = min(dim, len(used))
    if rank == 0 or ppmi.nnz == 0:
        return vectors
    left, strength = _svd(ppmi, rank, seed)
    factors = left * np.sqrt(strength)
    top = factors[np.abs(factors).round(6).argmax(axis=0), np.arange(rank)]
    factors *= np.where(top < 0, -1.0, 1.0)
    norms = np.linalg.norm(factors, axis=1)
    factors /= norms[norms > 0].mean()
    vectors[used, :rank] = factors.round(4) + 0.0  # + 0.0 turns -0.0 into 0.0
    return vectors


def _cooccurrence(offsets: Integers, words: Integers, size: int) -> sparse.csr_matrix:
    """(V, V) number of contexts that hold both words; the diagonal is zero."""
    together = sparse.csr_matrix((size, size), dtype=np.float64)
    for start in range(0, len(offsets) - 1, _CHUNK_ROWS):
        ends = offsets[start : start + _CHUNK_ROWS + 1]
        inside = words[ends[0] : ends[-1]]
        holds = sparse.csr_matrix((np.ones(len(inside)), inside, ends - ends[0]), shape=(len(ends) - 1, size))
        holds.sum_duplicates()
        holds.data[:] = 1.0
        together = together + holds.T @ holds
    return (together - sparse.diags(together.diagonal())).tocsr()


def _ppmi(together: sparse.csr_matrix) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """PPMI (n, n) of the n words that co-occur with any other, and their rows in the vocabulary."""
    total = np.asarray(together.sum(axis=1)).ravel()
    used = np.flatnonzero(total)
    pairs = together[used][:, used].tocoo()
    share = total[used]
    value = np.log(pairs.data.clip(min=1e-300) * share.sum() / (share[pairs.row] * share[pairs.col]))
    kept = (pairs.data > 0) & (value > 0)
    shape = (len(used), len(used))
    return sparse.csr_matrix((value[kept], (pairs.row[kept], pairs.col[kept])), shape=shape), used


def _svd(matrix: sparse.csr_matrix, rank: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first ``rank`` left singular vectors (n, rank) and singular values, largest first."""
    if matrix.shape[0] <= max(_DENSE, rank + 1):
        left, strength, _ = np.linalg.svd(matrix.toarray())
        return left[:, :rank], strength[:rank]
    start = np.random.default_rng(seed).standard_normal(matrix.shape[0])
    left, strength, _ = svds(matrix, k=rank, v0=start)
    order = np.argsort(-strength)
    return left[:, order], strength[order]
