"""BM25: items ranked by the words that the query shares with their titles.

Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", FnTIR 2009
(https://doi.org/10.1561/1500000019). Weights by bm25s (Lù, 2024, https://github.com/xhluca/bm25s, MIT licence).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from scipy.sparse import csc_matrix, csr_matrix
from torch import Tensor

from baselines.options import Bm25Options
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
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
        self._title_weights = self._query_words = csr_matrix((0, 0), dtype=np.float32)

    def prepare(self, data: ClickCorpus) -> None:
        """Computes the weight of every word in every title (items, V), and the word counts of every query (queries, V).

        Both are sparse.
        """
        columns, vocabulary = data.corpus.columns, len(data.corpus.word_vectors)
        self._title_weights = title_weights(columns.item_word_offsets, columns.item_words, vocabulary, self.k1, self.b)
        ones = np.ones(len(columns.query_words), dtype=np.float32)
        shape = (len(columns.query_session), vocabulary)
        self._query_words = csr_matrix((ones, columns.query_words, columns.query_word_offsets), shape=shape)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) BM25 scores of the candidates; 0 where a list is padded."""
        shown = batch.shown.cpu().numpy()  # (B, K)
        row, _ = np.nonzero(shown)  # (P,) query of each of the P candidates
        words = self._query_words[batch.queries.cpu().numpy()]  # (B, V)
        words.sum_duplicates()
        titles = self._title_weights[batch.items.cpu().numpy()[shown]]  # (P, V)
        scores = np.zeros(shown.shape, dtype=np.float32)  # (B, K)
        scores[shown] = np.asarray(titles.multiply(words[row]).sum(1), dtype=np.float32).reshape(-1)
        return torch.from_numpy(scores).to(batch.items.device)


def title_weights(offsets: np.ndarray, words: np.ndarray, vocabulary: int, k1: float, b: float) -> csr_matrix:
    """(N, V) sparse BM25 weights of words in titles, each row sorted by word.

    Args:
        offsets: (N + 1,) CSR offsets of the titles into ``words``.
        words: (W,) their words, rows of the vocabulary.
        vocabulary: V.
        k1, b: see :class:`Bm25`.
    """
    if not len(words):
        return csr_matrix((len(offsets) - 1, vocabulary), dtype=np.float32)
    from bm25s import BM25

    titles = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(words, pa.int64())).to_pylist()
    index = BM25(k1=k1, b=b, method="lucene", backend="numpy")
    index.index((titles, dict(zip(map(str, range(vocabulary)), range(vocabulary), strict=True))), show_progress=False)
    by_word = index.scores  # CSC: words are its columns
    shape = (len(titles), vocabulary)
    weights = csc_matrix((by_word["data"], by_word["indices"], by_word["indptr"]), shape=shape).tocsr()
    weights.sort_indices()
    return weights
