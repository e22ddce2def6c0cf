"""BM25: the query's words against the titles of items.

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
    r"""With :math:`f_w` the occurrences of w in a title of l words, :math:`\bar l` on average, in Lucene's form,

    .. math::
        s = \sum_{w \in q} \ln\!\left(1 + \frac{N - n_w + \frac12}{n_w + \frac12}\right)
            \frac{f_w}{f_w + k_1 (1 - b + b\, l / \bar l)}

    over the words of the current query, each as often as it is there. Statistics are those of the whole catalogue, in
    which no click has a part. A query without words, as an image query may be, ranks nothing: all candidates tie.

    Args:
        dims: widths of vectors, not needed here.
        given: see :class:`baselines.options.Bm25Options`.
    """

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(Bm25Options, given, "bm25")
        self.k1, self.b = options.k1, options.b
        self._weights = self._words = csr_matrix((0, 0), dtype=np.float32)

    def prepare(self, data: ClickCorpus) -> None:
        """Weighs every word of every title (items × words, sparse), and lays out the queries' words beside it."""
        columns, vocabulary = data.corpus.columns, len(data.corpus.word_vectors)
        self._weights = title_weights(columns.item_word_offsets, columns.item_words, vocabulary, self.k1, self.b)
        ones = np.ones(len(columns.query_words), dtype=np.float32)
        shape = (len(columns.query_session), vocabulary)
        self._words = csr_matrix((ones, columns.query_words, columns.query_word_offsets), shape=shape)

    def scores(self, batch: ClickBatch) -> Tensor:
        """(B, K) sums of the weights of the query's words."""
        shown = batch.shown.cpu().numpy()
        place, _ = np.nonzero(shown)
        asked = self._words[batch.queries.cpu().numpy()]  # (B, V)
        asked.sum_duplicates()
        titles = self._weights[batch.items.cpu().numpy()[shown]]  # (P, V) of the P candidates
        found = np.zeros(shown.shape, dtype=np.float32)
        found[shown] = np.asarray(titles.multiply(asked[place]).sum(1), dtype=np.float32).reshape(-1)
        return torch.from_numpy(found).to(batch.items.device)


def title_weights(offsets: np.ndarray, words: np.ndarray, vocabulary: int, k1: float, b: float) -> csr_matrix:
    """(items, vocabulary) BM25 weight of each word in each title, rows sorted by word.

    Args:
        offsets: (N + 1,) CSR offsets of the titles into ``words``.
        words: their words, rows of the vocabulary.
        vocabulary: V.
        k1, b: see :class:`Bm25`.
    """
    if not len(words):
        return csr_matrix((len(offsets) - 1, vocabulary), dtype=np.float32)
    from bm25s import BM25

    titles = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(words, pa.int64())).to_pylist()
    index = BM25(k1=k1, b=b, method="lucene", backend="numpy")
    index.index((titles, dict(zip(map(str, range(vocabulary)), range(vocabulary), strict=True))), show_progress=False)
    made = index.scores
    weights = csc_matrix((made["data"], made["indices"], made["indptr"]), shape=(len(titles), vocabulary)).tocsr()
    weights.sort_indices()
    return weights
