"""Every encoder enters through one layer, vanilla too; the session reaches the score; frozen ones are standardised."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from baselines.transearch.model import TranSearch
from bench.contracts import ClickBatch, ClickDims, SessionEncoder
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.training.joining import JoinedClickModel
from encoders.lstm import LstmEncoder
from encoders.vanilla import Vanilla
from tasks.examples.click import ClickExamples, all_candidates, example_queries

D, WIDTH = 6, 5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("joining") / "corpus", sessions=30)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> ClickBatch:
    examples, queries = ClickExamples(corpus, Features.of(corpus), 1), example_queries(corpus)[:20]
    return examples.batch(queries, all_candidates(corpus, queries))


def joined(batch: ClickBatch, encoder: type[SessionEncoder], frozen: bool, **options: int) -> JoinedClickModel:
    torch.manual_seed(0)
    dims = batch.sessions.features.dims
    model = TranSearch(ClickDims(dims, int(batch.users.max()) + 1), embed_size=D, dropout=0.0)
    return JoinedClickModel(model, encoder(dims, **options), frozen)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_vanilla_goes_through_the_same_layer_with_width_0(batch: ClickBatch) -> None:
    vanilla, lstm = joined(batch, Vanilla, False), joined(batch, LstmEncoder, False, output_dim=WIDTH)
    assert parameters(vanilla.join) == D * D + D
    assert parameters(lstm.join) == (D + WIDTH) * D + D
    assert parameters(vanilla.model) == parameters(lstm.model)
    vanilla.eval()
    context = vanilla.join(vanilla.model.context(batch))
    expected = vanilla.model.match(context, vanilla.model.items(batch))
    torch.testing.assert_close(vanilla(batch), expected)


def test_the_session_reaches_the_score_and_the_encoder_is_trained(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, False, output_dim=WIDTH).eval()
    scores = model(batch)
    scores[batch.shown].sum().backward()
    assert model.encoder is not None
    for name, parameter in model.encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    with torch.no_grad():
        model.join.weight[:, D:] = 0  # the session's columns
        assert not torch.allclose(model(batch), scores)


def test_frozen_vectors_reach_the_score_each_its_own_query(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    vectors = torch.randn(20, WIDTH, requires_grad=True)
    model.standardise.learn(vectors.detach())
    scores = model(batch, vectors)
    scores[3].sum().backward()
    assert vectors.grad is not None
    assert vectors.grad[3].any()
    assert not vectors.grad[[i for i in range(20) if i != 3]].any()


def test_a_frozen_encoder_has_no_weights_here_and_needs_vectors(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH)
    assert model.encoder is None
    assert not any("lstm" in name for name, _ in model.named_parameters())
    with pytest.raises(ValueError, match="needs its vectors"):
        model(batch)


def test_frozen_vectors_are_standardised_by_those_of_training(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    rng = np.random.default_rng(0)
    training = torch.from_numpy((rng.normal(size=(400, WIDTH)) * [1, 100, 1e-3, 1, 1] + 7).astype(np.float32))
    model.standardise.learn(training)
    vectors = training[:20]
    mean, deviation = training.double().mean(0), training.double().std(0)
    standard = ((vectors.double() - mean) / deviation).float()
    torch.testing.assert_close(model(batch, vectors), by_hand(model, batch, standard), atol=1e-3, rtol=1e-3)
    # scale and place of the vectors do not matter
    moved = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    moved.standardise.learn(training * 40 - 3)
    torch.testing.assert_close(moved(batch, vectors * 40 - 3), model(batch, vectors), atol=1e-2, rtol=1e-2)


def test_constant_entries_do_no_harm(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    training = torch.randn(50, WIDTH)
    training[:, 2] = 0.25
    model.standardise.learn(training)
    vectors = torch.randn(20, WIDTH)
    expected = model(batch, vectors)
    assert expected.isfinite().all()
    vectors[:, 2] = 1e6  # what training never varied says nothing later either
    torch.testing.assert_close(model(batch, vectors), expected)


def test_one_training_example_and_none_constant_at_all(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    model.standardise.learn(torch.ones(1, WIDTH))
    assert model(batch, torch.randn(20, WIDTH)).isfinite().all()


def test_the_standardisation_is_saved_with_the_weights(batch: ClickBatch) -> None:
    model = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    vectors = 5 * torch.randn(20, WIDTH) + 2
    model.standardise.learn(vectors)
    other = joined(batch, LstmEncoder, True, output_dim=WIDTH).eval()
    other.load_state_dict(model.state_dict())
    torch.testing.assert_close(other(batch, vectors), model(batch, vectors))


def by_hand(model: JoinedClickModel, batch: ClickBatch, session: Tensor) -> Tensor:
    joined = torch.cat([model.model.context(batch), session], dim=1)
    context = joined @ model.join.weight.T + model.join.bias
    return model.model.match(context, model.model.items(batch))
