"""Splits that hold out a time or users: what a model meets that is put to use, or that meets somebody new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.csr import Integers
from bench.data.schema import NO_TIME, SPLITS, TEST, TRAIN, VALID
from bench.data.shuffling import Zeros
from bench.data.split_kinds import SplitKind
from bench.data.splits import check_shares, part_sizes, random_split
from bench.errors import BenchError

LEFT_OUT = -1
"""The split code of a session that no split may have: it does not come into the corpus."""


@dataclass(frozen=True)
class Borders:
    """Where the periods of a split by time begin, in ms since 1970.

    Attributes:
        valid: everything in training is before it.
        test: everything in validation is before it.
    """

    valid: int
    test: int


def split_sessions(
    kind: SplitKind,
    sessions: int,
    *,
    test_share: float,
    valid_share: float,
    seed: int,
    user: Callable[[], ArrayLike],
    period: Callable[[], tuple[Integers, Integers]],
    zeros: Zeros = np.zeros,
) -> NDArray[np.int8]:
    """Split codes (sessions,) of ``schema.SPLITS``, :data:`LEFT_OUT` among them where the split is by time.

    Args:
        kind: of the split.
        sessions: how many there are.
        test_share, valid_share, seed: see :func:`bench.data.splits.random_split`.
        user: gives the user codes that :func:`user_split` takes; asked for by its kind alone.
        period: gives the starts and ends that :func:`time_split` takes; likewise.
        zeros: makes the arrays of a random split, which may lie on disk.

    Raises:
        BenchError: the shares leave nothing to train on, or a split would be empty.
    """
    if kind == "time":
        start, end = period()
        return time_split(start, end, test_share=test_share, valid_share=valid_share)
    if kind == "user":
        return user_split(user(), test_share=test_share, valid_share=valid_share, seed=seed)
    return random_split(sessions, test_share=test_share, valid_share=valid_share, seed=seed, zeros=zeros)


def time_split(start: Integers, end: Integers, *, test_share: float, valid_share: float) -> NDArray[np.int8]:
    """Splits by the time at which sessions start: training before validation before test.

    The latest sessions are the test split, those before them validation, both shares being of all sessions. Sessions
    that start at the very moment of a border are on its later side, so that the later split may get more than its
    share. A session that starts before a border and ends at it or after it is left out: what it saw, others would be
    tested on, and cut in two it would be a session that nobody had.

    Args:
        start, end: (S,) time of the first and of the last event of each session, clicks included.
        test_share, valid_share: shares of all sessions, left out ones included.

    Returns:
        (S,) codes; :data:`LEFT_OUT` for a session that is left out.

    Raises:
        BenchError: a session has no time, or a split would be empty.
    """
    check_shares(test_share, valid_share)
    timed = start != NO_TIME
    if not timed.all():
        raise BenchError(
            f"{np.count_nonzero(~timed)} of {len(start)} sessions have no start", where="split", fix="split=random"
        )
    tests, valids = part_sizes(len(start), test_share, valid_share)
    ordered = np.append(np.sort(start), np.iinfo(np.int64).max)  # the last: where a period without sessions begins
    test, valid = ordered[len(start) - tests], ordered[len(start) - tests - valids]
    split = np.select([start >= test, start >= valid], [TEST, VALID], TRAIN).astype(np.int8)
    following = np.where(split == TRAIN, valid, test)  # the border that a session may not reach
    split[(split != TEST) & (end >= following)] = LEFT_OUT
    _check_parts(split, tests, valids, "the sessions start at too few different times, or last too long")
    return split


def user_split(user: ArrayLike, *, test_share: float, valid_share: float, seed: int) -> NDArray[np.int8]:
    """Splits by user: all sessions of a user have one split, and a session without a user is a user of its own.

    Users are drawn at random until a split has about as many sessions as its share wants: it stops where one user more
    would be farther from the share than one fewer. A user with more sessions than the whole split wants is not drawn.

    Args:
        user: (S,) code of each session's user, -1 without one.
        test_share, valid_share: shares of all sessions.
        seed: decides which users.

    Raises:
        BenchError: a split would be empty.
    """
    check_shares(test_share, valid_share)
    codes = np.array(user, dtype=np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(np.count_nonzero(alone))
    _, owner, sizes = np.unique(codes, return_inverse=True, return_counts=True)  # (U,) sessions of each user
    tests, valids = part_sizes(len(codes), test_share, valid_share)
    order = np.random.default_rng([seed, 0]).permutation(len(sizes))
    of_user = np.full(len(sizes), TRAIN, dtype=np.int8)
    for code, wanted in ((TEST, tests), (VALID, valids)):
        free = order[(of_user[order] == TRAIN) & (sizes[order] <= wanted)]
        total = np.concatenate([[0], np.cumsum(sizes[free])])
        of_user[free[: int(np.abs(total - wanted).argmin())]] = code
    split: NDArray[np.int8] = of_user[owner.reshape(-1)]
    _check_parts(split, tests, valids, "too few users, or most sessions are of one")
    return split


def borders_of(start: Integers, split: Integers) -> Borders:
    """The borders of a split by time.

    Args:
        start: (S,) start of each session.
        split: (S,) its split code.
    """
    never = np.iinfo(np.int64).max
    valid, test = (int(start[split == code].min(initial=never)) for code in (VALID, TEST))
    return Borders(min(valid, test), test)


def _check_parts(split: NDArray[np.int8], tests: int, valids: int, why: str) -> None:
    for code, wanted in ((TRAIN, 1), (VALID, valids), (TEST, tests)):
        if wanted and not (split == code).any():
            raise BenchError(
                f"the {SPLITS[code]} split would be empty: {why}", where="split", fix="other shares, or split=random"
            )
