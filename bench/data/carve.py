"""Carving a validation part out of the sessions that a dataset's makers gave for training."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.schema import TRAIN, VALID
from bench.errors import BenchError


def check_share(share: float) -> None:
    """Raises, before any long work, where ``share`` is none.

    Raises:
        BenchError: it is not from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise BenchError(f"{share} is not a share", where="valid_share", fix="give a number from 0 to below 1")


def carve_validation(split: NDArray[np.int8], stratum: ArrayLike, share: float, seed: int) -> NDArray[np.int8]:
    """Turns ``share`` of the training sessions of each stratum into validation sessions; the others stay as they are.

    Args:
        split: (S,) codes of :data:`bench.data.schema.SPLITS`.
        stratum: (S,) what the share is taken within, such as the category: codes from 0.
        share: from 0 to less than 1. The number is rounded; a stratum of two or more training sessions keeps one and,
            if ``share`` is above 0, gives one.
        seed: decides which.

    Returns:
        a new (S,) array, the same for the same arguments.

    Raises:
        BenchError: ``share`` is out of range.
    """
    check_share(share)
    split, stratum = split.copy(), np.asarray(stratum)
    rows = np.flatnonzero(split == TRAIN)
    shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
    shuffled = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    sizes = np.bincount(stratum[rows])
    wanted = np.rint(sizes * share).astype(np.int64)
    wanted = np.clip(wanted, 1 if share > 0 else 0, None)
    wanted = np.minimum(wanted, np.maximum(sizes - 1, 0))
    place = np.arange(len(shuffled)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    split[shuffled[place < np.repeat(wanted, sizes)]] = VALID
    return split
