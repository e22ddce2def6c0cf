"""BM25: items ranked by the words that the query shares with their titles.

Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", FnTIR 2009
(https://doi.org/10.1561/1500000019). Weights are to the bit those of bm25s (Lù, 2024,
https://github.com/xhluca/bm25s), which walks over titles one by one.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from baselines.options import Bm25Options
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.columns import Columns
from bench.data.csr import Integers, offsets_of, take_rows
from bench.plugins.options import read_options


class Bm25(ClickReference):
    r"""BM25 in Lucene's form: with :math:`f_w` occurrences of word w in a title of l words, :math:`\bar l` on average,

    .. math::
        s = \sum_{w \in q} \ln\!\left(1 + \frac{N - n_w + \frac12}{n_w + \frac12}\right)
            \frac{f_w}{f_w + k_1 (1 - b + b\, l / \bar l)}

    The sum is over the words of the current query, repeated ones included. Document frequencies :math:`n_w` are those
    of the whole catalogue of N items, which no click decides. For a query without words, as an image query may be, all
    candidates tie.

    Args:
        dims: not used.
        given: see :class:`baselines.options.Bm25Options`.
    """

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(Bm25Options, given, "bm25")
        self.k1, self.b = options.k1, options.b
        self._title_weights = csr_matrix((0, 0), dtype=np.float32)
        self._columns: Columns | None = None

    def prepare(self, data: ClickCorpus) -> None:
        """Computes the weight of every word in every title, sparse (items, V)."""
        columns, vocabulary = data.corpus.columns, len(data.corpus.word_vectors)
        self._title_weights = title_weights(columns.item_word_offsets, columns.item_words, vocabulary, self.k1, self.b)
        self._columns = columns

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) BM25 scores of the candidates; 0 where a list is padded."""
        shown = batch.shown.cpu().numpy()  # (B, K)
        row, _ = np.nonzero(shown)  # (P,) query of each of the P candidates
        words = self._words_of(batch.queries.cpu().numpy())  # (B, V)
        titles = self._title_weights[batch.items.cpu().numpy()[shown]]  # (P, V)
        scores = np.zeros(shown.shape, dtype=np.float32)  # (B, K)
        scores[shown] = np.asarray(titles.multiply(words[row]).sum(1), dtype=np.float32).reshape(-1)
        return torch.from_numpy(scores).to(batch.items.device)

    def _words_of(self, queries: NDArray[np.int64]) -> csr_matrix:
        """(B, V) how often each word occurs in each of these queries (B,), sparse."""
        assert self._columns is not None
        words, owner = take_rows(self._columns.query_word_offsets, self._columns.query_words, queries)
        offsets = offsets_of(np.bincount(owner, minlength=len(queries)))
        counts = csr_matrix(
            (np.ones(len(words), np.float32), words, offsets), shape=(len(queries), self._title_weights.shape[1])
        )
        counts.sum_duplicates()
        return counts


def title_weights(offsets: Integers, words: Integers, vocabulary: int, k1: float, b: float) -> csr_matrix:
    """(N, V) sparse BM25 weights of words in titles, float32, each row sorted by word.

    Args:
        offsets: (N + 1,) CSR offsets of the titles into ``words``.
        words: (W,) their words, rows of the vocabulary.
        vocabulary: V.
        k1, b: see :class:`Bm25`.
    """
    titles, shape = len(offsets) - 1, (len(offsets) - 1, vocabulary)
    if not len(words):
        return csr_matrix(shape, dtype=np.float32)
    # copies, since what follows is done in place
    weights = csr_matrix((np.ones(len(words), np.float32), np.array(words), np.array(offsets)), shape=shape)
    weights.sum_duplicates()  # f_w
    with_word = np.bincount(weights.indices, minlength=vocabulary)  # (V,) n_w
    counts, place = np.unique(with_word, return_inverse=True)
    logarithms = np.array([log(1 + (titles - n + 0.5) / (n + 0.5)) for n in counts.tolist()], dtype=np.float32)
    rarity = logarithms[place.reshape(-1)]  # (V,)
    lengths, mean = np.diff(offsets), np.diff(offsets).mean()
    for start in range(0, titles, _TITLES):
        end = min(start + _TITLES, titles)
        cells = slice(weights.indptr[start], weights.indptr[end])
        owner = np.repeat(np.arange(start, end), np.diff(weights.indptr[start : end + 1]))
        occurrences = weights.data[cells].astype(np.float64)
        saturated = occurrences / (k1 * ((1 - b) + b * lengths[owner] / mean) + occurrences)
        weights.data[cells] = rarity[weights.indices[cells]] * saturated
    return weights


_TITLES = 1 << 16  # weighted at a time
