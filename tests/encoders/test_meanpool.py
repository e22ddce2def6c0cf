"""The control is the means of what a session holds, by kind, and as wide as the encoders beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.decomposition import PCA
from small_corpora import random_corpus

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import KEYWORD, PRODUCT
from bench.testing.sessions import Step, batch_of, random_features, random_steps
from bench.training.context import TrainingContext
from encoders import meanpool
from encoders.meanpool import MeanPool


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=80, image_share=0.6)


def fitted(corpus: Corpus, seed: int = 0, **options: int) -> MeanPool:
    context = TrainingContext(corpus, seed)
    encoder = MeanPool(context.features.dims, **options)
    encoder.pretrain(context)
    return encoder


def training_prefixes(corpus: Corpus) -> np.ndarray:
    split = corpus.columns.session_split[corpus.columns.query_session]
    return np.flatnonzero(split == 0)


def plain_means(corpus: Corpus, queries: np.ndarray) -> np.ndarray:
    """The three means of these prefixes, float64."""
    features = Features.of(corpus)
    batch = SessionBatch.from_prefixes(corpus, queries, features)
    return MeanPool(features.dims, width=0)(batch).double().numpy()


def test_means_of_words_by_kind_and_of_images() -> None:
    features = random_features(Dims(5, 7))
    sessions: list[list[Step]] = [
        random_steps(6),
        [],
        [(KEYWORD, [2, 2, 9], None)],
        [(PRODUCT, [], 3), (PRODUCT, [], 3), (PRODUCT, [], 8)],
        [(PRODUCT, [1, 2], None), (KEYWORD, [2], None), (PRODUCT, [4], 5)],
    ]
    encoder = MeanPool(features.dims)
    found = encoder(batch_of(features, sessions)).numpy()
    assert found.shape == (5, encoder.output_dim) == (5, 5 + 5 + 7)
    for vector, session in zip(found, sessions, strict=True):
        rows = [
            *(
                [features.word_vectors[w].numpy() for k, said, _ in session for w in said if k == kind]
                for kind in (KEYWORD, PRODUCT)
            ),
            [features.images(torch.tensor([row]))[0].numpy() for _, _, row in session if row is not None],
        ]
        expected = [np.mean(r, axis=0) if r else np.zeros(width) for r, width in zip(rows, (5, 5, 7), strict=True)]
        np.testing.assert_allclose(vector, np.concatenate(expected), atol=1e-6)


def test_it_is_as_wide_as_asked_or_as_the_means() -> None:
    assert MeanPool(Dims()).output_dim == 64
    assert MeanPool(Dims(), width=0).output_dim == 50 + 50 + 512
    assert MeanPool(Dims(), width=700).output_dim == 50 + 50 + 512
    assert MeanPool(Dims(8, 12)).output_dim == 28
    assert not list(MeanPool(Dims()).parameters())


def test_the_components_are_those_of_kinds_that_weigh_the_same(corpus: Corpus) -> None:
    """A second opinion, by scikit-learn."""
    encoder, queries = fitted(corpus, width=5), training_prefixes(corpus)
    means = plain_means(corpus, queries)
    blocks = np.split(means - means.mean(0), [8, 16], axis=1)
    scaled = np.concatenate([block / np.sqrt((block**2).sum(1).mean()) for block in blocks], axis=1)
    expected = PCA(5, svd_solver="full").fit_transform(scaled)
    found = encoder(SessionBatch.from_prefixes(corpus, queries, Features.of(corpus))).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)
    assert not np.allclose(np.abs(found), np.abs(PCA(5, svd_solver="full").fit_transform(means)), atol=0.1)


def test_images_in_another_unit_change_nothing(corpus: Corpus) -> None:
    covariance = torch.from_numpy(np.cov(plain_means(corpus, training_prefixes(corpus)).T))
    unit = torch.cat([torch.ones(16), torch.full((12,), 100.0)]).double()
    axes = meanpool._principal_axes(covariance, (8, 8, 12), 4)
    scaled = meanpool._principal_axes(unit.unsqueeze(1) * covariance * unit, (8, 8, 12), 4)
    torch.testing.assert_close(unit.unsqueeze(1) * scaled, axes)


def test_the_fit_depends_on_no_seed_and_survives_a_file(corpus: Corpus, tmp_path: Path) -> None:
    first, again = (fitted(corpus, seed, width=4) for seed in (0, 1))
    torch.testing.assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)
    save_file(first.state_dict(), tmp_path / "weights")
    loaded = MeanPool(first.dims, width=4)
    loaded.load_state_dict(load_file(tmp_path / "weights"))
    batch = SessionBatch.from_sessions(corpus, np.arange(80), Features.of(corpus))
    torch.testing.assert_close(loaded(batch), first(batch), atol=0, rtol=0)


def test_many_prefixes_are_read_in_chunks_and_thinned(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(corpus, width=4)
    monkeypatch.setattr(meanpool, "_CHUNK", 7)
    torch.testing.assert_close(fitted(corpus, width=4).state_dict(), whole.state_dict(), atol=1e-5, rtol=1e-5)
    queries = training_prefixes(corpus)
    monkeypatch.setattr(meanpool, "_PREFIXES", len(queries) // 2)
    read: list[np.ndarray] = []
    original = SessionBatch.from_prefixes

    def spy(corpus: Corpus, rows: np.ndarray, features: Features) -> SessionBatch:
        read.append(rows)
        return original(corpus, rows, features)

    monkeypatch.setattr(SessionBatch, "from_prefixes", spy)
    fitted(corpus, width=4)
    np.testing.assert_array_equal(np.concatenate(read), queries[:: -(-len(queries) // (len(queries) // 2))])


def test_a_kind_that_never_occurs_makes_no_noise(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=40, image_share=0.0, longest=1)  # keyword queries alone
    encoder = fitted(corpus, width=10)
    vectors = encoder(SessionBatch.from_sessions(corpus, np.arange(40), Features.of(corpus)))
    assert vectors.isfinite().all()
    constant = [bool((column == column[0]).all()) for column in vectors.T]
    assert constant == [False] * 8 + [True] * 2, "8 entries vary, and so do 8 components"
