"""Which entries a dropout keeps, drawn from torch's own generator on a CPU, in a fifth of its time.

``torch.rand`` makes a double number of every two that the Mersenne Twister gives (Matsumoto and Nishimura, 1998), one
after the other. A dropout only asks whether it is below a bound: here a compiled loop steps the same generator, from
the state that torch hands out to the one that it is given back, and compares integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.kernels.compiled import compiled

_WORDS = 624
"""Numbers of the generator's state."""
_LEFT, _NEXT, _STATE = 1, 2, slice(3, 3 + _WORDS)
"""Where torch's state, as 64-bit numbers, holds how many are left before the next ones are made, less one; which is the
next; and the numbers."""
_BYTES = 5056
"""Length of that state."""


def kept_entries(shape: Sequence[int], share: float) -> Tensor:
    """(shape) bool, ``torch.rand(shape, dtype=torch.float64) < 1 - share`` to the bit, and the generator is left in the
    same state.
    """
    state = torch.get_rng_state()
    if not _readable(state) or not _as_torch_draws():
        return torch.rand(shape, dtype=torch.float64) < 1 - share
    kept = torch.empty(shape, dtype=torch.bool)
    _draw(state.numpy().view(np.uint64), _bound(share), kept.view(-1).numpy())
    torch.set_rng_state(state)
    return kept


def _bound(share: float) -> int:
    """The least integer that is not below ``(1 - share) · 2⁵³``: a draw is one from 0 to 2⁵³ - 1."""
    return math.ceil(math.ldexp(1 - share, 53))


def _readable(state: Tensor) -> bool:
    """Whether a state is laid out as this module knows it."""
    if state.numel() != _BYTES:
        return False
    words = state.numpy().view(np.uint64)
    left, following = int(words[_LEFT]) & 0xFFFFFFFF, int(words[_NEXT])
    return 1 <= left <= _WORDS and following + left - 1 <= _WORDS


@cache
def _as_torch_draws() -> bool:
    """Whether this version of torch draws so: asked once, of a generator that nobody else uses."""
    generator = torch.Generator().manual_seed(0)
    torch.rand(3, generator=generator)  # an odd number of 32-bit numbers is behind it
    state, kept = generator.get_state(), torch.empty(2 * _WORDS, dtype=torch.bool)
    if not _readable(state):
        return False
    _draw(state.numpy().view(np.uint64), _bound(0.3), kept.numpy())
    drawn = torch.rand(kept.shape, dtype=torch.float64, generator=generator) < 1 - 0.3
    return torch.equal(drawn, kept) and torch.equal(generator.get_state(), state)


@compiled()
def _draw(state: NDArray[np.uint64], bound: int, kept: NDArray[np.bool_]) -> None:
    """Fills ``kept`` (n,), and writes the state after it over ``state``."""
    words = state[_STATE].astype(np.uint32)
    left, following = np.int64(state[_LEFT] & np.uint64(0xFFFFFFFF)), np.int64(state[_NEXT])
    drawn = np.empty(_WORDS, np.uint32)  # as many as stay close to the processor
    for start in range(0, len(kept), _WORDS // 2):
        part, count = kept[start : start + _WORDS // 2], 0
        while count < 2 * len(part):
            if left == 1:
                _twist(words)
                left, following = np.int64(_WORDS + 1), np.int64(0)
            some = min(int(left) - 1, 2 * len(part) - count)
            _temper(words[following : following + some], drawn[count : count + some])
            left, following, count = left - some, following + some, count + some
        for n in range(len(part)):
            high, low = np.int64(drawn[2 * n] & np.uint32(0x1FFFFF)), np.int64(drawn[2 * n + 1])
            part[n] = (high << 32 | low) < bound  # the lowest 53 bits of 64
    for n in range(_WORDS):
        state[3 + n] = words[n]
    state[_LEFT] = (state[_LEFT] & np.uint64(0xFFFFFFFF00000000)) | np.uint64(left)
    state[_NEXT] = following


@compiled()
def _temper(words: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    """What the generator gives for these of its numbers."""
    for n in range(len(out)):
        y = words[n]
        y ^= y >> np.uint32(11)
        y ^= (y << np.uint32(7)) & np.uint32(0x9D2C5680)
        y ^= (y << np.uint32(15)) & np.uint32(0xEFC60000)
        out[n] = y ^ (y >> np.uint32(18))


@compiled()
def _twist(words: NDArray[np.uint32]) -> None:
    """The next numbers of the generator's state."""
    for n in range(_WORDS - 397):
        words[n] = words[n + 397] ^ _mixed(words[n], words[n + 1])
    for n in range(_WORDS - 397, _WORDS - 1):
        words[n] = words[n + 397 - _WORDS] ^ _mixed(words[n], words[n + 1])
    words[_WORDS - 1] = words[396] ^ _mixed(words[_WORDS - 1], words[0])


@compiled()
def _mixed(one: np.uint32, other: np.uint32) -> np.uint32:
    mixed = ((one & np.uint32(0x80000000)) | (other & np.uint32(0x7FFFFFFF))) >> np.uint32(1)
    return mixed ^ (np.uint32(0x9908B0DF) if other & np.uint32(1) else np.uint32(0))
