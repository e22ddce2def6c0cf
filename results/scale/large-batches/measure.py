"""What larger batches do to held-out accuracy, at equal numbers of sessions seen, with the learning rate scaled or not.

    OMP_NUM_THREADS=1 python results/scale/large-batches/measure.py CORPUS

CORPUS is a folder made by `bench data make beauty --set sessions=16000 --to CORPUS`. Writes large-batches.json and
large-batches.md beside this file, after each run; started again, it goes on with what is missing.
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

FACTORS = {"none": lambda times: 1.0, "square root": lambda times: times**0.5, "linear": lambda times: float(times)}
SMALL = 256
SHORT, LONG = 2**17, 2**19  # sessions seen: in batches of 4,096, 32 and 128 steps
RUNS = [
    *((SHORT, "muvcog-m", 256 * 4**p, scaling) for p in range(3) for scaling in (FACTORS if p else ["none"])),
    *((SHORT, "muvcog-plus", 256 * 4**p, scaling) for p in range(2) for scaling in (FACTORS if p else ["none"])),
    (LONG, "muvcog-m", 256, "none"),
    *((LONG, "muvcog-m", 1024, scaling) for scaling in ("square root", "linear")),
    *((LONG, "muvcog-m", 4096, scaling) for scaling in ("square root", "linear")),
    *((SHORT, "muvcog-plus", 4096, scaling) for scaling in FACTORS),
]
"""Sessions seen, encoder, batch, and how the learning rate is scaled."""
FOLDER = Path(__file__).parent


def run(corpus: Corpus, seen: int, name: str, batch: int, scaling: str) -> dict[str, Any]:
    """Pretrains an encoder on ``seen`` sessions in such batches; its accuracy among 256 candidates afterwards."""
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
        steps=seen // batch,
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
        "seen": seen,
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
        "corpus": {"origin": "simulated", "fingerprint": corpus.info.fingerprint},
    }
    file = FOLDER / "large-batches.json"
    runs: list[dict[str, Any]] = json.loads(file.read_text())["runs"] if file.exists() else []
    there = {(one["seen"], one["encoder"], one["batch"], one["scaling"]) for one in runs}
    for wanted in RUNS:
        if wanted not in there:
            runs.append(run(corpus, *wanted))
            print(runs[-1], flush=True)
            file.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n")
            (FOLDER / "large-batches.md").write_text(table(about, runs))


def table(about: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """The runs as Markdown."""
    keys = ("encoder", "seen", "batch", "steps", "scaling", "learning_rate", "accuracy")
    head = ["encoder", "sessions seen", "batch", "steps", "rate scaled", "learning rate", "held-out accuracy among 256"]
    formats = {"seen": ",", "batch": ",", "learning_rate": ".4g", "accuracy": ".3f"}
    ordered = sorted(runs, key=lambda one: (one["encoder"], one["seen"], one["batch"], one["learning_rate"]))
    rows = [[format(one[key], formats.get(key, "")) for key in keys] for one in ordered]
    said = f"Simulated corpus, one seed. `{about['command']}`, commit {about['commit'][:7]}."
    return said + "\n\n" + tabulate(rows, head, tablefmt="github", disable_numparse=True) + "\n"


if __name__ == "__main__":
    main(sys.argv[1])
