"""What larger batches do to held-out accuracy, at equal numbers of sessions seen, with the learning rate scaled or not.

    OMP_NUM_THREADS=1 python results/scale/large-batches/measure.py CORPUS

CORPUS is a folder made by `bench data make beauty --set sessions=16000 --to CORPUS`. Writes large-batches.json and
large-batches.md beside this file, after each run, so that one that is stopped loses nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.pretraining import pretrain
from encoders.muvcog.model import Muvcog
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.plus import MuvcogPlus, NextActionObjective
from encoders.muvcog.steps_of import OwnSteps

SEEN, SMALL = 2**17, 256
FACTORS = {"none": lambda times: 1.0, "square root": lambda times: times**0.5, "linear": lambda times: float(times)}
FOLDER = Path(__file__).parent


def run(corpus: Corpus, name: str, batch: int, scaling: str) -> dict[str, Any]:
    """Pretrains an encoder on SEEN sessions in batches of this size; its accuracy among 256 candidates afterwards."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    context, times = TrainingContext(corpus, 0), batch // SMALL
    spec = registry().get("encoder", name)
    encoder = spec.load()(context.features.dims, **spec.defaults)
    if isinstance(encoder, MuvcogPlus):
        assert encoder.means is not None
        encoder.means.fit_scale(context)
        objective = NextActionObjective(encoder, context)
    else:
        assert isinstance(encoder, Muvcog)
        objective = ContrastObjective(encoder, OwnSteps(context), context)
    config = replace(
        encoder.options,
        steps=SEEN // batch,
        batch_size=batch,
        warmup=encoder.options.warmup // times,
        validate_every=100 // times,
        learning_rate=encoder.options.learning_rate * FACTORS[scaling](times),
    )
    started = time.perf_counter()
    pretrain(encoder, objective, config, context)
    seconds = time.perf_counter() - started
    held_out, draws = context.validation_sessions(), context.torch_generator("accuracy")
    parts = np.array_split(held_out, round(len(held_out) / SMALL))  # in-batch accuracies compare at one size only
    with torch.no_grad():
        accuracy = sum(objective.accuracy(part, draws) * len(part) for part in parts) / len(held_out)
    return {
        "encoder": name,
        "batch": batch,
        "scaling": scaling,
        "learning_rate": config.learning_rate,
        "steps": config.steps,
        "accuracy": accuracy,
        "hard": float(np.mean([row.get("hard_negatives", np.nan) for row in context.curve])),
        "seconds": seconds,
        "held_out": len(held_out),
        "warnings": context.warnings,
    }


def main(folder: str) -> None:
    """Runs every combination, and writes both files after each."""
    corpus = Corpus(folder)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=FOLDER, capture_output=True, text=True).stdout.strip()
    about = {
        "command": f"OMP_NUM_THREADS=1 python results/scale/large-batches/measure.py {Path(folder).name}",
        "commit": commit,
        "corpus": {"origin": "simulated", "fingerprint": corpus.info.fingerprint, "sessions_seen": SEEN},
    }
    runs: list[dict[str, Any]] = []
    for name in ("muvcog-m", "muvcog-plus"):
        for batch in (256, 1024, 4096):
            for scaling in FACTORS if batch > SMALL else ("none",):
                runs.append(run(corpus, name, batch, scaling))
                print(runs[-1], flush=True)
                (FOLDER / "large-batches.json").write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n")
                (FOLDER / "large-batches.md").write_text(table(about, runs))


def table(about: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """The runs as Markdown."""
    rows = [
        [r["encoder"], r["batch"], r["scaling"], f"{r['learning_rate']:.4g}", r["steps"], f"{r['accuracy']:.3f}"]
        for r in runs
    ]
    head = ["encoder", "batch", "learning rate scaled", "learning rate", "steps", "held-out accuracy among 256"]
    said = (
        f"Simulated corpus, {SEEN:,} sessions seen, one seed. `{about['command']}`, commit {about['commit'][:7]}.\n\n"
    )
    return said + tabulate(rows, head, tablefmt="github") + "\n"


if __name__ == "__main__":
    main(sys.argv[1])
