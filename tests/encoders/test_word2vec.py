"""word2vec features: the corpus's vectors are pooled as they are; trained ones put words that stand together nearer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from planted_words import grouped_corpus
from safetensors.torch import load_file, save_file

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.errors import BenchError
from bench.training.context import TrainingContext
from encoders.word2vec import Word2VecFeatures, trained_vectors

GROUPS, SIZE = 6, 4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return grouped_corpus(tmp_path_factory.mktemp("grouped") / "corpus", groups=GROUPS, size=SIZE)


def pretrained(corpus: Corpus, seed: int = 0, **options: object) -> Word2VecFeatures:
    context = TrainingContext(corpus, seed)
    encoder = Word2VecFeatures(context.features.dims, **options).eval()  # type: ignore[arg-type]
    encoder.pretrain(context)
    return encoder


def whole(corpus: Corpus) -> SessionBatch:
    return SessionBatch.from_sessions(corpus, np.arange(50), Features.of(corpus))


def means_of(batch: SessionBatch) -> torch.Tensor:
    return torch.cat([batch.mean_text(), batch.mean_images()], dim=1)


def test_the_vectors_of_the_corpus_are_pooled_as_they_are(corpus: Corpus) -> None:
    encoder = pretrained(corpus)
    torch.testing.assert_close(encoder(whole(corpus)), means_of(whole(corpus)), atol=0, rtol=0)
    assert encoder.state_dict()["vectors"].shape == (0, 8)


def test_words_that_stand_together_are_nearer(corpus: Corpus) -> None:
    vectors = pretrained(corpus, vectors="train", epochs=20).vectors.numpy()
    assert vectors.shape == (GROUPS * SIZE + 1, 8)
    assert not vectors[-1].any(), "a word that nobody says"
    unit = vectors[:-1] / np.linalg.norm(vectors[:-1], axis=1, keepdims=True)
    group = np.arange(GROUPS * SIZE) // SIZE
    nearest = (unit @ unit.T - 2 * np.eye(len(unit))).argmax(1)
    assert (group[nearest] == group).mean() > 0.9


def test_only_training_sessions_are_read(corpus: Corpus) -> None:
    rows = np.array([0, 5])
    vectors = trained_vectors(corpus, rows, 8, 5, 1, 0)
    said = np.unique(whole(corpus).words[np.isin(whole(corpus).step_session[whole(corpus).word_step], rows)])
    np.testing.assert_array_equal(np.flatnonzero(vectors.any(1)), said)
    encoder = pretrained(corpus, vectors="train", epochs=1)
    training = TrainingContext(corpus, 0).training_sessions()
    seed = int(TrainingContext(corpus, 0).generator("word2vec").integers(2**31))
    np.testing.assert_array_equal(encoder.vectors.numpy(), trained_vectors(corpus, training, 8, 5, 1, seed))


def test_the_trained_table_is_pooled_and_survives_a_file(corpus: Corpus, tmp_path: Path) -> None:
    encoder, again = (pretrained(corpus, vectors="train", epochs=2) for _ in range(2))
    torch.testing.assert_close(encoder.vectors, again.vectors, atol=0, rtol=0)
    assert (pretrained(corpus, seed=1, vectors="train", epochs=2).vectors != encoder.vectors).any()
    batch, vectors = whole(corpus), encoder(whole(corpus))
    table = Features(encoder.vectors, corpus.image_vectors)
    words = means_of(SessionBatch.from_sessions(corpus, np.arange(50), table))
    torch.testing.assert_close(vectors, words)
    save_file(encoder.state_dict(), tmp_path / "weights")
    loaded = Word2VecFeatures(encoder.dims, vectors="train").eval()
    loaded.load_state_dict(load_file(tmp_path / "weights"))
    torch.testing.assert_close(loaded(batch), vectors, atol=0, rtol=0)


def test_a_corpus_whose_vectors_are_all_zero_gets_trained_ones(tmp_path: Path) -> None:
    blank = grouped_corpus(tmp_path / "blank", sessions=50, groups=4, vectors=np.zeros((9, 8), np.float32))
    assert pretrained(blank, epochs=1)(whole(blank))[:, :8].any(1).all()


def test_what_cannot_be_done_is_one_line(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BenchError, match="vectors must be"):
        Word2VecFeatures(Features.of(corpus).dims, vectors="glove")
    with pytest.raises(BenchError, match="no words"):
        trained_vectors(corpus, np.empty(0, np.int64), 8, 5, 1, 0)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(BenchError, match=r"pip install .session-bench\[text\]"):
        pretrained(corpus, vectors="train")
