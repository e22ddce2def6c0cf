"""TranSearch's first stage has the loss it says, takes its tuples from training sessions alone, and learns what goes
together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from baselines.transearch.feature_pretraining import FeatureAutoencoder, GoTogether, pretrained_features
from baselines.transearch.model import TranSearch
from bench.contracts import ClickCorpus, ClickDims
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import TRAIN
from bench.errors import BenchError
from bench.testing.click_corpora import TOPICS, awkward_corpus, planted_corpus, rewritten, training_queries
from bench.testing.corpora import random_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return awkward_corpus(tmp_path_factory.mktemp("pretraining") / "awkward", sessions=60)


def data_of(corpus: Corpus) -> ClickCorpus:
    return ClickCorpus(corpus, Features.of(corpus), training_queries(corpus))


def layers_of(corpus: Corpus, epochs: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(3)
    found = pretrained_features(data_of(corpus), 6, 0.5, 1.0, epochs, 4)
    return [parameter.detach() for layers in found for parameter in layers.parameters()]


# ---- the loss --------------------------------------------------------------------------------------------------------


def test_the_loss_is_that_of_single_triplets() -> None:
    """Each anchor with its positive and each negative is one triplet, as the public code deals them."""
    torch.manual_seed(0)
    made = FeatureAutoencoder(7, 5, 0.0, margin=0.4).double()
    vectors = torch.randn(6, 2 + 3, 7, dtype=torch.float64)
    forth, back = ([layer for layer in half if isinstance(layer, nn.Linear)] for half in (made.forth, made.back))

    def through(layers: list[nn.Linear], x: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            x = F.elu(x @ layer.weight.T + layer.bias)
        return x

    triplets, errors = [], []
    for row in vectors:
        for negative in row[2:]:
            codes = [through(forth, x) for x in (row[0], row[1], negative)]
            triplets.append(F.triplet_margin_loss(*codes, margin=0.4))
            shown = zip((row[0], row[1], negative), codes, strict=True)
            errors.append(sum(F.mse_loss(through(back, code), x) for x, code in shown))
    expected = torch.stack(triplets).mean() + 0.01 * torch.stack(errors).mean()
    assert bool(torch.stack(triplets).mean() > 0)
    torch.testing.assert_close(made.loss(vectors), expected, atol=1e-5, rtol=1e-5)  # the 1e-6 inside the root


def test_dropout_is_between_the_layers_and_the_gradient_reaches_all() -> None:
    torch.manual_seed(0)
    made = FeatureAutoencoder(7, 5, 0.5, margin=1.0)
    vectors = torch.randn(6, 5, 7)
    assert not torch.equal(made.loss(vectors), made.loss(vectors))
    made.loss(vectors).backward()
    assert all(p.grad is not None and p.grad.any() for p in made.parameters())


# ---- tuples ----------------------------------------------------------------------------------------------------------


def test_positives_are_of_the_session_and_negatives_are_not(corpus: Corpus) -> None:
    """And over many draws every item that may be drawn is, about equally often."""
    together, clicks = GoTogether.of(data_of(corpus)), Clicks.of(corpus)
    trained = np.unique(corpus.columns.query_session[training_queries(corpus)])
    expected = [sorted(set(clicks.of_sessions(np.array([row]))[0].tolist())) for row in trained]
    expected = [items for items in expected if 1 < len(items) < together.catalogue]
    found = [part.tolist() for part in np.split(together.items, together.offsets[1:-1])]
    assert found == expected
    assert len(found) > 10

    rng, rounds, negatives = np.random.default_rng(0), 600, 4
    places = np.arange(len(together.items))
    drawn = np.stack([together.tuples(places, negatives, rng) for _ in range(rounds)])  # (rounds, n, 2 + negatives)
    session = np.repeat(np.arange(len(found)), np.diff(together.offsets))
    for place in places:
        own, item = found[session[place]], together.items[place]
        assert (drawn[:, place, 0] == item).all()
        assert set(drawn[:, place, 1]) == set(own) - {item}
        others = np.bincount(drawn[:, place, 2:].ravel(), minlength=together.catalogue)
        possible = np.ones(together.catalogue, dtype=bool)
        possible[own] = False
        assert (others[~possible] == 0).all()
        share = others[possible] * possible.sum() / (rounds * negatives)
        assert share.min() > 0.1
        assert share.max() < 3


def test_sessions_that_tell_nothing_are_left_out(tmp_path: Path) -> None:
    """One clicked item has no other; where all were clicked, none is left to be a negative."""
    corpus = random_corpus(tmp_path / "long", 4, seed=1, longest=25)
    together = GoTogether.of(data_of(corpus))
    clicked, owner = Clicks.of(corpus).of_sessions(np.flatnonzero(corpus.columns.session_split == TRAIN))
    sizes = np.bincount(np.unique(owner * together.catalogue + clicked) // together.catalogue)
    assert (sizes == together.catalogue).any()
    kept = sizes[(sizes > 1) & (sizes < together.catalogue)]
    assert np.diff(together.offsets).tolist() == kept.tolist()
    negatives = together.tuples(np.arange(len(together.items)), 5, np.random.default_rng(0))[:, 2:]
    assert negatives.max() < together.catalogue

    planted = planted_corpus(tmp_path / "planted", 100)  # two clicks a session, one in twenty times on the same item
    of_one = GoTogether.of(data_of(planted))
    assert 0 < len(of_one.offsets) - 1 < (planted.columns.session_split == TRAIN).sum()
    assert (np.diff(of_one.offsets) == 2).all()


def test_the_last_item_left_is_the_negative() -> None:
    together = GoTogether(np.array([0, 2, 1, 2]), np.array([0, 2, 4]), catalogue=3)
    found = together.tuples(np.array([3, 0, 1, 2]), 2, np.random.default_rng(0))
    assert found.tolist() == [[2, 1, 0, 0], [0, 2, 1, 1], [2, 0, 1, 1], [1, 2, 0, 0]]


def test_nothing_together_is_a_clear_error(corpus: Corpus) -> None:
    data = ClickCorpus(corpus, Features.of(corpus), np.empty(0, dtype=np.int64))
    with pytest.raises(BenchError, match="no training session clicked two items"):
        pretrained_features(data, 4, 0.0, 1.0, 1, 1)


# ---- what is learnt --------------------------------------------------------------------------------------------------


def test_validation_and_test_sessions_teach_nothing(corpus: Corpus, tmp_path: Path) -> None:
    other = corpus.columns.session_split[corpus.columns.query_session] != TRAIN
    changed = rewritten(corpus, tmp_path / "other", steps=other, clicks=other)
    torch.testing.assert_close(layers_of(changed), layers_of(corpus), atol=0, rtol=0)
    changed = rewritten(corpus, tmp_path / "training", steps=~other, clicks=~other)
    assert not all(torch.equal(a, b) for a, b in zip(layers_of(changed), layers_of(corpus), strict=True))


def test_items_that_go_together_come_together(tmp_path: Path) -> None:
    """In the planted corpus a session clicks items of one topic; here vectors tell it through noise, and as much else.

    Held against the same layers before.
    """
    corpus = planted_corpus(tmp_path / "planted", 200)
    rng, items = np.random.default_rng(0), np.arange(20 * TOPICS)
    words, images = (
        torch.from_numpy(0.6 * rng.normal(size=(size, 12)) + np.eye(TOPICS, 12)[np.arange(size) % TOPICS]).float()
        for size in (6 * TOPICS, len(items))
    )
    features = Features(words, images)
    titles = features.mean_words(corpus.columns.item_word_offsets, corpus.columns.item_words, items)
    same = torch.from_numpy(items[:, None] % TOPICS == items % TOPICS) & ~torch.eye(len(items), dtype=torch.bool)
    contrast = {}
    for epochs in (0, 200):
        torch.manual_seed(0)
        learnt = pretrained_features(
            ClickCorpus(corpus, features, training_queries(corpus)), 16, 0.2, 1.0, epochs, negatives=5
        )
        for name, layers, vectors in zip(("images", "titles"), learnt, (images, titles), strict=True):
            distance = torch.cdist(*[layers.eval()(vectors)] * 2).detach()
            contrast[name, epochs] = float(distance[~same].mean() / distance[same].mean()) - 1
    for name in ("images", "titles"):
        assert contrast[name, 200] > 2 * contrast[name, 0] > 0, contrast


def test_mode_double_starts_from_these_layers_without_dropout(corpus: Corpus) -> None:
    dims, data = ClickDims(Features.of(corpus).dims, 3), data_of(corpus)

    def made(**options: bool) -> TranSearch:
        torch.manual_seed(3)
        return TranSearch(dims, mode="double", embed_size=6, pretraining_epochs=2, pretraining_negatives=4, **options)

    model = made()
    assert model.visual is not None
    before = [p.clone() for p in model.visual.parameters()]
    torch.manual_seed(3)
    model.prepare(data)
    learnt = [p.detach() for layers in (model.visual, model.textual) for p in layers.parameters()]  # type: ignore[union-attr]
    torch.testing.assert_close(learnt, layers_of(corpus), atol=0, rtol=0)
    assert not torch.equal(before[0], learnt[0])
    assert all(layer.p == 0 for layer in model.modules() if isinstance(layer, nn.Dropout))
    assert all(p.requires_grad for p in model.parameters())
    fixed = made(fixed=True)
    fixed.prepare(data)
    held = {name for name, p in fixed.named_parameters() if not p.requires_grad}
    assert held == {name for name, _ in fixed.named_parameters() if name.startswith(("visual", "textual"))}


def test_mode_end_learns_nothing_beforehand(corpus: Corpus) -> None:
    """So that its numbers do not depend on this stage."""
    torch.manual_seed(0)
    model = TranSearch(ClickDims(Features.of(corpus).dims, 3))
    state, random = {name: p.clone() for name, p in model.state_dict().items()}, torch.get_rng_state()
    model.prepare(data_of(corpus))
    torch.testing.assert_close(model.state_dict(), state, atol=0, rtol=0)
    assert torch.equal(torch.get_rng_state(), random)
