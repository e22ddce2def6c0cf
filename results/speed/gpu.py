"""What a GPU makes of pretraining ``muvcog-m``: one command, and a file with all that it measured.

    python results/speed/gpu.py CORPUS                  # writes gpu.json and gpu.md beside this file
    python results/speed/gpu.py CORPUS --device cpu --batches 64 --steps 4 --to FOLDER     # the same path without a GPU

CORPUS is a folder made by ``bench data make beauty --set sessions=1000000 --to CORPUS``. For every size of a batch and
every precision, with torch.compile and without, it pretrains from the same start and tells: sessions a second of the
whole loop, batches read ahead and validation left out; how many shapes were compiled, and the seconds that took, which
are not in the loop: the same batches have run before; the seconds in which the host reads a batch, alone; the most
memory of the card; how often a step makes the card wait for the host; and which share of the card's own speed that is,
measured by a product of matrices and a copy on the same card: of its matrix rate by the floating-point operations that
torch counts in a step, of its bandwidth by the bytes of all tensors that a step's operations read and write, as if
nothing stayed in a cache. Both are counted without torch.compile, which leaves out some of the reading and writing.

``quality`` is the accuracy on held-out sessions after the same number of sessions in every precision: the smallest
batch that was measured, and one seed, so that only a large loss can be seen. On a CPU all of it is computed as a GPU
does, with ``BENCH_KERNELS=reference``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tabulate import tabulate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.progress import silent
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from encoders.kernels.reference import in_block
from encoders.muvcog.model import Muvcog
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.steps_of import OwnSteps

WARM = 5  # steps that are not counted: memory is taken, loops are compiled
BATCHES = (256, 1024, 4096, 8192, 16384)
PRECISIONS = ("float32", "bfloat16")
COMPILE = ("never", "always")  # values of BENCH_COMPILE
AIM = 145_000  # sessions a second: 8.7 million in a minute
Row = dict[str, Any]


def main() -> None:
    """Reads what to measure, measures it, and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--steps", type=int, default=60, help="that are measured, of each size")
    parser.add_argument("--quality-steps", type=int, default=2000)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent)
    asked = parser.parse_args()
    device = torch.device(asked.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU; --device cpu takes the same path")
    if device.type == "cpu":
        os.environ["BENCH_KERNELS"] = "reference"
    torch.set_num_threads(1)
    corpus = Corpus(asked.corpus)
    card = speed_of(device)
    rows = [
        pretraining(corpus, device, batch, precision, compiled, asked.steps, card)
        for batch in asked.batches
        for precision in PRECISIONS
        for compiled in COMPILE
    ]
    os.environ.pop("BENCH_COMPILE")
    quality = [accuracy(corpus, device, min(asked.batches), p, asked.quality_steps) for p in PRECISIONS]
    found = {"made by": made_by(corpus), "card": card, "pretraining": rows, "quality": quality}
    (asked.to / "gpu.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (asked.to / "gpu.md").write_text(page(found), encoding="utf-8")
    print(page(found))


def made_by(corpus: Corpus) -> Row:
    """Commit, corpus and versions."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return {
        "commit": commit.stdout.strip(),
        "corpus": corpus.info.label,
        "sessions": len(corpus.columns.session_split),
        "fingerprint": corpus.info.fingerprint,
        "torch": torch.__version__,
    }


def speed_of(device: torch.device) -> Row:
    """The card's own speed: TFLOP/s of a product of matrices in either precision, GB/s of a copy."""
    on_gpu = device.type == "cuda"
    size, block = (8192, 2**28) if on_gpu else (512, 2**22)
    rates = {}
    for precision in PRECISIONS:
        a = torch.randn(size, size, device=device, dtype=getattr(torch, precision))
        rates[precision] = 2 * size**3 / seconds_of(lambda a=a: a @ a, device) / 1e12
    copied = torch.empty(block, device=device)
    return {
        "name": torch.cuda.get_device_name(device) if on_gpu else "CPU, one thread",
        "tflops": rates,
        "gb_per_second": 2 * 4 * block / seconds_of(lambda: copied.clone(), device) / 1e9,
    }


def seconds_of(work: Callable[[], Any], device: torch.device, rounds: int = 10) -> float:
    """Seconds of the fastest round, after two that are not counted."""
    fastest = math.inf
    for number in range(rounds + 2):
        wait(device)
        started = time.perf_counter()
        work()
        wait(device)
        fastest = min(fastest, time.perf_counter() - started) if number > 1 else fastest
    return fastest


def wait(device: torch.device) -> None:
    """Until the card has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def started(corpus: Corpus, device: torch.device, **given: Any) -> tuple[Muvcog, TrainingContext]:
    """An untrained encoder, the same every time, and what it trains on."""
    torch.manual_seed(0)
    context = TrainingContext(corpus, 0, device, silent)
    spec = registry().get("encoder", "muvcog-m")
    encoder: Muvcog = spec.load()(context.features.dims, **{**spec.defaults, **given}).to(device)
    return encoder, context


def pretraining(
    corpus: Corpus, device: torch.device, batch: int, precision: str, compiled: str, steps: int, card: Row
) -> Row:
    """Pretrains for some steps of one size and precision, compiled or not, and tells what they cost."""
    os.environ["BENCH_COMPILE"] = compiled
    in_block.shapes.clear()
    torch.compiler.reset()  # each row has a compiler that has seen nothing, as a pretraining has
    begun = time.perf_counter()
    timed(corpus, device, batch, precision, steps)
    once = time.perf_counter() - begun
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    encoder, context, seconds = timed(corpus, device, batch, precision, steps)
    again = time.perf_counter() - begun - once
    cost = one_step(encoder, context, batch, precision, device)
    return {
        "batch": batch,
        "precision": precision,
        "shapes_compiled": len(in_block.shapes),
        "compiling_s": once - again if in_block.shapes else None,
        "sessions_per_second": batch / seconds,
        "reading_a_batch_s": cost["reading"],
        "step_s": seconds,
        "peak_memory_gb": torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None,
        "waits": cost["waits"],
        "share_of_matrix_rate": cost["flops"] / seconds / 1e12 / card["tflops"][precision],
        "share_of_bandwidth": cost["bytes"] / seconds / 1e9 / card["gb_per_second"],
    }


def timed(
    corpus: Corpus, device: torch.device, batch: int, precision: str, steps: int
) -> tuple[Muvcog, TrainingContext, float]:
    """Pretrains, from the same start and on the same batches every time: what came of it, and seconds of a step."""
    last = WARM + steps
    encoder, context = started(
        corpus, device, steps=last, batch_size=batch, precision=precision, hard_at=0.0, validate_every=10 * last
    )
    clock: list[float] = []

    def watch(step: int, _: int) -> None:
        if step in (WARM, last - 1):  # after the last one comes a validation
            wait(device)
            clock.append(time.perf_counter())

    context.progress = watch
    encoder.pretrain(context)
    return encoder, context, (clock[1] - clock[0]) / (last - 1 - WARM)


class Bytes(TorchDispatchMode):
    """Counts the bytes that operations read and write; a view reads and writes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not getattr(func, "is_view", False):
            tensors = [one for one in tree_leaves((args, kwargs, out)) if isinstance(one, torch.Tensor)]
            self.total += sum(one.numel() * one.element_size() for one in tensors)
        return out


def one_step(encoder: Muvcog, context: TrainingContext, batch: int, precision: str, device: torch.device) -> Row:
    """A step, taken apart: how long its batch is read, its operations, bytes and waits."""
    objective = ContrastObjective(encoder, OwnSteps(context), context)
    draws, rows = context.torch_generator("measuring"), context.training_sessions()[:batch]

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss = objective.loss(rows, PretrainingStep(1, 1.0), draws)
        loss.backward()

    encoder.train()
    reading = seconds_of(lambda: OwnSteps(context).batch(rows), torch.device("cpu"), rounds=3)
    step()
    waits = waits_of(step) if device.type == "cuda" else None
    os.environ["BENCH_COMPILE"] = "never"  # what is compiled cannot be counted
    with FlopCounterMode(display=False) as flops:
        step()
    with Bytes() as moved:
        step()
    return {"reading": reading, "flops": flops.get_total_flops(), "bytes": moved.total, "waits": waits}


def waits_of(step: Callable[[], None]) -> int:
    """How often a step makes the card wait for the host, as CUDA itself warns of it."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(one.message) for one in caught)


def accuracy(corpus: Corpus, device: torch.device, batch: int, precision: str, steps: int) -> Row:
    """What a pretraining in this precision finds among held-out sessions."""
    encoder, context = started(corpus, device, steps=steps, batch_size=batch, precision=precision)
    encoder.pretrain(context)
    return {"precision": precision, "batch": batch, "steps": steps, "accuracy": context.curve[-1]["valid_accuracy"]}


def page(found: Row) -> str:
    """What was found, for people."""
    card, made = found["card"], found["made by"]
    rates = " and ".join(f"{rate:.3g} TFLOP/s in {precision}" for precision, rate in card["tflops"].items())
    best = max(row["sessions_per_second"] for row in found["pretraining"])
    rows = [
        [
            f"{row['batch']:,}",
            row["precision"],
            row["shapes_compiled"],
            "" if row["compiling_s"] is None else f"{row['compiling_s']:.0f}",
            f"{row['sessions_per_second']:,.0f}",
            f"{1000 * row['step_s']:.1f}",
            f"{1000 * row['reading_a_batch_s']:.1f}",
            "" if row["waits"] is None else row["waits"],
            "" if row["peak_memory_gb"] is None else f"{row['peak_memory_gb']:.1f}",
            f"{100 * row['share_of_matrix_rate']:.2g} %",
            f"{100 * row['share_of_bandwidth']:.2g} %",
        ]
        for row in found["pretraining"]
    ]
    heads = [
        "batch",
        "precision",
        "shapes compiled",
        "in seconds",
        "sessions/s",
        "step, ms",
        "reading, ms",
        "waits",
        "memory, GB",
        "matrix",
        "bandwidth",
    ]
    quality = [[q["precision"], q["batch"], q["steps"], f"{q['accuracy']:.3f}"] for q in found["quality"]]
    return f"""# Pretraining muvcog-m on {card["name"]}

{made["corpus"]}, {made["sessions"]:,} sessions; commit {made["commit"][:12]}, torch {made["torch"]}. Written by
`results/speed/gpu.py`, which says what the columns are. The card's own speed: {rates}; a copy
{card["gb_per_second"]:,.0f} GB/s. The fastest is {best:,.0f} sessions a second, {best / AIM:.0%} of the {AIM:,} at
which Clothes' 8.7 million take a minute.

{tabulate(rows, heads, tablefmt="github", disable_numparse=True)}

Accuracy on held-out sessions after as many sessions in each precision, one seed:

{tabulate(quality, ["precision", "batch", "steps", "accuracy"], tablefmt="github", disable_numparse=True)}
"""


if __name__ == "__main__":
    main()
