"""What padding sessions to few shapes saves in the attention in torch, as ratios in one run on a CPU.

    OMP_NUM_THREADS=1 python results/speed/blocks.py CORPUS

CORPUS is a folder made by ``bench data make beauty --set sessions=4000 --to CORPUS``. The global view, forward and
backward, of a batch and its masked version: by the compiled loops; in torch, in blocks; the same after torch.compile;
and in torch with all sessions as wide as the longest, as they were before there were blocks. The four take turns and
give the same vectors. What a GPU would make of it, this cannot say: there, launches cost more and padding less.
"""

from __future__ import annotations

import argparse
import math
import os
import time

import torch
from tabulate import tabulate

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from encoders.kernels import blocks
from encoders.muvcog.contrast import mask_one_step
from encoders.muvcog.graph import SessionGraphs

WAYS = {  # BENCH_KERNELS, BENCH_COMPILE, and whether all sessions are as wide as the longest
    "compiled loops": ("", "never", False),
    "blocks": ("reference", "never", False),
    "blocks, torch.compile": ("reference", "always", False),
    "as wide as the longest": ("reference", "never", True),
}


def main() -> None:
    """Reads what to measure, measures it, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--rounds", type=int, default=9, help="of which the fastest is quoted")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    context, spec = TrainingContext(Corpus(asked.corpus), 0), registry().get("encoder", "muvcog-m")
    encoder = spec.load()(context.features.dims, **spec.defaults)
    rows = []
    for size in asked.batches:
        batch = context.sessions(context.training_sessions()[:size])
        both = SessionBatch.cat([batch, mask_one_step(batch, context.torch_generator("measuring"))])
        seconds = fastest(encoder, SessionGraphs.of(both), asked.rounds)
        blocked = seconds["blocks"]
        rows += [[size, way, f"{1000 * one:.1f}", f"{one / blocked:.2f}"] for way, one in seconds.items()]
    print(tabulate(rows, ["batch", "", "ms", "of blocks"], tablefmt="github", disable_numparse=True))


def fastest(encoder: torch.nn.Module, graphs: SessionGraphs, rounds: int) -> dict[str, float]:
    """Seconds of the fastest round of each way; one more round goes before them, in which code is compiled."""
    view = encoder.get_submodule("encoders.agv")
    sources = encoder.get_submodule("sources")(graphs).detach().requires_grad_()
    narrowest, seconds = blocks.NARROWEST, dict.fromkeys(WAYS, math.inf)
    for number in range(rounds + 1):
        found = []
        for way, (kernels, compiled, longest) in WAYS.items():
            os.environ["BENCH_KERNELS"], os.environ["BENCH_COMPILE"] = kernels, compiled
            blocks.NARROWEST = int(graphs.num_nodes.max()) if longest else narrowest
            started = time.perf_counter()
            vectors = view(graphs, sources)
            (gradient,) = torch.autograd.grad(vectors.sum(), sources)
            took = time.perf_counter() - started
            seconds[way] = min(seconds[way], took) if number else math.inf
            found.append((vectors, gradient))
        for one in found[1:]:
            torch.testing.assert_close(one, found[0], atol=1e-4, rtol=1e-4)
    blocks.NARROWEST = narrowest
    return seconds


if __name__ == "__main__":
    main()
