"""Sessions written down by hand, for tests: lists of steps become a batch without a corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from bench.data.batch import SessionBatch
from bench.data.features import Dims, Features
from bench.data.schema import KEYWORD, PRODUCT

Step = tuple[int, list[int], int | None]
"""Kind (``KEYWORD`` or ``PRODUCT``), words, and the image or None."""

VOCABULARY, IMAGES = 30, 20


def random_features(dims: Dims, seed: int = 0) -> Features:
    """Random vectors of ``VOCABULARY`` words and ``IMAGES`` images."""
    rng = np.random.default_rng(seed)
    words = torch.from_numpy(rng.normal(size=(VOCABULARY, dims.words)).astype(np.float32))
    return Features(words, rng.integers(-127, 128, (IMAGES, dims.images)).astype(np.int8))


def random_steps(steps: int, seed: int = 0, words: bool = True, images: bool = True) -> list[Step]:
    """A session of keyword and product queries with 0 … 4 words each, with or without words and images."""
    rng = np.random.default_rng([seed, steps])
    session: list[Step] = []
    for _ in range(steps):
        kind = int(rng.integers(KEYWORD, PRODUCT + 1))
        found = rng.integers(0, VOCABULARY, rng.integers(0, 5)).tolist() if words else []
        session.append((kind, found, int(rng.integers(IMAGES)) if images and kind == PRODUCT else None))
    return session


def batch_of(features: Features, sessions: Sequence[Sequence[Step]]) -> SessionBatch:
    """The batch of these sessions; one may be empty."""
    steps = [step for session in sessions for step in session]
    columns = (
        [place for place, session in enumerate(sessions) for _ in session],
        [kind for kind, _, _ in steps],
        [word for _, words, _ in steps for word in words],
        [place for place, (_, words, _) in enumerate(steps) for _ in words],
        [image for _, _, image in steps if image is not None],
        [place for place, (_, _, image) in enumerate(steps) if image is not None],
    )
    tensors = (torch.tensor(column, dtype=torch.int64, device=features.device) for column in columns)
    return SessionBatch(features, len(sessions), *tensors)
