"""How much faster a click model trains and validates than as one would write it down first, in one run, on one thread;
and that both give the same numbers.

``pytest tests/benchmarks/test_downstream_speed.py --benchmark-json=FILE`` records the ratios; none is asserted. Seconds
are those of the processor, and the two sides take turns. Other work may share the machine: compared are the fastest of
their epochs, and each with its neighbour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import plain_clicks as plain
import pytest
import torch
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickCorpus, ClickDims
from bench.data.candidates import Candidates, all_candidates
from bench.data.corpus import Corpus
from bench.metrics.ranking import ranking_metrics
from bench.plugins.registry import registry
from bench.training.adam import Adam
from bench.training.clipping import clip_gradients
from bench.training.context import TrainingContext
from bench.training.session_vectors import JoinedClickModel, TrainedAlong
from tasks.examples.batches import epoch_batches
from tasks.examples.click import ClickExamples, example_queries, sampled_candidates
from tasks.examples.click_evaluation import ClickEvaluation, metrics_of
from tasks.options import DrawnBy

pytestmark = pytest.mark.slow
SESSIONS, NEGATIVES, EPOCHS = 4000, 5, 12


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


@dataclass
class Side:
    """One way to train: what it reads, and how it scores; epochs give their losses and the validation's NDCG@10."""

    model: JoinedClickModel
    deal: Callable[[np.ndarray, Candidates], ClickBatch]
    scores: Callable[[ClickBatch], Tensor]
    validate: Callable[[], float]
    clip: Callable[[list[nn.Parameter], float], object]
    adam: Callable[[list[nn.Parameter]], Adam | torch.optim.Optimizer]
    drawn: DrawnBy

    def __post_init__(self) -> None:
        self.parameters = list(self.model.parameters())
        self.optimizer = self.adam(self.parameters)
        self.order, self.generator = np.random.default_rng(0), torch.manual_seed(0).get_state()
        self.seconds: list[float] = []
        self.numbers: list[list[float]] = []

    def epoch(self, queries: np.ndarray, sessions: np.ndarray, shown: Candidates) -> None:
        """Trains on all queries, of these sessions, once and validates."""
        torch.set_rng_state(self.generator)
        started = time.process_time()
        self.model.train()
        dealt, losses = sampled_candidates(shown, NEGATIVES, self.order), []
        size = self.model.model.batch_size
        for rows in epoch_batches(sessions, size, self.drawn, self.order):
            batch = self.deal(queries[rows], Candidates(dealt.items[rows], dealt.clicked[rows], dealt.shown[rows]))
            loss = self.model.model.loss(self.scores(batch), batch.clicks, batch.shown)
            auxiliary = self.model.model.auxiliary_loss(batch)
            loss = loss if auxiliary is None else loss + auxiliary
            self.optimizer.zero_grad()
            loss.backward()
            self.clip(self.parameters, 5.0)
            self.optimizer.step()
            losses.append(loss.detach())
        self.model.eval()
        valid = self.validate()
        self.seconds.append(time.process_time() - started)
        self.numbers.append([float(torch.stack(losses).mean()), valid])
        self.generator = torch.get_rng_state()


@pytest.mark.parametrize(
    ("encoder", "drawn"), [("vanilla", "queries"), ("lstm", "queries"), ("vanilla", "sessions"), ("lstm", "sessions")]
)
def test_an_epoch_of_transearch(benchmark: Any, context: TrainingContext, encoder: str, drawn: DrawnBy) -> None:
    """Training and validation, as the task does them; both sides on the same batches."""
    corpus, features, spec = context.corpus, context.features, registry().get("encoder", encoder)
    train, valid = (example_queries(corpus, split) for split in ("train", "valid"))
    examples, baseline = ClickExamples(corpus, features, 2), registry().get("baseline", "transearch")
    torch.manual_seed(0)
    click_model = baseline.load()(ClickDims(features.dims, examples.num_users), **baseline.defaults)
    sessions = TrainedAlong(lambda dims: spec.load()(dims, **spec.defaults), context)
    model = JoinedClickModel(click_model, sessions, context.torch_generator("joining layer"))
    click_model.prepare(ClickCorpus(corpus, features, train))
    written_down = deepcopy(model)
    every, whole = ClickEvaluation(examples, valid), plain.PlainClicks(corpus, features, examples.users)
    asked = all_candidates(corpus, valid)

    def ndcg(scores: np.ndarray) -> float:
        metrics = ranking_metrics(scores, asked.clicked, asked.shown)
        return float(metrics["ndcg@10"].mean())

    ours = Side(
        model,
        examples.batch,
        model,
        lambda: float(metrics_of(every.scored_by(model))["ndcg@10"].mean()),
        clip_gradients,
        lambda parameters: Adam(parameters, 1e-3),
        drawn,
    )
    theirs = Side(
        written_down,
        whole.batch,
        lambda batch: plain.scores(written_down, batch),
        lambda: ndcg(whole.shown_scores(written_down, valid)),
        nn.utils.clip_grad_norm_,
        lambda parameters: torch.optim.Adam(parameters, lr=1e-3, fused=True),
        drawn,
    )
    shown, owners = all_candidates(corpus, train), np.asarray(corpus.columns.query_session)[train]

    def in_turn() -> tuple[tuple, dict]:
        with plain.torch_alone():
            theirs.epoch(train, owners, shown)
        return (train, owners, shown), {}

    benchmark.pedantic(ours.epoch, setup=in_turn, rounds=EPOCHS)
    rates = [len(train) / min(side.seconds[1:]) for side in (ours, theirs)]
    in_turns = np.divide(theirs.seconds[1:], ours.seconds[1:])
    benchmark.extra_info.update(
        model=f"transearch × {encoder}, batches of {drawn}",
        examples=len(train),
        examples_per_cpu_second=rates[0],
        plain_examples_per_cpu_second=rates[1],
        ratio=rates[0] / rates[1],
        median_ratio_of_neighbours=float(np.median(in_turns)),
    )
    first, plain_first = ours.numbers[0], theirs.numbers[0]
    assert first[0] == pytest.approx(plain_first[0], abs=1e-5, rel=0)
    assert first[1] == pytest.approx(plain_first[1], abs=1e-3, rel=0), "a swapped rank is a swapped rank"
