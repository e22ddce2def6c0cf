"""Node layouts of made-up sessions, the awkward ones among them."""

from __future__ import annotations

import numpy as np
import torch

from encoders.kernels import TYPES, NodeLayout

SOURCES = 90
Step = set[tuple[int, int]]
"""Nodes (type, source) of a step."""


def random_session(steps: int, per_step: int, types: int = TYPES, seed: int = 0) -> list[Step]:
    """Steps whose nodes repeat: the first half of the sources only."""
    rng = np.random.default_rng(seed)
    return [
        {(int(rng.integers(types)), int(rng.integers(SOURCES // 2))) for _ in range(rng.integers(1, per_step + 1))}
        for _ in range(steps)
    ]


SESSIONS: dict[str, list[list[Step]]] = {
    "many": [random_session(1 + seed % 7, 5, seed=seed) for seed in range(12)],
    "one-step": [random_session(1, 6, seed=1), [{(0, 3)}], [{(2, 80)}]],
    "empty": [[], random_session(4, 4, seed=2), [], [set(), set()], []],
    "no-images": [random_session(5, 4, types=2, seed=seed) for seed in range(3)],
    "long": [random_session(70, 3, seed=3), random_session(2, 100, seed=4)],  # more steps and nodes than a word's bits
}


def layout_of(sessions: list[list[Step]]) -> NodeLayout:
    """The layout of sessions of steps."""
    blocks, source, node, position = [0], [], [], []
    for session in sessions:
        for kind in range(TYPES):
            for shown in sorted({shown for step in session for type_, shown in step if type_ == kind}):
                held = [at for at, step in enumerate(session) if (kind, shown) in step]
                node += [len(source)] * len(held)
                position += held
                source.append(shown)
            blocks.append(len(source))
    return NodeLayout(*(torch.tensor(values, dtype=torch.int64) for values in (blocks, source, node, position)))
