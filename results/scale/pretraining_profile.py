"""Where a pretraining step of ``muvcog-m`` spends its time on a large corpus.

    OMP_NUM_THREADS=1 python results/scale/pretraining_profile.py CORPUS [STEPS] [BATCH]

Every step draws other sessions from the whole corpus, as the pretraining does, so that what it reads was seldom read
before. Times are the process's own processor seconds, summed over the steps after ten that warm it up.

``data`` is from row numbers to a batch and its vectors: steps, words, images' rows, clicks, products, and the vectors
of the graph's words and images; ``graph`` is nodes, memberships, masking; ``forward`` the projection of the vectors and
the two views; ``mining`` the scores of all pairs, the hardest negatives and the loss; then ``backward`` and
``optimiser``.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from tabulate import tabulate
from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.plugins.registry import registry
from bench.training.adam import Adam
from bench.training.context import TrainingContext
from bench.training.pretraining import _Batches
from encoders.muvcog.contrast import contrast_loss, hard_negatives, mask_one_step, sharing
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.model import Muvcog
from encoders.muvcog.products import Products
from encoders.muvcog.steps_of import OwnSteps

WARM = 10
PARTS = ("data", "graph", "forward", "mining", "backward", "optimiser")


class Profile:
    """Processor seconds by part; time in a part within a part counts for the inner one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = 0.0

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Counts the time in the block for ``part``."""
        started, outer, self._inner = time.process_time(), self._inner, 0.0
        yield
        spent = time.process_time() - started
        self.seconds[part] += spent - self._inner
        self._inner = outer + spent

    def timed(self, part: str, work: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """The same function, whose time counts for ``part``."""

        def counted(rows: Tensor) -> Tensor:
            with self.of(part):
                return work(rows)

        return counted


def main(folder: str, steps: int, size: int) -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    context = TrainingContext(Corpus(folder), 0)
    spec = registry().get("encoder", "muvcog-m")
    encoder: Muvcog = spec.load()(context.features.dims, **spec.defaults)
    optimizer, draws = Adam(encoder.parameters(), 0.005), torch.Generator().manual_seed(0)
    sessions, products = OwnSteps(context), Products(context.corpus.columns)
    batches = _Batches(context.training_sessions(), size, context)
    profile = Profile()
    features = context.features
    vars(features).update(words=profile.timed("data", features.words), images=profile.timed("data", features.images))
    for step in range(1, WARM + steps + 1):
        if step == WARM + 1:
            profile.seconds.clear()
        optimizer.zero_grad()
        with profile.of("data"):
            rows = batches.of_step(step)
            items, owner = sessions.clicks(rows)
            touched, touching = products.touched(items, owner, *sessions.steps(rows))
            anchors = sessions.batch(rows)
        with profile.of("mining"):
            barred = sharing(torch.from_numpy(items).long(), torch.from_numpy(owner), size)
            sharing(torch.from_numpy(touched), torch.from_numpy(touching), size)  # recorded with every step
        with profile.of("graph"):
            graphs = SessionGraphs.of(SessionBatch.cat([anchors, mask_one_step(anchors, draws)]))
        with profile.of("forward"):
            sources = encoder.sources(graphs)
            views = [view(graphs, sources) for view in encoder.encoders.values()]
        with profile.of("mining"):
            losses = []
            for number, discriminator in enumerate(encoder.discriminators):
                anchor, other = views[number][:size], views[(number + 1) % len(views)]
                negative, exists = hard_negatives(discriminator.all_pairs(anchor, other[size:]), barred)
                pair = discriminator(anchor, other[size:]), discriminator(anchor, other[size:][negative])
                losses.append(contrast_loss(*pair, exists))
        with profile.of("backward"):
            torch.stack(losses).sum().backward()
        with profile.of("optimiser"):
            nn.utils.clip_grad_norm_(encoder.parameters(), 5.0)
            optimizer.step()
    total = sum(profile.seconds.values())
    lines = [[part, 1e3 * profile.seconds[part] / steps, profile.seconds[part] / total] for part in PARTS]
    lines.append(["step", 1e3 * total / steps, 1.0])
    sessions_there = context.corpus.info.counts["sessions"]
    print(f"{sessions_there:,} sessions, {steps} steps of {size}, one thread, {size * steps / total:,.0f} sessions/s\n")
    print(tabulate(lines, ["part", "ms a step", "share"], tablefmt="github", floatfmt=("", ".1f", ".0%")))


if __name__ == "__main__":
    given = [int(text) for text in sys.argv[2:]]
    main(sys.argv[1], *given[:2], *(300, 256)[len(given) :])
