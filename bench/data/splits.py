"""Splits of a corpus's sessions: random ones, validation carved out of training, and the downstream sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.published import DOWNSTREAM_SESSIONS
from bench.data.schema import TEST, TRAIN, VALID
from bench.data.shuffling import Zeros, shuffled_rows
from bench.errors import BenchError


def random_split(
    sessions: int, *, test_share: float = 0.2, valid_share: float = 0.1, seed: int = 0, zeros: Zeros = np.zeros
) -> NDArray[np.int8]:
    """Split codes (sessions,) of ``schema.SPLITS``: a random test part, a validation part out of the rest.

    Both shares are of all sessions and rounded. There is always a training part, and from three sessions on no part
    whose share is not 0 is empty.

    Args:
        sessions: how many there are.
        test_share, valid_share, seed: see above.
        zeros: makes the arrays, which may lie on disk.

    Raises:
        BenchError: the shares leave nothing to train on.
    """
    check_shares(test_share, valid_share)
    tests, valids = part_sizes(sessions, test_share, valid_share)
    order = shuffled_rows(np.random.default_rng([seed, 0]), zeros((sessions,), np.int64))
    split = zeros((sessions,), np.int8)
    split[:] = TRAIN
    split[order[:tests]] = TEST
    split[order[tests : tests + valids]] = VALID
    return split


def part_sizes(sessions: int, test_share: float, valid_share: float) -> tuple[int, int]:
    """Numbers of test and of validation sessions: the rounded shares, with at least one session in each split.

    There is always a training part, and from three sessions on no part whose share is not 0 is empty.
    """
    least = int(sessions >= 3)
    tests = max(round(test_share * sessions), least * (test_share > 0))
    tests = min(tests, max(sessions - 1 - least * (valid_share > 0), 0))
    valids = max(round(valid_share * sessions), least * (valid_share > 0))
    return tests, min(valids, max(sessions - 1 - tests, 0))


def check_shares(test_share: float, valid_share: float) -> None:
    """Checks that two shares are shares, and leave something to train on."""
    if not (min(test_share, valid_share) >= 0 and test_share + valid_share < 1):
        raise BenchError(
            f"test_share {test_share} and valid_share {valid_share} leave nothing to train on",
            fix="both are at least 0 and sum to less than 1",
        )


def check_sample(size: int) -> None:
    """Checks, before any long work, that a downstream sample can have this size.

    Raises:
        BenchError: it is less than 1.
    """
    if size < 1:
        raise BenchError(f"{size} is not a sample", where="downstream", fix="give at least 1")


def downstream_sample(
    sessions: int, size: int = DOWNSTREAM_SESSIONS, *, seed: int = 0, zeros: Zeros = np.zeros
) -> NDArray[np.bool_]:
    """Mask (sessions,) of a random sample of ``size`` sessions, or of all where there are fewer.

    It does not look at the split, so that the sample's split is that of the corpus. ``zeros`` makes the arrays, which
    may lie on disk.
    """
    chosen = zeros((sessions,), np.bool_)
    chosen[shuffled_rows(np.random.default_rng([seed, 1]), zeros((sessions,), np.int64))[:size]] = True
    return chosen


def check_share(share: float) -> None:
    """Checks, before any long work, that ``share`` is a share.

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
