"""With the label permuted every metric falls to what chance gives, for every baseline, through the harness.

If it did not, something would know the answer: a history that holds the query's own click, a graph that holds the
session's, an example that carries its label, a metric that favours somebody. Only the labels of examples are permuted;
what a session asks stays as it is.

What chance gives is exact. Permuted clicks stand anywhere in their list alike, whatever the scores: the expected metric
of a query is that of tied scores. Permuted words belong to any test query alike: the expectation is the mean over all
pairs of a prediction and an answer, with Hoeffding's variance (1951) of a sum over a random permutation. Metrics of
intents are pooled: there the test labels are permuted again, many times.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from whole_corpora import read, write

from bench.data.candidates import all_candidates
from bench.data.corpus import Corpus
from bench.data.csr import expand_ranges, offsets_of, take_rows
from bench.data.features import Features
from bench.metrics.classification import metrics_of_predictions
from bench.metrics.ranking import ranking_metrics
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.runs.work import perform
from tasks import intent, suggest
from tasks.examples import suggestion as suggestion_examples
from tasks.examples.click import example_queries
from tasks.examples.intent import Intents
from tasks.examples.suggestion import NextWords

LIMIT = 3.5  # standard errors; 16 metrics, so by chance alone one run in a hundred would go beyond
CLICK_METRICS = {"ndcg@10", "hr@10", "mrr@10"}


def baselines(task: str) -> list[str]:
    return [name for name in registry().names("baseline") if registry().get("baseline", name).task == task]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Simulated sessions, all of them of the downstream sample, of the world in which a few epochs learn enough."""
    folder = tmp_path_factory.mktemp("simulated") / "beauty"
    spec = registry().get("dataset", "beauty")
    sizes = {"sessions": 1000, "downstream": 1000, "shown": 20, "world": 1}
    spec.load()(folder, name="beauty", progress=lambda *_: None, **{**spec.defaults, **sizes})
    return Corpus(folder)


@pytest.fixture(scope="module")
def permuted_clicks(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The same, but within each query's list the clicks stand anywhere: in all splits, for all who read clicks.

    The truth stays as it was: what ceilings know has nothing to do with these clicks.
    """
    offsets = corpus.columns.query_impressions
    place, query = expand_ranges(offsets[:-1], offsets[1:])
    order = place[np.lexsort((np.random.default_rng(1).random(len(place)), query))]
    content = read(corpus)
    for column in ("clicked", "click_time"):
        content.replace("impressions", column, content.tables["impressions"][column].take(order).to_pylist())
    permuted = write(tmp_path_factory.mktemp("permuted") / "beauty", content)
    shutil.copytree(corpus.folder / "truth", permuted.folder / "truth")
    return permuted


def cell(corpus: Corpus, root: Path, task: str, baseline: str, encoder: str, *settings: str) -> dict[str, pd.DataFrame]:
    """Scores and predictions of the cell with seed 0, run in this process."""
    store = Store(root)
    request = RunRequest(task, [encoder], [baseline], [str(corpus.folder)], 1, settings, "cpu")
    planned = make_plan(request, registry(), store).cells[-1]
    for job in planned.jobs:
        record = perform(job, store)
        assert record["status"] == "done", record["traceback"]
    folder = store.folder("cells", planned.key)
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("scores", "predictions")}


def beyond_chance(found: NDArray, expected: NDArray) -> float:
    """By how many standard errors the mean of ``found`` (n,) lies above that of its expectations (n,)."""
    difference = found - expected
    if not difference.any():
        return 0.0  # chance itself: every query has just what is expected
    return float(difference.mean() / (difference.std(ddof=1) / np.sqrt(len(difference))))


# ---- ctr -------------------------------------------------------------------------------------------------------------


def click_deviations(corpus: Corpus, scores: pd.DataFrame) -> dict[str, float]:
    queries = example_queries(corpus, "test")
    shown = all_candidates(corpus, queries)
    chance = ranking_metrics(np.zeros(shown.items.shape), shown.clicked, shown.shown)
    ids = corpus.strings("queries", "query_id").take(queries).to_pylist()
    wide = scores.pivot(index="unit", columns="metric", values="value").loc[ids]
    assert set(wide.columns) == set(chance) == CLICK_METRICS
    return {metric: beyond_chance(wide[metric].to_numpy(), chance[metric]) for metric in chance}


def run_clicks(corpus: Corpus, root: Path, baseline: str, encoder: str = "lstm") -> dict[str, float]:
    encoder = "vanilla" if registry().get("baseline", baseline).reference else encoder
    more = ["steps=40", "validate_every=20"] if encoder.startswith("muvcog") else []
    epochs = 2 if baseline == "hscm" else 4
    scores = cell(corpus, root, "ctr", baseline, encoder, f"epochs={epochs}", *more)["scores"]
    return click_deviations(corpus, scores)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("baseline", "encoder"),
    [*((name, "lstm") for name in baselines("ctr")), ("transearch", "muvcog-plus")],
    ids=lambda value: value,
)
def test_permuted_clicks_leave_chance(permuted_clicks: Corpus, tmp_path: Path, baseline: str, encoder: str) -> None:
    found = run_clicks(permuted_clicks, tmp_path, baseline, encoder)
    assert max(map(abs, found.values())) < LIMIT, found


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["popularity", "transearch", "alstp"])
def test_the_same_check_sees_what_models_learn_of_real_clicks(corpus: Corpus, tmp_path: Path, baseline: str) -> None:
    found = run_clicks(corpus, tmp_path, baseline)
    assert min(found.values()) > LIMIT, found


# ---- suggest ---------------------------------------------------------------------------------------------------------


def permuted_answers(after: Callable[..., NextWords], corpus: Corpus, queries: NDArray) -> NextWords:
    """The answers of a split's examples, dealt out anew."""
    answers = after(corpus, queries)
    order = np.random.default_rng([2, len(queries)]).permutation(len(answers))
    words, owner = take_rows(answers.offsets, answers.words, order)
    return NextWords(offsets_of(np.bincount(owner, minlength=len(order))), words)


def permutation_deviation(matrix: NDArray, found: NDArray) -> float:
    """Standard errors between the mean of ``found`` (n,) and that of matrix[i, π(i)] over all permutations π."""
    n = len(matrix)
    centred = matrix - matrix.mean(0) - matrix.mean(1, keepdims=True) + matrix.mean()
    return float((found.sum() - n * matrix.mean()) / np.sqrt((centred**2).sum() / (n - 1)))


def suggestion_deviations(corpus: Corpus, made: dict[str, pd.DataFrame], answers: NextWords) -> dict[str, float]:
    """Every prediction against every answer of the test split."""
    wide = made["scores"].pivot(index="unit", columns="metric", values="value")
    queries = (
        corpus.strings("queries", "query_id").take(suggestion_examples.example_queries(corpus, "test")).to_pylist()
    )
    row = {word: code for code, word in enumerate(corpus.strings("vocabulary", "word").to_pylist())}
    lists = made["predictions"].set_index("unit").loc[queries]
    top = lists["word"].map(row).to_numpy().reshape(-1, 10)  # (n, 10), best first
    n, vectors = len(top), Features.of(corpus).word_vectors.numpy().astype(np.float64)
    asked = np.zeros((n, len(row)), dtype=bool)
    asked[np.repeat(np.arange(n), np.diff(answers.offsets)), answers.words] = True
    hits = asked[:, top].transpose(1, 0, 2)  # (n predictions, n answers, 10)
    ideal = np.cumsum(1 / np.log2(np.arange(2, 12)))[np.minimum(asked.sum(1), 10) - 1]
    leading = np.where(hits.any(2), 1 / (hits.argmax(2) + 1), 0.0)
    unit = [m / np.linalg.norm(m, axis=1, keepdims=True) for m in (vectors[top].mean(1), asked @ vectors)]
    chance = {
        "ndcg@10": (hits / np.log2(np.arange(2, 12))).sum(2) / ideal,
        "hr@10": hits.any(2).astype(np.float64),
        "mrr@10": leading,
        "avg_sim": unit[0] @ unit[1].T,
    }
    assert set(chance) == set(wide.columns)
    for metric, matrix in chance.items():  # the diagonal is what the harness computed
        np.testing.assert_allclose(np.diag(matrix), wide.loc[queries, metric], atol=1e-5)
    return {m: permutation_deviation(matrix, wide.loc[queries, m].to_numpy()) for m, matrix in chance.items()}


def run_suggestions(corpus: Corpus, root: Path) -> dict[str, float]:
    made = cell(corpus, root, "suggest", "ffn", "lstm", "epochs=8")
    return suggestion_deviations(
        corpus, made, NextWords.after(corpus, suggestion_examples.example_queries(corpus, "test"))
    )


@pytest.mark.slow
def test_permuted_words_leave_chance(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest.NextWords, "after", partial(permuted_answers, NextWords.after))
    found = run_suggestions(corpus, tmp_path)
    assert max(map(abs, found.values())) < LIMIT, found


@pytest.mark.slow
def test_the_same_check_sees_what_a_model_learns_of_real_words(corpus: Corpus, tmp_path: Path) -> None:
    found = run_suggestions(corpus, tmp_path)
    assert min(found.values()) > LIMIT, found


# ---- intent ----------------------------------------------------------------------------------------------------------


def permuted_intents(of: Callable[..., Intents], corpus: Corpus, label: str) -> Intents:
    """The labels of the sessions, dealt out anew."""
    intents = of(corpus, label)
    labels = np.random.default_rng(3).permutation(intents.labels)
    return Intents(intents.sessions, intents.queries, labels, intents.names)


def run_intents(corpus: Corpus, root: Path) -> dict[str, float]:
    predictions = cell(corpus, root, "intent", "xgboost", "meanpool", "rounds=10")["predictions"]
    found, rng = metrics_of_predictions(predictions), np.random.default_rng(4)
    labels = predictions["label"].to_numpy()
    null = [metrics_of_predictions(predictions.assign(label=rng.permutation(labels))) for _ in range(200)]
    chance = pd.DataFrame(null)
    assert set(chance.columns) == set(found)
    return {name: float((found[name] - chance[name].mean()) / chance[name].std()) for name in found}


@pytest.mark.slow
def test_permuted_intents_leave_chance(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intent.Intents, "of", partial(permuted_intents, Intents.of))
    found = run_intents(corpus, tmp_path)
    assert max(map(abs, found.values())) < LIMIT, found


@pytest.mark.slow
def test_the_same_check_sees_what_trees_learn_of_real_intents(corpus: Corpus, tmp_path: Path) -> None:
    found = run_intents(corpus, tmp_path)
    assert min(found.values()) > LIMIT, found
