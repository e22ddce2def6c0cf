"""The session vector on its way into a model: looked up, standardised, joined; the reference starts the same beside it.

Every encoder enters through one layer, vanilla too, and what an encoder draws shifts nothing that the baseline draws.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from baselines.transearch.model import TranSearch
from bench.contracts import ClickBatch, ClickDims
from bench.data.batch import SessionBatch
from bench.data.candidates import all_candidates
from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, JoinedClickModel, SessionVectors, TrainedAlong
from encoders.controls import Vanilla
from encoders.lstm import LstmEncoder
from encoders.transformer import TransformerEncoder
from tasks.examples.click import ClickExamples, example_queries

D, WIDTH = 6, 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("joining") / "corpus", sessions=30)


@pytest.fixture(scope="module")
def context(corpus: Corpus) -> TrainingContext:
    return TrainingContext(corpus, seed=0)


@pytest.fixture(scope="module")
def batch(context: TrainingContext) -> ClickBatch:
    queries = example_queries(context.corpus)[:20]
    return ClickExamples(context.corpus, context.features, 1).batch(queries, all_candidates(context.corpus, queries))


def lstm(context: TrainingContext) -> TrainedAlong:
    return TrainedAlong(partial(LstmEncoder, output_dim=WIDTH), context)


def joined(batch: ClickBatch, context: TrainingContext, sessions: SessionVectors) -> JoinedClickModel:
    torch.manual_seed(0)
    dims = ClickDims(context.features.dims, int(batch.users.max()) + 1)
    model = TranSearch(dims, embed_size=D, dropout=0.0)
    return JoinedClickModel(model, sessions, context.torch_generator("joining layer"))


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# ---- joining ---------------------------------------------------------------------------------------------------------


def test_vanilla_goes_through_the_same_layer_with_width_0(batch: ClickBatch, context: TrainingContext) -> None:
    vanilla, wide = joined(batch, context, TrainedAlong(Vanilla, context)), joined(batch, context, lstm(context))
    assert parameters(vanilla.join) == D * D + D
    assert parameters(wide.join) == (D + WIDTH) * D + D
    assert parameters(vanilla.model) == parameters(wide.model)
    vanilla.eval()
    before = vanilla.join(vanilla.model.context(batch))
    expected = vanilla.model.match(before, vanilla.model.items(batch))
    torch.testing.assert_close(vanilla(batch), expected)


def test_the_session_reaches_the_score_and_the_encoder_is_trained(batch: ClickBatch, context: TrainingContext) -> None:
    sessions = lstm(context)
    assert sessions.trained
    model = joined(batch, context, sessions).eval()
    scores = model(batch)
    scores[batch.shown].sum().backward()
    for name, parameter in sessions.encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    with torch.no_grad():
        model.join.weight[:, D:] = 0  # the session's columns
        assert not torch.allclose(model(batch), scores)


def test_frozen_vectors_reach_the_score_each_its_own_query(batch: ClickBatch, context: TrainingContext) -> None:
    vectors = torch.randn(20, WIDTH, requires_grad=True)
    model = joined(batch, context, FrozenVectors(batch.queries, vectors)).eval()
    model(batch)[3].sum().backward()
    assert vectors.grad is not None
    assert vectors.grad[3].any()
    assert not vectors.grad[[i for i in range(20) if i != 3]].any()


def test_the_layer_is_a_linear_map_of_context_and_session(batch: ClickBatch, context: TrainingContext) -> None:
    vectors = torch.randn(20, WIDTH)
    model = joined(batch, context, FrozenVectors(batch.queries, vectors)).eval()
    both = torch.cat([model.model.context(batch), vectors], dim=1)
    after = both @ model.join.weight.T + model.join.bias
    torch.testing.assert_close(model(batch), model.model.match(after, model.model.items(batch)))


# ---- the start -------------------------------------------------------------------------------------------------------


def test_beside_any_encoder_the_rest_starts_as_beside_vanilla(batch: ClickBatch, context: TrainingContext) -> None:
    torch.manual_seed(0)
    vanilla = joined(batch, context, TrainedAlong(Vanilla, context))
    after = torch.get_rng_state()
    frozen = FrozenVectors(batch.queries, torch.randn(20, 3))
    transformer = TrainedAlong(partial(TransformerEncoder, output_dim=8), context)
    for sessions in (lstm(context), transformer, frozen):
        model = joined(batch, context, sessions)
        assert torch.equal(torch.get_rng_state(), after), "what follows would draw other numbers"
        torch.testing.assert_close(model.model.state_dict(), vanilla.model.state_dict(), atol=0, rtol=0)
        torch.testing.assert_close(model.join.weight[:, :D], vanilla.join.weight, atol=0, rtol=0)
        bound = (6 / (2 * D + sessions.width)) ** 0.5  # Glorot's, for the layer as it is
        of_session = model.join.weight[:, D:].detach().abs()
        assert 0.8 * bound < float(of_session.max()) <= bound
        assert not model.join.bias.any()


def test_an_encoder_follows_from_the_seed_and_its_dropout_shifts_nobody_elses(
    batch: ClickBatch, corpus: Corpus
) -> None:
    def trained(seed: int) -> tuple[TrainedAlong, list[Tensor]]:
        torch.manual_seed(torch.seed())
        sessions = TrainedAlong(partial(TransformerEncoder, output_dim=8, dropout=0.5), TrainingContext(corpus, seed))
        before = torch.get_rng_state()
        vectors = [sessions.train()(batch.queries).detach() for _ in range(2)]
        assert torch.equal(torch.get_rng_state(), before)
        return sessions, vectors

    (first, vectors), (again, same), (other, _) = trained(3), trained(3), trained(4)
    torch.testing.assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)
    torch.testing.assert_close(vectors, same, atol=0, rtol=0)
    assert not torch.allclose(vectors[0], vectors[1]), "the same units fall out in every step"
    assert not torch.equal(first.encoder.project_word.weight, other.encoder.project_word.weight)  # type: ignore[union-attr]


# ---- looking up ------------------------------------------------------------------------------------------------------


def test_an_encoder_sees_the_prefix_that_ends_with_the_query(batch: ClickBatch, context: TrainingContext) -> None:
    sessions = lstm(context).eval()
    prefixes = SessionBatch.from_prefixes(context.corpus, batch.queries.numpy(), context.features)
    torch.testing.assert_close(sessions(batch.queries), sessions.encoder(prefixes))


def test_frozen_vectors_have_no_weights_and_are_found_by_row(batch: ClickBatch) -> None:
    vectors = torch.randn(20, WIDTH)
    sessions = FrozenVectors(batch.queries, vectors)
    assert not sessions.trained
    assert not sessions.state_dict()
    assert not list(sessions.parameters())
    order = torch.randperm(20)
    torch.testing.assert_close(sessions(batch.queries[order]), vectors[order], atol=0, rtol=0)


def test_a_query_without_a_vector_is_an_error_not_its_neighbours_vector(batch: ClickBatch) -> None:
    for known in (batch.queries[:-1], batch.queries[1:], batch.queries[:0]):
        sessions = FrozenVectors(known, torch.randn(len(known), WIDTH))
        with pytest.raises(BenchError, match="no session vector"):
            sessions(batch.queries)


# ---- standardising ---------------------------------------------------------------------------------------------------


def standard(vectors: Tensor, training: Tensor) -> Tensor:
    """What a model reads of ``vectors`` where ``training`` are those of the training split."""
    sessions = FrozenVectors(torch.arange(len(training) + len(vectors)), torch.cat([training, vectors]))
    sessions.standardise(torch.arange(len(training)))
    return sessions(torch.arange(len(training), len(training) + len(vectors)))


def test_frozen_vectors_are_standardised_by_those_of_training() -> None:
    rng = np.random.default_rng(0)
    training = torch.from_numpy((rng.normal(size=(400, WIDTH)) * [1, 100, 1e-3, 1, 1] + 7).astype(np.float32))
    vectors = training[:20] * 1.5
    mean, deviation = training.double().mean(0), training.double().std(0)
    expected = ((vectors.double() - mean) / deviation).float()
    torch.testing.assert_close(standard(vectors, training), expected, atol=1e-2, rtol=1e-3)
    # scale and place of the vectors do not matter
    torch.testing.assert_close(
        standard(vectors * 40 - 3, training * 40 - 3), standard(vectors, training), atol=1e-1, rtol=1e-2
    )


def test_many_frozen_vectors_are_standardised_in_parts_and_stay_in_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "v.npy", (rng.standard_normal((100, 3)) * [1, 50, 0] + [0, 1e3, 4]).astype(np.float32))
    queries, training = torch.arange(100), torch.arange(0, 100, 3)
    found = []
    for rows in (FrozenVectors.rows_at_once, 7):
        monkeypatch.setattr(FrozenVectors, "rows_at_once", rows)
        sessions = FrozenVectors(queries, torch.from_numpy(np.load(tmp_path / "v.npy", mmap_mode="c")))
        sessions.standardise(training)
        found.append(sessions(queries))
        assert torch.equal(sessions.vectors, torch.from_numpy(np.load(tmp_path / "v.npy"))), "as they were finished"
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-5)
    assert not found[1][:, 2].any(), "what never varies"


def test_entries_that_training_never_varies_say_nothing_later_either() -> None:
    training = torch.randn(50, WIDTH)
    training[:, 2] = 0.25
    found = standard(1e6 * torch.ones(1, WIDTH), training)
    assert found.isfinite().all()
    assert (found != 0).tolist() == [[True, True, False, True, True]]


def test_one_training_example_or_width_0_is_no_division_by_nothing() -> None:
    assert standard(torch.randn(20, WIDTH), torch.ones(1, WIDTH)).isfinite().all()
    assert standard(torch.randn(20, 0), torch.ones(3, 0)).shape == (20, 0)


def test_an_encoder_that_is_trained_along_is_not_standardised(batch: ClickBatch, context: TrainingContext) -> None:
    sessions = lstm(context).eval()
    before = sessions(batch.queries)
    sessions.standardise(batch.queries)
    torch.testing.assert_close(sessions(batch.queries), before, atol=0, rtol=0)
