"""Vectors of a slice of a corpus's session prefixes, by ``muvcog-m``; its weights say nothing of the time they take.

python results/scale/slice.py CORPUS PREFIXES
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.plugins.registry import registry

BATCH = 1024


def main(folder: str, prefixes: int) -> None:
    """Prints how many prefixes a second were encoded, from the corpus on disk to the vectors."""
    corpus = Corpus(folder)
    features = Features.of(corpus)
    torch.manual_seed(0)
    spec = registry().get("encoder", "muvcog-m")
    encoder = spec.load()(features.dims, **spec.pinned).eval()
    total = len(corpus.columns.query_session)
    rows = np.arange(max((total - prefixes) // 2, 0), min((total + prefixes) // 2, total))
    with torch.no_grad():
        encoder(SessionBatch.from_prefixes(corpus, rows[:BATCH], features))  # compiles the loops
        started = time.process_time()
        for start in range(0, len(rows), BATCH):
            encoder(SessionBatch.from_prefixes(corpus, rows[start : start + BATCH], features))
    print(f"{len(rows):,} prefixes, {len(rows) / (time.process_time() - started):,.0f} a second of processor")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
