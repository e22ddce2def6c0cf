"""MUVCOG's pretraining speed: the time of each part of a step beside the FLOPs and bytes that it needs.

    OMP_NUM_THREADS=1 python results/speed/measure.py CORPUS

CORPUS is a folder made by `bench data make beauty --set sessions=20000 --to CORPUS`. Writes muvcog.json beside this
file. Times are the fastest of 30 rounds on one thread; a matrix product and a copy give the machine's own speed.
"""

from __future__ import annotations

import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from encoders.kernels.neighbours import Neighbourhoods
from encoders.muvcog.contrast import mask_one_step
from encoders.muvcog.edges import neighbour_edges
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.model import Muvcog
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.steps_of import OwnSteps

BATCH, EPOCHS = 256, 21
OF = ("product", "copy")


def fastest(work: Callable[[], Any], rounds: int = 30) -> float:
    """Seconds of the fastest round, after two that are not counted."""
    seconds = []
    for number in range(rounds + 2):
        started = time.perf_counter()
        work()
        if number > 1:
            seconds.append(time.perf_counter() - started)
    return min(seconds)


def machine() -> dict[str, float]:
    """The speed of one thread: GFLOP/s of a product of 1024 x 1024 matrices, GB/s of a copy of 64 MB."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    block = torch.randn(16 * 2**20)
    return {
        "gflops": 2 * 1024**3 / fastest(lambda: a @ b) / 1e9,
        "copy_gb_per_second": 2 * block.numel() * 4 / fastest(lambda: block.clone()) / 1e9,
    }


def measure(folder: str) -> dict[str, Any]:
    """Measures the parts of a step at batch 256, extraction, and the time of 21 epochs on the corpus ``folder``."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    context = TrainingContext(Corpus(folder), 0)
    spec = registry().get("encoder", "muvcog-m")
    encoder: Muvcog = spec.load()(context.features.dims, **spec.defaults)
    objective = ContrastObjective(encoder, OwnSteps(context), context)
    optimizer = torch.optim.Adam(encoder.parameters(), fused=True)
    draws, order = torch.Generator().manual_seed(0), np.random.default_rng(0)
    rows = context.training_sessions()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        objective.loss(order.choice(rows, BATCH, replace=False), PretrainingStep(1, 1.0), draws).backward()
        optimizer.step()

    batch = context.sessions(rows[:BATCH])
    both = SessionBatch.cat([batch, mask_one_step(batch, draws)])
    graphs = SessionGraphs.of(both)
    sources = encoder.sources(graphs).detach().requires_grad_()
    agv, hlv = (partial(encoder.encoders[view], graphs, sources) for view in ("agv", "hlv"))
    last = context.corpus.columns.session_queries[1:] - 1

    @torch.inference_mode()
    def extract(size: int) -> None:
        encoder(SessionBatch.from_prefixes(context.corpus, order.choice(last, size, replace=False), context.features))

    step_seconds = fastest(step)
    rates = {size: size / fastest(lambda size=size: extract(size)) for size in (256, 1024, 2048)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the limits of the machine are measured
    nodes, pairs = len(graphs.node_session), neighbour_edges(graphs).shape[1]
    members, distinct, width = len(graphs.member_node), len(sources), encoder.options.view_dim
    words, steps, sessions = context.features.dims.words, len(both.step_kind), len(both)
    lists = len(Neighbourhoods.of(graphs.layout()).senders)
    # bytes: what comes from memory and goes there once, rows of sources, lists and results
    rows_of_sources, of_lists = 4 * distinct * width, 4 * (lists + nodes)
    parts = {
        "graphs": (fastest(lambda: SessionGraphs.of(both)), 0, 8 * 4 * (members + nodes)),
        # a pair: d multiply-adds of its weight with a value; backward again, for each side of LeakyReLU, and d for the
        # gradient of the value
        "global view, forward": (
            fastest(agv),
            2 * (pairs * width + distinct * words * width),
            4 * distinct * words + rows_of_sources + of_lists + 4 * sessions * 3 * width,
        ),
        "global view, both": (
            fastest(lambda: agv().sum().backward()),
            2 * (4 * pairs * width + 3 * distinct * words * width),
            3 * (4 * distinct * words + rows_of_sources) + 2 * (of_lists + 4 * sessions * 3 * width),
        ),
        # a member or a step: d multiplications with its factor, d ELUs of some 16 operations
        "local view, forward": (
            fastest(hlv),
            2 * width * (distinct * words + steps * width) + 17 * (members + 2 * steps) * width,
            4 * distinct * words + rows_of_sources + 4 * 5 * members + 4 * 2 * steps * width,
        ),
        "local view, both": (
            fastest(lambda: hlv().sum().backward()),
            6 * width * (distinct * words + steps * width) + 34 * (members + 2 * steps) * width,
            3 * (4 * distinct * words + rows_of_sources + 4 * 2 * steps * width) + 2 * 4 * 5 * members,
        ),
        "all pairs of the batch": (
            fastest(lambda: encoder.discriminators[0].all_pairs(torch.ones(BATCH, width), torch.ones(BATCH, width))),
            4 * BATCH * BATCH * width,
            4 * BATCH * BATCH,
        ),
    }
    limits = machine()
    turns = EPOCHS * -(-len(rows) // BATCH)
    return {
        "corpus": {"sessions": len(last), "fingerprint": context.corpus.info.fingerprint, "origin": "simulated"},
        "batch": {
            "sessions": 2 * BATCH,
            "nodes": nodes,
            "neighbour pairs": pairs,
            "distinct sources": distinct,
        },
        "machine": limits,
        "parts": {
            name: {
                "ms": 1e3 * spent,
                "mflop": flop / 1e6,
                "mbyte": size / 1e6,
                "share of product's speed": flop / spent / 1e9 / limits["gflops"],
                "share of copy's speed": size / spent / 1e9 / limits["copy_gb_per_second"],
            }
            for name, (spent, flop, size) in parts.items()
        },
        "step ms": 1e3 * step_seconds,
        "pretraining sessions per second": BATCH / step_seconds,
        "extraction sessions per second": rates,
        "21 epochs and extraction, seconds": turns * step_seconds + len(last) / rates[1024],
        "peak memory MB": peak,
    }


def as_markdown(measured: dict[str, Any]) -> str:
    """The parts of a step as a table, and the rates below it."""
    rows = [
        [name, *(part[key] for key in ("ms", "mflop", "mbyte")), *(part[f"share of {of}'s speed"] for of in OF)]
        for name, part in measured["parts"].items()
    ]
    head = ["part of a step", "ms", "MFLOP", "MB", *(f"of {of}'s speed" for of in OF)]
    table = tabulate(rows, head, tablefmt="github", floatfmt=("", ".2f", ".1f", ".1f", ".0%", ".0%"))
    limits, batch, rates = measured["machine"], measured["batch"], measured["extraction sessions per second"]
    lines = [
        f"One thread, fastest of 30 rounds, on a machine that does {limits['gflops']:.0f} GFLOP/s in a product of",
        f"1024 x 1024 matrices and copies {limits['copy_gb_per_second']:.1f} GB/s (read and written).",
        f"{batch['sessions']} sessions (anchors, positives) of `beauty` (simulated): {batch['nodes']:,} nodes,",
        f"{batch['neighbour pairs']:,} pairs of neighbours, {batch['distinct sources']:,} distinct words and images.",
        "",
        f"- step at batch 256, graphs built on the fly: {measured['step ms']:.1f} ms,",
        f"  {measured['pretraining sessions per second']:,.0f} sessions/s",
        f"- extraction from disk to vectors: {rates[256]:,.0f} sessions/s in batches of 256, {rates[1024]:,.0f} in",
        f"  batches of 1,024, as the harness takes them, {rates[2048]:,.0f} in batches of 2,048",
        f"- 21 epochs and the extraction of all {measured['corpus']['sessions']:,} sessions:",
        f"  {measured['21 epochs and extraction, seconds']:.0f} s",
        f"- largest memory of steps and extraction, Python and torch included: {measured['peak memory MB']:.0f} MB;",
        "  nothing per graph on disk",
        "",
        f"Commit {measured['commit'][:7]}, torch {measured['torch']}.",
    ]
    return "\n".join([table, "", *lines, ""])


def main() -> None:
    """Measures, and writes muvcog.json and muvcog.md."""
    measured = measure(sys.argv[1])
    here = Path(__file__).parent
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
    measured["commit"], measured["torch"] = head.stdout.strip(), torch.__version__
    measured["python"] = platform.python_version()
    (here / "muvcog.json").write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    (here / "muvcog.md").write_text(as_markdown(measured), encoding="utf-8")
    print(as_markdown(measured))


main()
