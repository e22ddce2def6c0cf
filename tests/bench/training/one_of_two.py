"""One of two processes that share batches, for test_ranks.py: ``python one_of_two.py CORPUS FOLDER`` with the variables
of torchrun. Whatever is to be compared goes to safetensors files in FOLDER, a file for each rank; and once more for
one process, by rank 0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

import bench.training.pretraining
from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.objective import Objective, PretrainingStep
from bench.training.pretraining import pretrain
from bench.training.pretraining_config import PretrainingConfig
from bench.training.ranks import ALONE, Ranks, Together
from bench.training.shared_batches import SharedBatches
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.plus import NextActionObjective
from encoders.muvcog.steps_of import OwnSteps

BATCH = 37  # of unequal shares: 18 and 19
STEPS = 12
CONTRAST = {
    "steps": STEPS,
    "batch_size": BATCH,
    "warmup": 2,
    "validate_every": 3,
    "validation_sessions": 41,
    "hard_at": 0,
}


class StoppedError(Exception):
    """Stands for a kill of all processes."""


class RowWise(nn.Module):
    """An objective that knows nothing of ranks: a mean over rows. One weight is of row 0 alone, one of no row."""

    def __init__(self) -> None:
        super().__init__()
        self.every, self.of_first, self.of_none = (nn.Parameter(torch.ones(3)) for _ in range(3))

    def loss(self, rows: NDArray[np.int64], step: PretrainingStep, draws: torch.Generator) -> Tensor:
        values = torch.from_numpy(rows).float().unsqueeze(1) * torch.tensor([1.0, 2.0, 3.0])
        loss = (values * self.every).square().mean()
        return loss + (self.of_first.sum() / len(rows) if 0 in rows else 0)

    def accuracy(self, rows: NDArray[np.int64], draws: torch.Generator) -> float:
        return float(np.mean(rows % 3 == 0))

    def plateau(self, batch: int) -> float:
        return 0.0


def encoder_of(name: str, context: TrainingContext, **options: Any) -> tuple[nn.Module, Objective]:
    """An encoder with its objective, at its first weights."""
    torch.manual_seed(3)
    spec = registry().get("encoder", name)
    encoder = spec.load()(context.features.dims, **{**spec.defaults, **options})
    if name == "muvcog-plus":
        return encoder, NextActionObjective(encoder, context)
    return encoder, ContrastObjective(encoder, OwnSteps(context), context)


def gradients(
    model: nn.Module, objective: Objective, rows: NDArray[np.int64], ranks: Ranks, accuracy: float, **config: Any
) -> dict[str, Tensor]:
    """The gradient of a batch by name of the weight, with its loss, accuracy, and the state of the generator after."""
    shared = SharedBatches(objective, PretrainingConfig(batch_size=BATCH, **config), ranks)
    draws = torch.Generator().manual_seed(5)
    loss = shared.loss(rows, PretrainingStep(1, accuracy), draws)
    loss.backward()
    ranks.sum_gradients(model.parameters())
    found = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
    model.zero_grad(set_to_none=True)
    with torch.no_grad():
        told = shared.accuracy([rows, rows[:20]], draws)
    after = torch.rand(3, generator=draws)
    return {**found, "loss": ranks.summed(loss.detach()), "accuracy": torch.tensor(told), "draws after": after}


def batches(context: TrainingContext, ranks: Ranks) -> dict[str, Tensor]:
    """Gradients of every kind of batch."""
    found: dict[str, dict[str, Tensor]] = {}
    rows = context.training_sessions()[:BATCH]
    for case, options in {
        "random": {"negatives": "random"},
        "hard": {},
        "unshared, whole": {"negatives": "hard-unshared", "mask_negatives": False, "contrast": "within"},
        "cosine": {"score": "cosine"},
    }.items():
        found[case] = gradients(*encoder_of("muvcog-m", context, **options), rows, ranks, 1.0)
    for case, of_graph in {"means": False, "graph": True}.items():
        plus = encoder_of("muvcog-plus", context, graph=of_graph)
        found[case] = gradients(*plus, rows, ranks, 0.0)
    for case, clicked in {"one click": rows[5:6], "no click": rows[:0]}.items():
        few = NextActionObjective(plus[0], context)  # type: ignore[arg-type]
        few._prefixes.with_clicks = lambda these, clicked=clicked: these[np.isin(these, clicked)]  # type: ignore[method-assign]
        found[case] = gradients(plus[0], few, rows, ranks, 0.0)
    row_wise = RowWise()
    found["rows"] = gradients(row_wise, row_wise, np.arange(BATCH), ranks, 0.0, negatives_from="rank")
    return {f"{case}: {name}": value for case, values in found.items() for name, value in values.items()}


def run(
    corpus: Corpus, ranks: Ranks, checkpoint: Path | None = None, until: int | None = None, **changes: Any
) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Weights and curve of a pretraining; of one that is stopped, nothing."""

    def progress(done: int, total: int) -> None:
        if done == until:
            raise StoppedError

    context = TrainingContext(corpus, 0, progress=progress, checkpoint=checkpoint, ranks=ranks)
    encoder, objective = encoder_of("muvcog-m", context, **{**CONTRAST, **changes})
    try:
        pretrain(encoder, objective, encoder.options, context)  # type: ignore[arg-type]
    except StoppedError:
        return {}, []
    return encoder.state_dict(), context.curve


def main(corpus: Corpus, folder: Path) -> None:
    """Computes all that is compared."""
    torch.set_num_threads(1)
    bench.training.pretraining._CHECKPOINT_SECONDS = 0.0
    ranks = Together(torch.device("cpu"))
    tensors = batches(TrainingContext(corpus, 0), ranks)
    facts: dict[str, Any] = {}
    facts["failure"] = failure(ranks)
    facts["refused"] = refusal(corpus, ranks)
    weights, facts["curve"] = run(corpus, ranks)
    apart, facts["curve of ranks"] = run(corpus, ranks, negatives_from="rank")
    state = folder / "state.safetensors"
    run(corpus, ranks, state, until=4)
    facts["steps in state"] = [json_step(state)] if ranks.first else []
    if ranks.first:
        run(corpus, ALONE, state, until=7)
        facts["steps in state"].append(json_step(state))
    ranks.collected(None)  # the other waits here
    resumed, facts["curve resumed"] = run(corpus, ranks, state)
    named = {"weights": weights, "weights of ranks": apart, "resumed": resumed}
    tensors |= {f"{what}: {name}": value for what, values in named.items() for name, value in values.items()}
    save_file(contiguous(tensors), folder / f"rank {ranks.rank}.safetensors", {"facts": json.dumps(facts)})
    if ranks.first:
        alone = batches(TrainingContext(corpus, 0), ALONE)
        weights, curve = run(corpus, ALONE)
        alone |= {f"weights: {name}": value for name, value in weights.items()}
        save_file(contiguous(alone), folder / "alone.safetensors", {"facts": json.dumps({"curve": curve})})
    ranks.leave()


def contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as safetensors wants them."""
    return {name: value.detach().clone().contiguous() for name, value in tensors.items()}


def failure(ranks: Ranks) -> str:
    """What a rank hears when what rank 0 does for all fails."""
    try:
        ranks.from_first(lambda: json.loads("{"))
    except (BenchError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def refusal(corpus: Corpus, ranks: Ranks) -> list[str]:
    """What is said of a batch that cannot be shared."""
    said = []
    for config in (PretrainingConfig(batch_size=1), PretrainingConfig()):
        try:
            SharedBatches(RowWise(), config, ranks)
        except BenchError as error:
            said.append(str(error))
    return said


def json_step(file: Path) -> int:
    """The step of the state in a file."""
    from bench.training.checkpoint import load_checkpoint

    return int(load_checkpoint(file)[1]["step"])


if __name__ == "__main__":
    main(Corpus(sys.argv[1]), Path(sys.argv[2]))
