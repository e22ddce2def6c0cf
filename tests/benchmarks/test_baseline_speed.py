"""How many examples each downstream model trains on per second, on one thread.

Twice for each: the step alone (forward, backward, clipping, Adam) on a batch at hand, and with everything that a batch
takes: drawing candidates, looking up words, images and histories, building the session. ``vanilla`` is joined, as the
harness joins it. Wall-clock seconds are those of the fastest round; CPU seconds are the mean over all of them, and tell
a busy machine from a slow program.

``pytest tests/benchmarks/test_baseline_speed.py --benchmark-json=FILE``, and then
``python results/speed/baseline_table.py FILE``, write what results/speed/ quotes. No rate is asserted, since machines
differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.ffn import FeedForward
from baselines.xgboost import BoostedTrees
from bench.contracts import ClickCorpus, ClickDims, IntentDims, SuggestionDims
from bench.data.candidates import Candidates, all_candidates
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.session_vectors import JoinedClickModel, TrainedAlong
from encoders.controls import Vanilla
from tasks.examples.click import ClickExamples, example_queries, sampled_candidates
from tasks.examples.suggestion import NextWords

pytestmark = pytest.mark.slow
SESSIONS, NEGATIVES, WIDTH = 4000, 5, 64


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrainingContext:
    """Simulated sessions, all of the downstream sample: 512-d images, 50-d words."""
    folder = tmp_path_factory.mktemp("speed") / "beauty"
    spec = registry().get("dataset", "beauty")
    sizes = {"sessions": SESSIONS, "downstream": SESSIONS}
    spec.load()(folder, name="beauty", progress=lambda *_: None, **{**spec.defaults, **sizes})
    return TrainingContext(Corpus(folder), 0)


def measure(benchmark: Any, work: Callable[[], Any], examples: int, rounds: int, **more: Any) -> None:
    """Times ``work``, which trains on ``examples``."""
    spent: list[float] = []

    def timed() -> None:
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)

    benchmark.pedantic(timed, rounds=rounds, warmup_rounds=2)
    cpu = float(np.mean(spent[2:]))
    benchmark.extra_info.update(
        examples=examples,
        examples_per_second=examples / benchmark.stats.stats.min,
        examples_per_cpu_second=examples / cpu,
        **more,
    )


def stepper(model: nn.Module, learning_rate: float) -> Callable[[Tensor], None]:
    """What ``bench.training.fitting.fit`` does with a loss."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    return step


@pytest.mark.parametrize("part", ["step", "with data"])
@pytest.mark.parametrize(
    ("name", "options", "rounds"),
    [
        ("transearch", {}, 60),
        ("alstp", {}, 60),
        ("alstp", {"global_dim": 128}, 40),
        ("hscm", {}, 20),
        ("hscm", {"hidden": 256}, 3),
    ],
    ids=["transearch", "alstp", "alstp-128", "hscm", "hscm-256"],
)
def test_click_model(
    benchmark: Any,
    context: TrainingContext,
    name: str,
    options: dict[str, int],
    rounds: int,
    part: str,
) -> None:
    """With the declared defaults, and at the public code's widths where these are others."""
    torch.manual_seed(0)
    spec, corpus = registry().get("baseline", name), context.corpus
    queries = example_queries(corpus, "train")
    examples = ClickExamples(corpus, context.features, 2)
    click_model = spec.load()(ClickDims(context.features.dims, examples.num_users), **{**spec.defaults, **options})
    started = time.process_time()
    click_model.prepare(ClickCorpus(corpus, context.features, queries))
    prepared = time.process_time() - started
    model = JoinedClickModel(
        click_model, TrainedAlong(Vanilla, context), context.torch_generator("joining layer")
    ).train()
    step, order, shown = (
        stepper(model, click_model.learning_rate),
        np.random.default_rng(0),
        all_candidates(corpus, queries),
    )

    def deal() -> Any:
        rows = order.integers(0, len(queries), click_model.batch_size)
        some = Candidates(shown.items[rows], shown.clicked[rows], shown.shown[rows])
        return examples.batch(queries[rows], sampled_candidates(some, NEGATIVES, order))

    def train(batch: Any) -> None:
        loss = click_model.loss(model(batch), batch.clicks, batch.shown)
        auxiliary = click_model.auxiliary_loss(batch)
        step(loss if auxiliary is None else loss + auxiliary)

    batches = [deal() for _ in range(8)]
    for batch in batches:
        _ = batch.query_text, batch.item_text, batch.item_images  # looked up when first read: at hand from here on
    work = (lambda: train(batches[order.integers(8)])) if part == "step" else (lambda: train(deal()))
    called = ", ".join([name, *(f"{key} {value}" for key, value in options.items())])
    more = {"model": called, "part": part, "prepare_cpu_seconds": prepared, "sessions": SESSIONS}
    measure(benchmark, work, click_model.batch_size, rounds, **more)


@pytest.mark.parametrize("part", ["step", "with data"])
@pytest.mark.parametrize("vocabulary", [5_200, 100_000])
def test_ffn(benchmark: Any, vocabulary: int, part: str) -> None:
    """Answers of 1 … 5 words; session vectors are frozen ones."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, 20_000)
    answers = NextWords(offsets_of(lengths), rng.integers(0, vocabulary, lengths.sum()))
    vectors = torch.randn(len(lengths), WIDTH)
    model = FeedForward(SuggestionDims(WIDTH, vocabulary)).train()
    model.prepare(torch.from_numpy(answers.counts(vocabulary)), len(lengths))
    step = stepper(model, model.learning_rate)

    def deal() -> tuple[Tensor, Tensor, Tensor]:
        rows = rng.integers(0, len(lengths), model.batch_size)
        return vectors[torch.from_numpy(rows)], *answers.of(rows, vectors.device)

    batches = [deal() for _ in range(8)]
    one = lambda: batches[rng.integers(8)] if part == "step" else deal()  # noqa: E731
    more = {"model": f"ffn, V = {vocabulary:,}", "part": part}
    measure(benchmark, lambda: step(model.loss(*one())), model.batch_size, 40 if vocabulary < 10_000 else 8, **more)


@pytest.mark.parametrize("part", ["training", "classifying"])
def test_xgboost(benchmark: Any, context: TrainingContext, part: str) -> None:
    """All rounds of a run: 100 trees for each of three classes, over 10,000 sessions of 64 numbers."""
    rng, rounds = np.random.default_rng(0), 100
    vectors = rng.normal(size=(10_000, WIDTH)).astype(np.float32)
    labels = np.digitize(vectors[:, 0] + vectors[:, 1] * vectors[:, 2] + rng.normal(size=10_000), [-0.7, 0.7])
    trees = BoostedTrees(IntentDims(WIDTH, 3), rounds=rounds, patience=rounds)

    def train() -> None:
        trees.fit(vectors[:9000], labels[:9000], vectors[9000:], labels[9000:], context)

    train()
    more = {"model": f"xgboost, {rounds} rounds", "part": part}
    if part == "training":
        measure(benchmark, train, 9000, 2, **more)
    else:
        measure(benchmark, lambda: trees.probabilities(vectors), len(vectors), 10, **more)
