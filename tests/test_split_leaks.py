"""Nothing that happens in the test split reaches what is fitted on training, however the sessions are split.

A test session's words, images, shown items and clicks are changed, all of them; then everything that is made before or
while models train has to be the same to the bit: weights, counts, indexes, graphs, vectors and the curve. What is not
chosen on validation may not change with the validation split either. (What a log's word vectors are made from is
looked at in ``tests/bench/datasets/test_ingest_splits.py``.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from baselines.hscm.model import Hscm
from baselines.references.bm25 import Bm25
from bench.contracts import ClickCorpus, ClickDims
from bench.data.batch import SessionBatch
from bench.data.click_history import ClickHistory
from bench.data.clicks import clicks_per_item
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.data.schema import TEST, TRAIN, VALID
from bench.datasets.simulated import make
from bench.plugins.registry import registry
from bench.plugins.specs import EncoderSpec
from bench.testing.click_corpora import rewritten
from bench.training.context import TrainingContext
from bench.training.session_vectors import FrozenVectors, TrainedAlong
from encoders.meanpool import MeanPool
from tasks.examples.click import example_queries, user_codes

KINDS = ("random", "time", "user")
SHORT = {"steps": 3, "batch_size": 16, "validate_every": 2, "validation_sessions": 16}
FROZEN = [name for name in registry().names("encoder") if registry().get("encoder", name).frozen]  # type: ignore[attr-defined]

Fitted = dict[str, Any]


@pytest.fixture(scope="module", params=KINDS)
def worlds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    """The corpus, one with another test split, and one with another validation split as well."""
    folder = tmp_path_factory.mktemp(f"leaks-{request.param}")
    make(folder / "made", name="beauty", sessions=150, downstream=140, shown=10, split=request.param)
    made = Corpus(folder / "made")
    split = made.columns.session_split[made.columns.query_session]
    futures = {"as it was": split < 0, "test": split == TEST, "later": split != TRAIN}
    found = {name: rewritten(made, folder / name, steps=rows, clicks=rows) for name, rows in futures.items()}
    before, after = found["as it was"].columns, found["test"].columns
    moved = (split == TEST) & (np.diff(before.query_word_offsets) > 0)
    words = before.query_words != after.query_words
    assert words[np.repeat(moved, np.diff(before.query_word_offsets))].all()
    assert not words[np.repeat(split != TEST, np.diff(before.query_word_offsets))].any()
    shown = np.repeat(split == TEST, np.diff(before.query_impressions))
    assert (before.impression_item != after.impression_item)[shown].all()
    assert (before.impression_clicked != after.impression_clicked)[shown].any()
    return found


def same(worlds: dict[str, Corpus], fit: Callable[[Corpus], Fitted], future: str = "test") -> None:
    """Asserts that what ``fit`` finds does not depend on the future, to the bit."""
    before, after = fit(worlds["as it was"]), fit(worlds[future])
    assert before.keys() == after.keys()
    assert before
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name, strict=True)


def rows_before(corpus: Corpus, queries: np.ndarray) -> np.ndarray:
    """Those of these query rows that are not of the test split."""
    columns = corpus.columns
    return queries[columns.session_split[columns.query_session[queries]] != TEST]


# ---- encoders that are pretrained ------------------------------------------------------------------------------------


def pretrained(corpus: Corpus, name: str, **options: Any) -> Fitted:
    spec = registry().get("encoder", name)
    assert isinstance(spec, EncoderSpec)
    quick = {key: value for key, value in SHORT.items() if key in spec.defaults}
    context = TrainingContext(corpus, seed=1)
    torch.manual_seed(0)
    encoder = spec.load()(context.features.dims, **{**spec.defaults, **quick, **options}).eval()
    encoder.pretrain(context)
    # encoded apart from test prefixes: in one batch with others, a vector's last bit may be another
    known = torch.from_numpy(rows_before(corpus, example_queries(corpus)))
    with torch.no_grad():
        vectors = FrozenVectors(known, encoder(prefixes(context, known)))
    vectors.standardise(torch.from_numpy(example_queries(corpus, "train")))
    found = {key: value.numpy() for key, value in encoder.state_dict().items()}
    curve = {f"curve {n} {key}": value for n, row in enumerate(context.curve) for key, value in row.items()}
    return {**found, "standardised vectors": vectors(known).numpy(), **{k: np.array(v) for k, v in curve.items()}}


def prefixes(context: TrainingContext, queries: torch.Tensor) -> SessionBatch:
    return SessionBatch.from_prefixes(context.corpus, queries.numpy(), context.features)


@pytest.mark.parametrize("name", FROZEN)
def test_no_pretraining_sees_the_test_split(worlds: dict[str, Corpus], name: str) -> None:
    same(worlds, partial(pretrained, name=name))


@pytest.mark.parametrize(("name", "options"), [("meanpool", {"width": 8}), ("word2vec", {"vectors": "train"})])
def test_what_is_fitted_without_validation_sees_training_alone(
    worlds: dict[str, Corpus], name: str, options: dict[str, Any]
) -> None:
    def weights(corpus: Corpus) -> Fitted:
        found = pretrained(corpus, name, **options)
        del found["standardised vectors"]  # of validation queries too, which are others then
        return found

    same(worlds, weights, "later")


# ---- models that are trained -----------------------------------------------------------------------------------------


def trained(corpus: Corpus, task: str, baseline: str, encoder: str, **options: Any) -> Fitted:
    """Weights and tables of a model after two epochs of its task, of an encoder trained along, and the curve."""
    spec, kept = registry().get("baseline", baseline), []
    target = spec.load()

    class Kept(target):  # type: ignore[misc, valid-type]
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            kept.append(self)

    context = TrainingContext(corpus, seed=1)
    settings = {} if task == "intent" else {"epochs": 2}
    the_task = registry().get("task", task).load()(**settings)
    of_encoder = registry().get("encoder", encoder)
    if of_encoder.frozen:  # type: ignore[attr-defined]
        units = torch.from_numpy(the_task.units(corpus))
        made = of_encoder.load()(context.features.dims, **of_encoder.defaults)
        made.pretrain(context)
        with torch.no_grad():
            sessions: Any = FrozenVectors(units, made(prefixes(context, units)))
    else:
        sessions = TrainedAlong(lambda dims: of_encoder.load()(dims, **of_encoder.defaults), context)
    torch.manual_seed(0)
    the_task.run(corpus, Kept, {**spec.defaults, **options}, sessions, context)
    found = {f"curve {n} {key}": np.array(v) for n, row in enumerate(context.curve) for key, v in row.items()}
    found |= {f"session {key}": value.numpy() for key, value in sessions.state_dict().items()}
    return {**found, **tables_of(kept[-1], corpus)}


def tables_of(model: Any, corpus: Corpus) -> Fitted:
    """All weights of a model, and what it counted and indexed."""
    found: Fitted = {}
    if isinstance(model, torch.nn.Module):
        found |= {key: value.numpy() for key, value in model.state_dict().items()}
    if getattr(model, "_classifier", None) is not None:
        found["trees"] = np.frombuffer(bytes(model._classifier.get_booster().save_raw("json")), dtype=np.uint8)
    for name in ("_clicks", "_counts", "_answer_shares", "_class_shares"):
        if hasattr(model, name):
            found[name] = np.asarray(getattr(model, name))
    if isinstance(model, Bm25):
        found |= {"title weights": model._title_weights.data, "title words": model._title_weights.indices}
    return found


TRAINED = [
    ("ctr", "popularity", "vanilla", {}),
    ("ctr", "bm25", "vanilla", {}),
    ("ctr", "transearch", "lstm", {}),
    ("ctr", "transearch", "transformer", {}),
    ("ctr", "transearch", "meanpool", {"mode": "double", "pretraining_epochs": 2}),
    ("ctr", "alstp", "lstm", {"items": "title+image"}),
    ("ctr", "hscm", "lstm", {}),
    ("suggest", "word-popularity", "vanilla", {}),
    ("suggest", "query-words", "vanilla", {}),
    ("suggest", "ffn", "lstm", {}),
    ("intent", "xgboost", "meanpool", {}),
]


@pytest.mark.parametrize(("task", "baseline", "encoder", "options"), TRAINED)
def test_no_model_learns_from_the_test_split(
    worlds: dict[str, Corpus], task: str, baseline: str, encoder: str, options: dict[str, Any]
) -> None:
    same(worlds, partial(trained, task=task, baseline=baseline, encoder=encoder, **options))


@pytest.mark.parametrize(
    ("task", "baseline"),
    [("ctr", "popularity"), ("ctr", "bm25"), ("suggest", "word-popularity"), ("suggest", "query-words")],
)
def test_references_count_training_alone(worlds: dict[str, Corpus], task: str, baseline: str) -> None:
    same(worlds, partial(trained, task=task, baseline=baseline, encoder="vanilla"), "later")


def test_the_click_graph_is_that_of_training_alone(worlds: dict[str, Corpus]) -> None:
    """Which texts are its nodes, which items were clicked under each, and in which sessions."""

    def graph(corpus: Corpus) -> Fitted:
        features = Features.of(corpus)
        spec = registry().get("baseline", "hscm")
        model = Hscm(ClickDims(features.dims, 1), **spec.defaults)
        model.prepare(ClickCorpus(corpus, features, example_queries(corpus, "train")))
        assert model._past is not None
        found = model._past.graph
        return {
            "texts": found.texts.keys[found.nodes],
            "offsets": found.node_offsets,
            "clicks": found.node_clicks,
            "items": found.item_offsets,
            "items' clicks": found.item_clicks,
        }

    same(worlds, graph, "later")


# ---- users -----------------------------------------------------------------------------------------------------------


def test_users_are_known_by_training_alone(worlds: dict[str, Corpus]) -> None:
    same(worlds, lambda corpus: {"codes": user_codes(corpus, 2)}, "later")
    corpus = worlds["as it was"]
    assert user_codes(corpus, 1)[corpus.columns.session_split == TRAIN].any()


def test_a_history_is_read_from_training_sessions_and_ones_own(worlds: dict[str, Corpus]) -> None:
    """And, where users or times are held out, from nothing that training could not have seen."""
    corpus = worlds["as it was"]
    columns, history = corpus.columns, ClickHistory.of(corpus)
    queries = example_queries(corpus)
    clicks, owner = history.of_queries(queries, own_session=False)
    session_of_click = columns.query_session[history.queries[clicks]]
    assert (columns.session_split[session_of_click] == TRAIN).all()
    assert (columns.query_time[history.queries[clicks]] < columns.query_time[queries[owner]]).all()


def test_training_ends_before_what_it_is_tested_on(worlds: dict[str, Corpus], request: pytest.FixtureRequest) -> None:
    corpus = worlds["as it was"]
    columns, kind = corpus.columns, request.node.callspec.params["worlds"]
    split = columns.session_split[columns.query_session]
    users = [set(columns.session_user[columns.session_split == code].tolist()) for code in (TRAIN, VALID, TEST)]
    apart = not (users[0] & users[1] or users[0] & users[2] or users[1] & users[2])
    later = [columns.query_time[split == code] for code in (TRAIN, VALID, TEST)]
    in_time = later[0].max() < later[1].min() and later[1].max() < later[2].min()
    assert (kind, apart, in_time) in (("random", False, False), ("time", False, True), ("user", True, False))


def test_users_that_training_never_saw_have_no_past_but_their_own_session(
    worlds: dict[str, Corpus], request: pytest.FixtureRequest
) -> None:
    """Every model above scored them; to all of them they are the user of whom nothing is known."""
    if request.node.callspec.params["worlds"] != "user":
        pytest.skip("training knows some of the users")
    corpus = worlds["as it was"]
    assert not user_codes(corpus, 1)[corpus.columns.session_split == TEST].any()
    clicks, _ = ClickHistory.of(corpus).of_queries(example_queries(corpus, "test"), own_session=False)
    assert not len(clicks)


def test_a_leak_is_noticed(worlds: dict[str, Corpus]) -> None:
    """Popularity over all sessions, and principal components over all prefixes, are not those of training alone."""

    def popularity(corpus: Corpus) -> Fitted:
        return {"clicks": clicks_per_item(corpus, corpus.session_rows())}

    class Everything(TrainingContext):
        def training_sessions(self, downstream: bool = False) -> np.ndarray:
            return self.corpus.session_rows()

    def components(corpus: Corpus) -> Fitted:
        context = Everything(corpus, seed=1)
        encoder = MeanPool(context.features.dims)
        encoder.pretrain(context)
        return {"axes": encoder.axes.numpy()}

    for leaking in (popularity, components):
        with pytest.raises(AssertionError, match="not equal"):
            same(worlds, leaking)
