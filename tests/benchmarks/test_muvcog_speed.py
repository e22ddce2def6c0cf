"""How much faster MUVCOG is than its plain restatement, on one thread, in one run; and that both give the same numbers.

``pytest tests/benchmarks/test_muvcog_speed.py --benchmark-json=FILE`` records what results/speed/README.md quotes. The
ratios asserted are far below those measured, since other work may share the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import plain_muvcog as plain
import pytest
import torch

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from encoders.muvcog.contrast import mask_one_step, sharing
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.model import Muvcog
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.steps_of import OwnSteps

pytestmark = pytest.mark.slow
BATCH, PLAIN_BATCH = 256, 32


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrainingContext:
    folder = tmp_path_factory.mktemp("speed") / "beauty"
    spec = registry().get("dataset", "beauty")
    spec.load()(folder, name="beauty", progress=lambda *_: None, **{**spec.defaults, "sessions": 4000})
    return TrainingContext(Corpus(folder), 0)


@pytest.fixture(scope="module")
def encoder(context: TrainingContext) -> Muvcog:
    torch.manual_seed(0)
    spec = registry().get("encoder", "muvcog-m")
    return spec.load()(context.features.dims, **spec.defaults)


def plain_sessions(batch: SessionBatch) -> list[list[plain.Step]]:
    sessions: list[list[plain.Step]] = [[] for _ in range(len(batch))]
    words: list[list[int]] = [[] for _ in batch.step_kind]
    image: list[int | None] = [None for _ in batch.step_kind]
    for word, step in zip(batch.words.tolist(), batch.word_step.tolist(), strict=True):
        words[step].append(word)
    for row, step in zip(batch.images.tolist(), batch.image_step.tolist(), strict=True):
        image[step] = row
    for step, (session, kind) in enumerate(zip(batch.step_session.tolist(), batch.step_kind.tolist(), strict=True)):
        sessions[session].append(("product" if kind else "keyword", words[step], image[step]))
    return sessions


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """The fastest of some rounds, after one that is not counted."""
    work()
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def compare(benchmark: Any, ours: Callable, sessions: int, theirs: Callable, plain_sessions: int, least: float) -> None:
    """Times both sides and asserts the ratio of sessions per second."""
    plain_rate = plain_sessions / seconds(theirs, 2)
    benchmark.pedantic(ours, rounds=15, warmup_rounds=3)
    rate = sessions / benchmark.stats.stats.min
    benchmark.extra_info.update(sessions_per_second=rate, plain_sessions_per_second=plain_rate, ratio=rate / plain_rate)
    assert rate / plain_rate >= least


def test_both_sides_give_the_same_loss(context: TrainingContext, encoder: Muvcog) -> None:
    rows = context.training_sessions()[:24]
    batch = context.sessions(rows)
    items, owner = context.clicks.of_sessions(rows)
    barred = sharing(torch.from_numpy(items.astype(np.int64)), torch.from_numpy(owner), len(rows))
    clicks = [set(items[owner == at].tolist()) for at in range(len(rows))]
    ours = encoder.loss(batch, barred, torch.Generator().manual_seed(3))
    positives = plain_sessions(mask_one_step(batch, torch.Generator().manual_seed(3)))
    theirs = plain.loss(encoder, context.features, plain_sessions(batch), positives, clicks)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    gradients = [torch.autograd.grad(loss, list(encoder.parameters())) for loss in (ours, theirs)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_graph_building(benchmark: Any, context: TrainingContext) -> None:
    batch = context.sessions(context.training_sessions()[:BATCH])
    listed = plain_sessions(batch)
    compare(
        benchmark,
        lambda: SessionGraphs.of(batch),
        BATCH,
        lambda: [plain.build_graph(session) for session in listed],
        BATCH,
        least=50,
    )


def test_pretraining_step(benchmark: Any, context: TrainingContext, encoder: Muvcog) -> None:
    """Graphs of anchors and positives included, on both sides."""
    rows, draws = context.training_sessions(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(encoder.parameters(), fused=True)
    objective = ContrastObjective(encoder, OwnSteps(context), context)
    order = np.random.default_rng(0)

    def ours() -> None:
        optimizer.zero_grad(set_to_none=True)
        objective.loss(order.choice(rows, BATCH, replace=False), PretrainingStep(1, 1.0), draws).backward()
        optimizer.step()

    some = rows[:PLAIN_BATCH]
    batch = context.sessions(some)
    items, owner = context.clicks.of_sessions(some)
    clicks = [set(items[owner == at].tolist()) for at in range(len(some))]
    anchors, positives = plain_sessions(batch), plain_sessions(mask_one_step(batch, draws))

    def theirs() -> None:
        optimizer.zero_grad(set_to_none=True)
        plain.loss(encoder, context.features, anchors, positives, clicks).backward()
        optimizer.step()

    compare(benchmark, ours, BATCH, theirs, PLAIN_BATCH, least=12)


def test_extraction(benchmark: Any, context: TrainingContext, encoder: Muvcog) -> None:
    """Whole sessions from the corpus on disk to vectors."""
    last = context.corpus.columns.session_queries[1:] - 1

    @torch.inference_mode()
    def ours() -> None:
        encoder(SessionBatch.from_prefixes(context.corpus, last[:BATCH], context.features))

    listed = plain_sessions(context.sessions(np.arange(PLAIN_BATCH)))

    @torch.inference_mode()
    def theirs() -> None:
        for session in listed:
            plain.views(encoder, context.features, plain.build_graph(session))

    compare(benchmark, ours, BATCH, theirs, PLAIN_BATCH, least=20)
