"""Splits that hold out a time or users: what a model meets that is put to use, or that meets somebody new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.csr import Integers
from bench.data.mapped import pieces
from bench.data.schema import NO_TIME, SPLITS, TEST, TRAIN, VALID
from bench.data.shuffling import Zeros, shuffled_rows
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
        zeros: makes the arrays, which may lie on disk.

    Raises:
        BenchError: the shares leave nothing to train on, or a split would be empty.
    """
    if kind == "time":
        start, end = period()
        return time_split(start, end, test_share=test_share, valid_share=valid_share, zeros=zeros)
    if kind == "user":
        return user_split(user(), test_share=test_share, valid_share=valid_share, seed=seed, zeros=zeros)
    return random_split(sessions, test_share=test_share, valid_share=valid_share, seed=seed, zeros=zeros)


def time_split(
    start: Integers, end: Integers, *, test_share: float, valid_share: float, zeros: Zeros = np.zeros
) -> NDArray[np.int8]:
    """Splits by the time at which sessions start: training before validation before test.

    The latest sessions are the test split, those before them validation, both shares being of all sessions. Sessions
    that start at the very moment of a border are on its later side, so that the later split may get more than its
    share. A session that starts before a border and ends at it or after it is left out: what it saw, others would be
    tested on, and cut in two it would be a session that nobody had.

    Args:
        start, end: (S,) time of the first and of the last event of each session, clicks included.
        test_share, valid_share: shares of all sessions, left out ones included.
        zeros: makes the arrays, which may lie on disk.

    Returns:
        (S,) codes; :data:`LEFT_OUT` for a session that is left out.

    Raises:
        BenchError: a session has no time, or a split would be empty.
    """
    check_shares(test_share, valid_share)
    timeless = sum(int(np.count_nonzero(start[piece] == NO_TIME)) for piece in pieces(len(start)))
    if timeless:
        raise BenchError(f"{timeless} of {len(start)} sessions have no start", where="split", fix="split=random")
    tests, valids = part_sizes(len(start), test_share, valid_share)
    ordered = zeros((len(start),), np.int64)
    ordered[:] = start
    ordered.sort()
    never = np.iinfo(np.int64).max  # where a period without sessions begins
    test, valid = (int(ordered[len(start) - late]) if late else never for late in (tests, tests + valids))
    split = zeros((len(start),), np.int8)
    for piece in pieces(len(start)):
        codes = np.select([start[piece] >= test, start[piece] >= valid], [TEST, VALID], TRAIN).astype(np.int8)
        following = np.where(codes == TRAIN, valid, test)  # the border that a session may not reach
        codes[(codes != TEST) & (end[piece] >= following)] = LEFT_OUT
        split[piece] = codes
    _check_parts(split, tests, valids, "the sessions start at too few different times, or last too long")
    return split


def user_split(
    user: ArrayLike, *, test_share: float, valid_share: float, seed: int, zeros: Zeros = np.zeros
) -> NDArray[np.int8]:
    """Splits by user: all sessions of a user have one split, and a session without a user is a user of its own.

    Users are drawn at random until a split has about as many sessions as its share wants: it stops where one user more
    would be farther from the share than one fewer. A user with more sessions than the whole split wants is not drawn.

    Args:
        user: (S,) code of each session's user, -1 without one. Codes are not far apart: each up to the largest takes
            room.
        test_share, valid_share: shares of all sessions.
        seed: decides which users.
        zeros: makes the arrays, which may lie on disk.

    Raises:
        BenchError: a split would be empty.
    """
    check_shares(test_share, valid_share)
    codes = np.asarray(user)
    known = 1 + max((int(codes[piece].max()) for piece in pieces(len(codes))), default=-1)
    counts, place = zeros((known,), np.int32), zeros((known,), np.int64)  # of each code; its place among users
    users = 0
    for piece in pieces(len(codes)):
        np.add.at(counts, codes[piece][codes[piece] >= 0], 1)
    alone = len(codes) - sum(int(counts[piece].sum()) for piece in pieces(known))
    for piece in pieces(known):
        place[piece] = users + np.cumsum(counts[piece] > 0) - 1
        users += int(np.count_nonzero(counts[piece]))
    sizes = zeros((users + alone,), np.int32)  # (U,) sessions of each user
    for piece in pieces(known):
        sizes[place[piece][counts[piece] > 0]] = counts[piece][counts[piece] > 0]
    sizes[users:] = 1
    tests, valids = part_sizes(len(codes), test_share, valid_share)
    order = shuffled_rows(np.random.default_rng([seed, 0]), zeros((len(sizes),), np.int64))
    of_user = zeros((len(sizes),), np.int8)
    of_user[:] = TRAIN
    for code, wanted in ((TEST, tests), (VALID, valids)):
        _draw_users(order, sizes, of_user, code, wanted)
    split = zeros((len(codes),), np.int8)
    for piece in pieces(len(codes)):
        mine = codes[piece].astype(np.int64)
        without = mine < 0
        owner = users + np.cumsum(without) - 1
        owner[~without] = place[mine[~without]]
        split[piece] = of_user[owner]
        users += int(np.count_nonzero(without))  # those that come after them
    _check_parts(split, tests, valids, "too few users, or most sessions are of one")
    return split


def _draw_users(
    order: NDArray[np.int64], sizes: NDArray[np.int32], of_user: NDArray[np.int8], code: int, wanted: int
) -> None:
    """Gives users in ``order`` (U,) to a split, until one more would be farther from the sessions that it wants."""
    total = 0
    for piece in pieces(len(order)):
        users = order[piece]
        users = users[(of_user[users] == TRAIN) & (sizes[users] <= wanted)]
        totals = total + np.concatenate([[0], np.cumsum(sizes[users], dtype=np.int64)])
        taken = int(np.abs(totals - wanted).argmin())
        of_user[users[:taken]] = code
        if taken < len(users):
            return
        total = int(totals[-1])


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
        if wanted and not any((split[piece] == code).any() for piece in pieces(len(split))):
            raise BenchError(
                f"the {SPLITS[code]} split would be empty: {why}", where="split", fix="other shares, or split=random"
            )
