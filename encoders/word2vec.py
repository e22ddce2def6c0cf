"""Text features of Table 4, first row: word2vec vectors of a session's words, pooled, beside its pooled images."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges, offsets_of
from bench.data.features import Dims, segment_mean
from bench.errors import BenchError
from bench.plugins.options import read_options
from bench.training.context import TrainingContext
from encoders.options import Word2VecOptions
from encoders.word_tables import resize, shaped_by_weights

_CHUNK = 65_536  # sessions


class Word2VecFeatures(SessionEncoder):
    """Mean word2vec vector of all query words beside the mean image vector (KDD 2022, section 4.6).

    The paper's vectors are its input word vectors, extracted by a word2vec model: so are ours by default. A corpus that
    came without vectors can have them trained here: skip-gram with negative sampling, a session's words in order being
    one sentence (Mikolov et al., NIPS 2013; gensim).

    Args:
        dims: widths of word and image vectors; trained vectors are ``dims.words`` wide too.
        given: see :class:`encoders.options.Word2VecOptions`.
    """

    vectors: Tensor

    def __init__(self, dims: Dims, **given: Any) -> None:
        super().__init__(dims)
        self.options = read_options(Word2VecOptions, given, "word2vec")
        self.output_dim = dims.words + dims.images
        self.register_buffer("vectors", torch.empty(0, dims.words))  # (V, dims.words) once trained
        shaped_by_weights(self, "vectors")

    def forward(self, batch: SessionBatch) -> Tensor:
        """(B, dims.words + dims.images), each part zero where there are no words, or no images."""
        return torch.cat([self._mean_text(batch), batch.mean_images()], dim=1)

    def _mean_text(self, batch: SessionBatch) -> Tensor:
        if not len(self.vectors):
            return batch.mean_text()
        owner = batch.step_session[batch.word_step]
        return segment_mean(self.vectors[batch.words], owner, len(batch))

    def pretrain(self, context: TrainingContext) -> None:
        """Trains the vectors, if they are to be trained."""
        if self.options.vectors == "corpus" and bool(context.features.word_vectors.any()):
            return
        trained = trained_vectors(
            context.corpus,
            context.training_sessions(),
            self.dims.words,
            self.options.window,
            self.options.epochs,
            int(context.generator("word2vec").integers(2**31)),
        )
        resize(self, "vectors", trained.shape)
        self.vectors.copy_(torch.from_numpy(trained))


def trained_vectors(
    corpus: Corpus, sessions: NDArray[np.int64], width: int, window: int, epochs: int, seed: int
) -> NDArray[np.float32]:
    """Skip-gram vectors from the query words of sessions.

    Returns:
        (V, width) float32, zero for a word that these sessions do not hold.

    Raises:
        BenchError: gensim is not installed, or the sessions hold no words.
    """
    word2vec = _gensim()
    words = corpus.columns.query_words
    starts, ends = (
        corpus.columns.query_word_offsets[corpus.columns.session_queries[rows]] for rows in (sessions, sessions + 1)
    )
    not_empty = ends > starts
    vectors = np.zeros((len(corpus.word_vectors), width), dtype=np.float32)
    counts = np.zeros(len(vectors), dtype=np.int64)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentences.txt"  # gensim reads a file in compiled code, lists one by one in Python
        with file.open("wb") as stream:
            for start in range(0, int(not_empty.sum()), _CHUNK):
                begin, end = (bounds[not_empty][start : start + _CHUNK] for bounds in (starts, ends))
                index, _ = expand_ranges(begin, end)
                counts += np.bincount(words[index], minlength=len(counts))
                stream.write(_lines(words[index], end - begin))
        if not counts.any():
            raise BenchError("no words to train word vectors on", where=str(corpus.folder))
        model = word2vec(vector_size=width, window=window, sg=1, min_count=1, workers=1, seed=seed, epochs=epochs)
        held = np.flatnonzero(counts)
        model.build_vocab_from_freq(dict(zip(map(str, held.tolist()), counts[held].tolist(), strict=True)))
        model.train(
            corpus_file=str(file), total_words=int(counts.sum()), total_examples=int(not_empty.sum()), epochs=epochs
        )
    vectors[np.array(model.wv.index_to_key, dtype=np.int64)] = model.wv.vectors
    return vectors


def _lines(words: Integers, lengths: Integers) -> bytes:
    """One line a session, its words as numbers with spaces between."""
    numbers = pa.array(words).cast(pa.string())
    lines = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets_of(lengths), pa.int32()), numbers), " ")
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines), "\n")[0]
    return text.as_py().encode() + b"\n"


def _gensim() -> Any:
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise BenchError(
            "training word vectors needs gensim", where="word2vec", fix='pip install "session-bench[text]"'
        ) from None
    return Word2Vec
