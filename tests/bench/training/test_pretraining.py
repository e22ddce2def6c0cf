"""Pretraining leaves the plateau where there is something to learn, warns where not, sees training sessions only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from small_corpora import random_corpus
from torch import Tensor, nn

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.training.checkpoint import load_checkpoint, save_checkpoint
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from bench.training.pretraining import pretrain
from bench.training.pretraining_config import PretrainingConfig

QUICK = PretrainingConfig(steps=60, batch_size=16, learning_rate=0.05, warmup=5, validate_every=10)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("pretraining") / "corpus", sessions=100)


class Matching(nn.Module):
    """Which of two lists of vectors belong together, by a bilinear form that knows nothing at first.

    Args:
        likeness: 1 where a positive is a noisy copy, 0 where it has nothing to do with its anchor.
    """

    def __init__(self, likeness: float) -> None:
        super().__init__()
        self.form = nn.Parameter(torch.zeros(12, 12))
        self.likeness = likeness
        self.vectors = torch.randn(100, 12, generator=torch.Generator().manual_seed(1))
        self.trained: list[NDArray] = []
        self.judged: list[NDArray] = []
        self.steps: list[int] = []

    def scores(self, rows: NDArray, draws: torch.Generator) -> Tensor:
        anchors = self.vectors[torch.from_numpy(rows)]
        noise = torch.randn(anchors.shape, generator=draws)
        return anchors @ self.form @ (self.likeness * anchors + (1.2 - self.likeness) * noise).T

    def loss(self, rows: NDArray, step: PretrainingStep, draws: torch.Generator) -> Tensor:
        self.trained.append(rows)
        self.steps.append(step.number)
        assert self.training
        assert torch.is_grad_enabled()
        return F.cross_entropy(self.scores(rows, draws), torch.arange(len(rows)))

    def accuracy(self, rows: NDArray, draws: torch.Generator) -> float:
        self.judged.append(rows)
        assert not self.training
        assert not torch.is_grad_enabled()
        return float((self.scores(rows, draws).argmax(1) == torch.arange(len(rows))).double().mean())

    def plateau(self, batch: int) -> float:
        self.batch = batch
        return 0.1 + 0.9 / batch


def pretrained(corpus: Corpus, likeness: float = 1.0, seed: int = 0, config: PretrainingConfig = QUICK) -> tuple:
    context, model = TrainingContext(corpus, seed), Matching(likeness)
    pretrain(model, model, config, context)
    return model, context


def test_it_leaves_the_plateau_where_there_is_something_to_learn(corpus: Corpus) -> None:
    model, context = pretrained(corpus)
    assert context.curve[-1]["valid_accuracy"] > 0.8
    assert context.curve[-1]["train_loss"] < 0.5 * context.curve[0]["train_loss"]
    assert context.warnings == []
    assert not model.training


def test_it_warns_where_it_ends_on_the_plateau(corpus: Corpus) -> None:
    _, context = pretrained(corpus, likeness=0.0, seed=1)
    assert len(context.warnings) == 1
    assert "plateau" in context.warnings[0]
    assert "raise steps" in context.warnings[0]


def test_what_counts_as_a_plateau_is_for_the_objective_to_say(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = pretrained(corpus)
    assert model.batch == min(QUICK.batch_size, len(corpus.session_rows("valid")))
    monkeypatch.setattr(Matching, "plateau", lambda self, batch: 1.01)
    _, context = pretrained(corpus)
    assert "plateau" in context.warnings[0], "nothing is above 100 %"
    monkeypatch.setattr(Matching, "plateau", lambda self, batch: 0.0)
    _, context = pretrained(corpus, likeness=0.0, seed=1)
    assert context.warnings == []


def test_no_steps_leave_the_first_weights_and_warn_of_nothing(corpus: Corpus) -> None:
    model = Matching(1.0)
    first = model.form.detach().clone()
    context = TrainingContext(corpus, 0)
    pretrain(model, model, PretrainingConfig(steps=0), context)
    assert torch.equal(model.form.detach(), first)
    assert (context.warnings, context.curve, model.training) == ([], [], False)


def test_the_curve_has_a_row_for_every_validation(corpus: Corpus) -> None:
    seen: list[tuple[int, int]] = []
    context, model = TrainingContext(corpus, 0, progress=lambda done, total: seen.append((done, total))), Matching(1.0)
    pretrain(model, model, PretrainingConfig(steps=25, batch_size=16, warmup=20, validate_every=10), context)
    assert [row["step"] for row in context.curve] == [10, 20, 25]
    assert all(set(row) == {"step", "train_loss", "valid_accuracy", "learning_rate"} for row in context.curve)
    rates = [row["learning_rate"] for row in context.curve]
    np.testing.assert_allclose(rates, [0.0025, 0.005, 0.005])
    assert seen == [(step, 25) for step in range(1, 26)]
    assert model.steps == list(range(1, 26))


def test_what_an_objective_records_stands_in_the_curve_as_a_mean_since_the_last_row(corpus: Corpus) -> None:
    class Recording(Matching):
        def loss(self, rows: NDArray, step: PretrainingStep, draws: torch.Generator) -> Tensor:
            step.record("number", torch.tensor(float(step.number)))
            step.record("number", torch.tensor(float("nan")))
            if step.number > 2:
                step.record("late", torch.tensor(1.0))
            return super().loss(rows, step, draws)

    context, model = TrainingContext(corpus, 0), Recording(1.0)
    pretrain(model, model, PretrainingConfig(steps=5, batch_size=16, validate_every=2), context)
    assert [row["number"] for row in context.curve] == [1.5, 3.5, 5.0]
    assert ["late" in row for row in context.curve] == [False, True, True]


def test_training_sessions_only_each_once_before_any_again(corpus: Corpus) -> None:
    model, _ = pretrained(corpus)
    training, validation = corpus.session_rows("train"), corpus.session_rows("valid")
    assert all(len(rows) == QUICK.batch_size for rows in model.trained)
    dealt = np.concatenate(model.trained)
    for start in range(0, len(dealt) - len(training), len(training)):
        assert sorted(dealt[start : start + len(training)]) == sorted(training)
    assert not np.array_equal(dealt[:60], dealt[60:120]), "shuffled anew"
    judged = np.concatenate(model.judged)
    assert set(judged) == set(validation)
    assert not set(judged) & set(training)


def test_held_out_sessions_are_capped_and_always_the_same(corpus: Corpus) -> None:
    model, _ = pretrained(corpus, config=PretrainingConfig(steps=20, validate_every=10, validation_sessions=7))
    assert [rows.tolist() for rows in model.judged] == [corpus.session_rows("valid")[:7].tolist()] * 2


class Scripted(Matching):
    """Validates as it is told."""

    def __init__(self, accuracies: list[float], losses: dict[int, float] | None = None) -> None:
        super().__init__(1.0)
        self.script, self.losses, self.states = accuracies, losses or {}, []

    def loss(self, rows: NDArray, step: PretrainingStep, draws: torch.Generator) -> Tensor:
        return super().loss(rows, step, draws) * self.losses.get(step.number, 1.0)

    def accuracy(self, rows: NDArray, draws: torch.Generator) -> float:
        super().accuracy(rows, draws)
        self.states.append(self.form.detach().clone())
        return self.script[len(self.states) - 1]


@pytest.mark.parametrize(("script", "best"), [([0.1, 0.9, 0.2], 1), ([0.9, 0.1, 0.2], 0), ([0.5, 0.5, 0.5], 2)])
def test_the_weights_that_validated_best_are_kept(corpus: Corpus, script: list[float], best: int) -> None:
    model = Scripted(script)
    pretrain(model, model, PretrainingConfig(steps=30, batch_size=16, validate_every=10), TrainingContext(corpus, 0))
    assert torch.equal(model.form.detach(), model.states[best])
    assert not torch.equal(model.states[0], model.states[1])


def test_without_held_out_sessions_the_last_step_counts(corpus: Corpus) -> None:
    config = PretrainingConfig(steps=20, batch_size=16, validate_every=10, validation_sessions=0)
    model, context = pretrained(corpus, config=config)
    last = TrainingContext(corpus, 0)
    twin = Scripted([0.0, 1.0])
    pretrain(twin, twin, PretrainingConfig(steps=20, batch_size=16, validate_every=10), last)
    assert torch.equal(model.form, twin.form)
    assert model.judged == []
    assert context.warnings == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_it(corpus: Corpus, value: float) -> None:
    model = Scripted([0.1] * 9, {13: value})
    context = TrainingContext(corpus, 0)
    with pytest.raises(BenchError, match=r"pretraining loss is (nan|inf) at step 20 .*learning_rate"):
        pretrain(model, model, PretrainingConfig(steps=40, batch_size=16, validate_every=10), context)
    assert [row["step"] for row in context.curve] == [10]


def test_everything_random_follows_from_the_seed(corpus: Corpus) -> None:
    forms = []
    for ambient, seed in ((1, 0), (2, 0), (1, 5)):
        torch.manual_seed(ambient)
        np.random.seed(ambient)
        forms.append(pretrained(corpus, seed=seed)[0].form.detach())
    assert torch.equal(forms[0], forms[1])
    assert not torch.equal(forms[0], forms[2])


def test_no_training_sessions_is_a_clear_error(corpus: Corpus) -> None:
    class Empty(TrainingContext):
        def training_sessions(self, downstream: bool = False) -> NDArray[np.int64]:
            return np.empty(0, dtype=np.int64)

    model = Matching(1.0)
    with pytest.raises(BenchError, match="no training sessions"):
        pretrain(model, model, QUICK, Empty(corpus, 0))


def test_options_of_an_encoder_that_are_not_of_pretraining_are_left_alone() -> None:
    config = PretrainingConfig.of({"steps": 7, "clip": 1.0, "view_dim": 3})
    assert config == PretrainingConfig(steps=7, clip=1.0)


def test_the_context_splits_as_the_corpus_does_and_draws_apart(corpus: Corpus, tmp_path: Path) -> None:
    context = TrainingContext(corpus, 4)
    np.testing.assert_array_equal(context.training_sessions(), corpus.session_rows("train"))
    assert not set(context.training_sessions()) & set(context.validation_sessions())
    draw = context.generator("a").random(3)
    np.testing.assert_array_equal(draw, TrainingContext(corpus, 4).generator("a").random(3))
    for stream in (context.generator("b"), TrainingContext(corpus, 5).generator("a")):
        assert not np.array_equal(draw, stream.random(3))
    same = [torch.rand(3, generator=context.torch_generator("a")) for _ in range(2)]
    assert torch.equal(*same)


# ---- schedule, patience, resume --------------------------------------------------------------------------------------


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    config = PretrainingConfig(steps=110, warmup=10, learning_rate=0.4, schedule="cosine")
    np.testing.assert_allclose([config.rate(s) for s in (1, 5, 10, 60, 110)], [0.04, 0.2, 0.4, 0.2, 0.0], atol=1e-12)
    constant = PretrainingConfig(steps=110, warmup=0, learning_rate=0.4)
    assert {constant.rate(step) for step in (1, 60, 110)} == {0.4}


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("schedule", "cosin", "cosine"),
        ("precision", "float16", "bfloat16"),
        ("steps", -1, "from 0 to"),
        ("batch_size", 0, "from 1 to 1,000,000"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "not a number"),
        ("warmup", -1, "from 0 to"),
        ("clip", 0.0, "above 0"),
        ("patience", -1, "from 0 to"),
        ("validate_every", 0, "from 1 to 1,000,000,000"),
        ("validation_sessions", -1, "from 0 to"),
        ("steps", 1.5, "not a whole number"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_is_allowed(option: str, value: Any, allowed: str) -> None:
    with pytest.raises(BenchError, match=rf"{option}.*{allowed}"):
        PretrainingConfig(**{option: value})


def test_it_stops_when_validation_gets_no_better(corpus: Corpus) -> None:
    model, context = Scripted([0.5, 0.6, 0.6, 0.4, 0.9]), TrainingContext(corpus, 0)
    pretrain(model, model, PretrainingConfig(steps=50, batch_size=16, validate_every=10, patience=2), context)
    assert context.curve[-1]["step"] == 40
    assert torch.equal(model.form.detach(), model.states[2])


def test_the_objective_is_told_the_latest_accuracy(corpus: Corpus) -> None:
    told: list[float] = []

    class Listening(Scripted):
        def loss(self, rows: NDArray, step: PretrainingStep, draws: torch.Generator) -> Tensor:
            told.append(step.accuracy)
            return super().loss(rows, step, draws)

    model = Listening([0.25, 0.75])
    pretrain(model, model, PretrainingConfig(steps=20, batch_size=16, validate_every=10), TrainingContext(corpus, 0))
    assert told == [0.0] * 10 + [0.25] * 10


def test_low_precision_learns_the_same(corpus: Corpus) -> None:
    model, context = pretrained(corpus, config=replace(QUICK, precision="bfloat16"))
    assert context.curve[-1]["valid_accuracy"] > 0.8
    assert model.form.dtype == torch.float32
    assert not torch.equal(model.form, pretrained(corpus)[0].form), "the products were rounded"


class KilledError(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("at", [15, 35, 59])
def test_a_killed_pretraining_goes_on_to_the_same_weights(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr("bench.training.pretraining._CHECKPOINT_SECONDS", 0.0)
    unbroken, whole = pretrained(corpus, config=replace(QUICK, schedule="cosine"))

    def attempt(stop: int | None) -> tuple[Matching, TrainingContext]:
        def progress(done: int, total: int) -> None:
            if done == stop:
                raise KilledError

        context = TrainingContext(corpus, 0, progress=progress, checkpoint=tmp_path / "state" / "run.safetensors")
        model = Matching(1.0)
        pretrain(model, model, replace(QUICK, schedule="cosine"), context)
        return model, context

    with pytest.raises(KilledError):
        attempt(at)
    resumed, context = attempt(None)
    assert torch.equal(resumed.form, unbroken.form)
    assert context.curve == whole.curve
    assert resumed.steps[0] == at // 10 * 10 + 1, "it did not start anew"


@pytest.mark.parametrize(("shorter", "goes_on"), [(30, True), (35, False)], ids=["at a validation", "between two"])
def test_a_longer_budget_goes_on_from_a_shorter_one_to_the_same_weights(
    corpus: Corpus, tmp_path: Path, shorter: int, goes_on: bool
) -> None:
    """Where the last step had no validation of its own, and the learning rate does not know the number of steps."""
    unbroken, whole = pretrained(corpus, config=QUICK)

    def run(steps: int) -> tuple[Matching, TrainingContext]:
        context, model = TrainingContext(corpus, 0, trajectory=tmp_path / "longest.safetensors"), Matching(1.0)
        pretrain(model, model, replace(QUICK, steps=steps), context)
        return model, context

    run(shorter)
    longer, context = run(QUICK.steps)
    assert context.continued_from == (shorter if goes_on else 0)
    assert longer.steps[0] == context.continued_from + 1
    assert torch.equal(longer.form, unbroken.form)
    assert context.curve == whole.curve
    again, context = run(shorter)
    assert context.continued_from == 0, "a longer one is no start of a shorter one"
    assert again.steps[0] == 1
    if goes_on:
        assert load_checkpoint(tmp_path / "longest.safetensors")[1]["step"] == QUICK.steps, "nor does it replace it"


def test_a_budget_whose_learning_rate_knows_its_end_goes_on_from_no_other(corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "longest.safetensors"
    for steps in (30, QUICK.steps):
        context, model = TrainingContext(corpus, 0, trajectory=file), Matching(1.0)
        pretrain(model, model, replace(QUICK, steps=steps, schedule="cosine"), context)
        assert context.continued_from == 0
    assert not file.exists()


@pytest.mark.parametrize("harm", ["half written", "a flipped bit"])
def test_a_damaged_checkpoint_is_set_aside_and_the_pretraining_starts_anew(
    harm: str, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.safetensors"
    save_checkpoint(file, {"model.form": torch.ones(3)}, {"step": 5})
    whole = file.read_bytes()
    broken = b"half a che" if harm == "half written" else whole[:-1] + bytes([whole[-1] ^ 1])
    file.write_bytes(broken)
    model, fresh = Matching(1.0), Matching(1.0)
    pretrain(model, model, QUICK, TrainingContext(corpus, 0, checkpoint=file))
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"set aside as {file.name}.broken-1, the pretraining starts anew" in said
    assert (tmp_path / "run.safetensors.broken-1").read_bytes() == broken
    pretrain(fresh, fresh, QUICK, TrainingContext(corpus, 0))
    assert torch.equal(model.form, fresh.form)
