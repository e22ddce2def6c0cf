"""Visits: users, times, numbers of steps and numbers of clicks, which do not depend on what is searched for.

They are drawn first and from random streams of their own, so that no knob of the click model changes any count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.data.csr import offsets_of
from bench.data.held_out import LEFT_OUT, split_sessions
from bench.data.mapped import pieces
from bench.data.schema import TEST, TRAIN, VALID
from bench.data.shuffling import Zeros, shuffled_rows
from bench.datasets.simulated.calibration import (
    GAP_CONCENTRATION,
    MAX_GAP_MS,
    MAX_KEYWORDS,
    MIN_GAP_MS,
    Calibration,
)
from bench.datasets.simulated.options import Options
from bench.datasets.simulated.randomness import chosen_without, from_cdf, stream
from bench.errors import BenchError

SESSION_CHUNK = 4_096
"""Sessions simulated together; part of the model, since each chunk has its own random streams."""

FIRST_DAY_MS = 1_636_329_600_000  # 2021-11-08 00:00 UTC, a Monday
DAYS, DAY_MS = 7, 86_400_000
_FIRST_HOUR, _LAST_HOUR = 6, 22


@dataclass(frozen=True)
class Visits:
    """S sessions, before anything is searched for. What there is of each lies on disk, mapped.

    Attributes:
        user: (S,) user of each session.
        start: (S,) ms since 1970.
        split: (S,) split codes; :data:`bench.data.held_out.LEFT_OUT` for a session that does not come into the corpus.
        downstream: (S,) whether it is in the downstream sample.
        users: number of users.
    """

    user: NDArray[np.int64]
    start: NDArray[np.int64]
    split: NDArray[np.int8]
    downstream: NDArray[np.bool_]
    users: int


@dataclass(frozen=True)
class Steps:
    """The Q steps of a chunk of n sessions, in session order.

    Attributes:
        offsets: (n + 1,) steps of each session.
        product: (Q,) whether the step is a product query.
        gap: (Q,) ms until the next step; after a last step, until the user leaves.
        clicks: (Q,) number of clicked items.
    """

    offsets: NDArray[np.int64]
    product: NDArray[np.bool_]
    gap: NDArray[np.int64]
    clicks: NDArray[np.int64]


def draw_visits(name: str, options: Options, calibration: Calibration, zeros: Zeros) -> Visits:
    """Draws users, times, splits and the downstream sample of all sessions.

    Args:
        name, options, calibration: of the category.
        zeros: makes the arrays with a number for each session or user, which lie on disk.

    Raises:
        BenchError: a split gets no session, or no session of the downstream sample.
    """
    sessions, users = options.sessions, round(options.sessions * calibration.users_per_session)
    rng = stream("users", seed=options.seed, category=name)
    ordered, times = _draw_users(rng, sessions, users, zeros)
    shuffled = shuffled_rows(rng, zeros((sessions,), np.int64))
    user, start = zeros((sessions,), np.int64), zeros((sessions,), np.int64)
    for piece in pieces(sessions):
        user[piece], start[piece] = ordered[shuffled[piece]], times[shuffled[piece]]

    rng = stream("sample", seed=options.seed, category=name)
    test, valid = round(options.test_share * sessions), round(options.valid_share * sessions)
    split = zeros((sessions,), np.int8)
    split[:] = TRAIN
    order = shuffled_rows(rng, shuffled)  # in the place of those that were used
    split[order[:test]], split[order[test : test + valid]] = TEST, VALID
    if options.split != "random":
        split = split_sessions(
            options.split,
            sessions,
            test_share=options.test_share,
            valid_share=options.valid_share,
            seed=options.seed,
            user=lambda: user,
            period=lambda: (start, _ends(name, options, calibration, start, zeros)),
            zeros=zeros,
        )
    downstream = zeros((sessions,), np.bool_)
    downstream[shuffled_rows(rng, order)[: options.downstream]] = True
    chosen = split[downstream]
    if np.bincount(chosen[chosen != LEFT_OUT], minlength=3).min() == 0:
        raise BenchError(
            "the downstream sample lacks a session in train, valid or test",
            where=f"{name}.downstream",
            fix="raise downstream, test_share or valid_share",
        )
    return Visits(user, start, split, downstream, users)


def _draw_users(rng: Generator, sessions: int, users: int, zeros: Zeros) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The user and the start of each session, both (S,), each user's first session before all others.

    A user's sessions lie on different days at about the same hour, so that they never run into each other. Every user
    has one session; the others are drawn from the six further days of all users.
    """
    further = chosen_without(rng, (DAYS - 1) * users, sessions - users, zeros)
    first_day, usual_hour = zeros((users,), np.int8), zeros((users,), np.float64)
    for piece in pieces(users):
        first_day[piece] = rng.integers(DAYS, size=piece.stop - piece.start)
    for piece in pieces(users):
        usual_hour[piece] = _FIRST_HOUR + (_LAST_HOUR - _FIRST_HOUR) * rng.beta(3, 2, piece.stop - piece.start)
    user, start = zeros((sessions,), np.int64), zeros((sessions,), np.int64)
    for piece in pieces(sessions):
        drawn = further[max(piece.start - users, 0) : max(piece.stop - users, 0)]
        first = np.arange(piece.start, piece.stop - len(drawn))
        mine = np.concatenate([first, drawn // (DAYS - 1)])
        days_later = np.concatenate([np.zeros(len(first), dtype=np.int64), 1 + drawn % (DAYS - 1)])
        day = (first_day[mine] + days_later) % DAYS
        hour = usual_hour[mine] + rng.uniform(-0.5, 0.5, len(mine))
        user[piece], start[piece] = mine, FIRST_DAY_MS + day * DAY_MS + (hour * 3_600_000).astype(np.int64)
    return user, start


def _ends(
    name: str, options: Options, calibration: Calibration, start: NDArray[np.int64], zeros: Zeros
) -> NDArray[np.int64]:
    """(S,) when the user of each session leaves, after all clicks."""
    ends = zeros(start.shape, np.int64)
    for chunk, first in enumerate(range(0, options.sessions, SESSION_CHUNK)):
        rows = slice(first, min(first + SESSION_CHUNK, options.sessions))
        steps = draw_steps(name, options.seed, chunk, rows.stop - first, calibration)
        ends[rows] = start[rows] + np.add.reduceat(steps.gap, steps.offsets[:-1])
    return ends


def draw_steps(name: str, seed: int, chunk: int, sessions: int, calibration: Calibration) -> Steps:
    """Draws the steps of the ``sessions`` sessions of chunk number ``chunk``."""
    lengths = from_cdf(stream("lengths", seed=seed, category=name, block=chunk), calibration.steps.cumsum(), sessions)
    offsets = offsets_of(lengths)
    session = np.repeat(np.arange(sessions), lengths)
    position = np.arange(len(session)) - offsets[session]

    rng = stream("kinds", seed=seed, category=name, block=chunk)
    product = (rng.random(len(session)) < calibration.product) & (position > 0)
    later_step = offsets[:-1] + 1 + (rng.random(sessions) * (lengths - 1)).astype(np.int64)  # (n,) not the first
    without_product = np.bincount(session, weights=product, minlength=sessions) == 0
    product[later_step[without_product]] = True

    rng = stream("times", seed=seed, category=name, block=chunk)
    share = rng.beta(calibration.gap * GAP_CONCENTRATION, (1 - calibration.gap) * GAP_CONCENTRATION, len(session))
    gap = np.rint(MIN_GAP_MS + (MAX_GAP_MS - MIN_GAP_MS) * share).astype(np.int64)

    # A product query follows from a click, which is added to the number of clicks that is drawn.
    followed = np.append(product[1:], False)  # no session begins with a product query
    drawn = from_cdf(
        stream("click counts", seed=seed, category=name, block=chunk), calibration.clicks.cumsum(), len(session)
    )
    return Steps(offsets, product, gap, np.minimum(drawn + followed, len(calibration.clicks) - 1))


def keyword_lengths(name: str, seed: int, chunk: int, count: int, calibration: Calibration) -> NDArray[np.int64]:
    """(count,) numbers of words of the chunk's keyword queries."""
    rng = stream("keyword lengths", seed=seed, category=name, block=chunk)
    return 1 + rng.binomial(MAX_KEYWORDS - 1, calibration.keyword_chance, count)
