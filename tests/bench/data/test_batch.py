"""Session batches against restatements in loops: nothing later than the query, masking, joining, means, features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_corpora import random_corpus
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import KEYWORD, PRODUCT
from bench.testing.sessions import Step, batch_of, random_features, random_steps


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("batch") / "corpus", sessions=30, image_share=0.5)


@pytest.fixture(scope="module")
def features(corpus: Corpus) -> Features:
    return Features.of(corpus)


def steps_of(corpus: Corpus, first: int, last: int) -> list[Step]:
    """Steps first … last as the Parquet tables have them."""
    columns = corpus.columns
    found: list[Step] = []
    for query in range(first, last + 1):
        words = columns.query_words[columns.query_word_offsets[query] : columns.query_word_offsets[query + 1]]
        image = int(columns.query_image[query])
        found.append((int(columns.query_kind[query]), words.tolist(), image if image >= 0 else None))
    return found


def steps_in(batch: SessionBatch) -> list[list[Step]]:
    """The batch, step by step."""
    sessions: list[list[Step]] = [[] for _ in range(len(batch))]
    for step, (session, kind) in enumerate(zip(batch.step_session.tolist(), batch.step_kind.tolist(), strict=True)):
        images = batch.images[batch.image_step == step].tolist()
        assert len(images) <= 1
        words = batch.words[batch.word_step == step].tolist()
        sessions[session].append((kind, words, images[0] if images else None))
    return sessions


def assert_same(left: SessionBatch, right: SessionBatch) -> None:
    assert len(left) == len(right)
    for name in ("step_session", "step_kind", "words", "word_step", "images", "image_step"):
        one, other = getattr(left, name), getattr(right, name)
        assert one.dtype == other.dtype == torch.int64
        assert torch.equal(one, other), name


# ---- made from a corpus ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(queries=st.lists(st.integers(0, 59), max_size=12))
def test_one_batch_covers_prefixes_of_the_same_session(corpus: Corpus, features: Features, queries: list[int]) -> None:
    batch, steps = SessionBatch.covering(corpus, np.array(queries, dtype=np.int64), features)
    session, first = corpus.columns.query_session, corpus.columns.session_queries
    runs: list[list[int]] = []
    for query in queries:
        if runs and session[runs[-1][-1]] == session[query]:
            runs[-1].append(query)
        else:
            runs.append([query])
    assert steps_in(batch) == [steps_of(corpus, int(first[session[run[0]]]), max(run)) for run in runs]
    owner = [number for number, run in enumerate(runs) for _ in run]
    assert batch.step_session[steps].tolist() == owner
    assert batch.step_position[steps].tolist() == [query - int(first[session[query]]) for query in queries]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_prefix_ends_with_its_query_and_holds_nothing_later(
    corpus: Corpus, features: Features, data: st.DataObject
) -> None:
    total = len(corpus.columns.query_session)
    queries = data.draw(st.lists(st.integers(0, total - 1), max_size=12))
    batch = SessionBatch.from_prefixes(corpus, np.array(queries, dtype=np.int64), features)
    session = corpus.columns.query_session
    expected = []
    for query in queries:
        first = query
        while first > 0 and session[first - 1] == session[query]:
            first -= 1
        expected.append(steps_of(corpus, first, query))
    assert steps_in(batch) == expected
    assert batch.num_steps.tolist() == [len(steps) for steps in expected]


def test_whole_sessions_are_the_prefixes_of_their_last_queries(corpus: Corpus, features: Features) -> None:
    sessions = np.array([4, 0, 29, 4])
    ends = corpus.columns.session_queries[sessions + 1]
    whole = SessionBatch.from_sessions(corpus, sessions, features)
    assert_same(whole, SessionBatch.from_prefixes(corpus, ends - 1, features))
    assert steps_in(whole)[1] == steps_of(corpus, 0, int(corpus.columns.session_queries[1]) - 1)


def test_clicks_and_shown_items_are_no_part_of_a_batch() -> None:
    fields = set(SessionBatch.__dataclass_fields__)
    assert fields == {
        "features",
        "num_sessions",
        "step_session",
        "step_kind",
        "words",
        "word_step",
        "images",
        "image_step",
    }


def test_tensors_ascend_in_session_and_step(corpus: Corpus, features: Features) -> None:
    batch = SessionBatch.from_prefixes(corpus, np.random.default_rng(0).permutation(60), features)
    for tensor in (batch.step_session, batch.word_step, batch.image_step):
        assert (tensor.diff() >= 0).all()
    assert (batch.step_kind[batch.image_step] == PRODUCT).all()


# ---- views -----------------------------------------------------------------------------------------------------------

SESSIONS = st.lists(st.integers(0, 5), min_size=1, max_size=5)


def made(lengths: Sequence[int]) -> tuple[list[list[Step]], SessionBatch]:
    plain = [random_steps(length, seed=at) for at, length in enumerate(lengths)]
    return plain, batch_of(random_features(Dims(4, 3)), plain)


@settings(deadline=None)
@given(SESSIONS, st.data())
def test_masked_steps_vanish_with_words_and_images(lengths: list[int], data: st.DataObject) -> None:
    plain, batch = made(lengths)
    masked = data.draw(st.lists(st.booleans(), min_size=sum(lengths), max_size=sum(lengths)))
    marks = iter(masked)
    expected = [[step for step in session if not next(marks)] for session in plain]
    found = batch.without_steps(torch.tensor(masked, dtype=torch.bool))
    assert_same(found, batch_of(batch.features, expected))


@settings(deadline=None)
@given(st.lists(SESSIONS, min_size=1, max_size=4))
def test_batches_one_after_the_other(parts: list[list[int]]) -> None:
    plain = [made(lengths) for lengths in parts]
    joined = SessionBatch.cat([batch for _, batch in plain])
    assert_same(joined, batch_of(joined.features, [session for sessions, _ in plain for session in sessions]))


@settings(deadline=None)
@given(SESSIONS)
def test_text_only_drops_images_and_nothing_else(lengths: list[int]) -> None:
    plain, batch = made(lengths)
    expected = [[(kind, words, None) for kind, words, _ in session] for session in plain]
    assert_same(batch.text_only(), batch_of(batch.features, expected))


@settings(deadline=None)
@given(SESSIONS)
def test_positions_first_steps_and_means(lengths: list[int]) -> None:
    plain, batch = made(lengths)
    word, image = batch.features.word_vectors.numpy(), batch.features.images(torch.arange(20)).numpy()
    steps = [step for session in plain for step in session]
    assert batch.num_steps.tolist() == lengths
    assert batch.step_position.tolist() == [at for length in lengths for at in range(length)]
    assert batch.first_step.tolist() == np.concatenate([[0], np.cumsum(lengths)[:-1]]).tolist()

    def images_of(steps: list[Step]) -> list[int]:
        return [picture for _, _, picture in steps if picture is not None]

    assert_means(batch.step_text(), word, [words for _, words, _ in steps])
    assert_means(batch.step_images(), image, [images_of([step]) for step in steps])
    assert_means(batch.mean_text(), word, [[w for _, words, _ in session for w in words] for session in plain])
    for kind in (KEYWORD, PRODUCT):
        of_kind = [[w for k, words, _ in session for w in words if k == kind] for session in plain]
        assert_means(batch.mean_text_of(kind), word, of_kind)
    assert_means(batch.mean_images(), image, [images_of(session) for session in plain])


def assert_means(found: Tensor, vectors: NDArray, groups: list[list[int]]) -> None:
    expected = [vectors[group].mean(0) if group else np.zeros(vectors.shape[1]) for group in groups]
    assert found.shape == (len(groups), vectors.shape[1])
    np.testing.assert_allclose(found.numpy(), np.reshape(expected, found.shape), atol=1e-6)


# ---- features --------------------------------------------------------------------------------------------------------


def test_int8_images_are_divided_by_127_and_float32_ones_are_not(tmp_path: Path) -> None:
    words = torch.randn(5, 4)
    bytes_ = np.array([[-127, 0, 127], [1, -1, 64]], dtype=np.int8)
    rows = torch.tensor([1, 0, 1])
    np.save(tmp_path / "m.npy", bytes_)
    for images in (bytes_, torch.from_numpy(bytes_), np.load(tmp_path / "m.npy", mmap_mode="r")):
        found = Features(words, images).images(rows)
        assert found.dtype == torch.float32
        np.testing.assert_allclose(found.numpy(), bytes_[[1, 0, 1]] / 127, atol=1e-7)
    floats = (3 * bytes_ / 127).astype(np.float32)
    np.testing.assert_array_equal(Features(words, floats).images(rows).numpy(), floats[[1, 0, 1]])


def test_features_of_a_corpus_are_its_matrices(corpus: Corpus, features: Features) -> None:
    assert features.dims == Dims(8, 12)
    assert isinstance(corpus.image_vectors, np.memmap)
    np.testing.assert_array_equal(features.words(torch.tensor([3, 3, 0])).numpy(), corpus.word_vectors[[3, 3, 0]])
    rows = np.array([5, 0, 89])
    expected = corpus.image_vectors[rows].astype(np.float64) / 127
    np.testing.assert_allclose(features.images(torch.from_numpy(rows)).numpy(), expected, atol=1e-7)
    assert features.images(torch.empty(0, dtype=torch.int64)).shape == (0, 12)


def test_a_row_without_an_image_has_zeros(corpus: Corpus) -> None:
    features = Features.of(corpus)
    rows = torch.tensor([[3, -1], [0, 3], [-1, -1]])
    found = features.images_or_zero(rows)
    assert found.shape == (3, 2, features.dims.images)
    torch.testing.assert_close(found[rows >= 0], features.images(rows[rows >= 0]), atol=0, rtol=0)
    assert not found[rows < 0].any()
    assert features.images_or_zero(torch.empty(0, 4, dtype=torch.int64)).shape == (0, 4, features.dims.images)
