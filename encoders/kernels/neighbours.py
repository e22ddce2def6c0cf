"""Who is whose neighbour in session graphs, for the compiled loops of the attention.

The neighbours of a node are all nodes of its steps and of the steps before. Nodes that stand in the same steps share
them. A step's nodes are bits of a mask, so that a list is read from a union of masks, and no pair of nodes is ever
compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from encoders.kernels.vector_rows import lowest_bit
from encoders.muvcog.graph import TYPES, SessionGraphs

_WORD, _SHIFT, _ONE = 64, 6, np.uint64(1)


class Neighbourhoods(NamedTuple):
    """Groups of nodes that share their neighbours.

    Attributes:
        groups: (B + 1,) first group of each session.
        receivers: (n,) nodes by group.
        first_receiver: (G + 1,) of each group.
        senders: (N,) the neighbours of each group, ascending, and so by type.
        first_sender: (3G + 1,) of each group and type.
    """

    groups: NDArray[np.int64]
    receivers: NDArray[np.int32]
    first_receiver: NDArray[np.int64]
    senders: NDArray[np.int32]
    first_sender: NDArray[np.int64]

    @classmethod
    def of(cls, graphs: SessionGraphs, blocks: NDArray[np.int64]) -> Neighbourhoods:
        """Those of a batch on the CPU, where ``blocks`` (3B + 1,) has the first node of each session and type."""
        position = graphs.batch.step_position[graphs.member_step].numpy()
        return cls(*_list(blocks, graphs.member_node.numpy(), position))


@numba.njit(cache=True, nogil=True)
def _list(blocks: NDArray, node: NDArray, position: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """The parts of :class:`Neighbourhoods` from memberships (e,), sorted by node and then by step."""
    nodes, sessions = blocks[-1], (len(blocks) - 1) // TYPES
    groups = np.zeros(sessions + 1, dtype=np.int64)
    receivers, first_receiver = np.empty(nodes, dtype=np.int32), np.zeros(nodes + 1, dtype=np.int64)
    senders, first_sender = np.empty(8 * nodes, dtype=np.int32), np.zeros(TYPES * nodes + 1, dtype=np.int64)
    masks, repeated, field, alike = (
        np.empty(1, np.uint64), np.empty(1, np.uint64), np.empty(1, np.uint64), np.empty(1, np.uint64),
    )  # fmt: skip
    runs = np.empty(_WORD + 1, dtype=np.int64)  # first membership of each node
    group, received, member = 0, 0, 0
    for s in range(sessions):
        start, end = blocks[TYPES * s], blocks[TYPES * (s + 1)]
        second, third = blocks[TYPES * s + 1], blocks[TYPES * s + 2]
        words = (end - start + _WORD - 1) >> _SHIFT
        first, steps = member, 0
        while member < len(node) and node[member] < end:
            steps = max(steps, position[member] + 1)
            member += 1
        if len(masks) < steps * words:
            masks = np.empty(2 * steps * words, dtype=np.uint64)
        if len(field) < words:
            repeated, field, alike = (
                np.empty(2 * words, np.uint64), np.empty(2 * words, np.uint64), np.empty(2 * words, np.uint64),
            )  # fmt: skip
            runs = np.empty(2 * words * _WORD + 1, dtype=np.int64)
        found, most = first_sender[TYPES * group], (end - start) ** 2  # all nodes, each with all as its neighbours
        if found + most > len(senders):
            longer = np.empty(2 * len(senders) + most, dtype=senders.dtype)
            longer[:found] = senders[:found]
            senders = longer
        masks[: steps * words] = 0
        repeated[:words] = 0
        last = np.int64(-1)
        for e in range(first, member):
            place = node[e] - start
            bit = _ONE << np.uint64(place & (_WORD - 1))
            masks[position[e] * words + (place >> _SHIFT)] |= bit
            if place == last:
                repeated[place >> _SHIFT] |= bit
            else:
                runs[place] = e
            last = place
        runs[end - start] = member
        for t in range(steps):
            for w in range(words):
                alone = masks[t * words + w] & ~repeated[w]
                while alone:
                    receivers[received] = start + w * _WORD + lowest_bit(alone)
                    received += 1
                    alone &= alone - _ONE
            if received > first_receiver[group]:
                field[:words] = 0
                _see(masks, t, words, field)
                _append(field, words, start, second, third, senders, first_sender, group)
                group += 1
                first_receiver[group] = received
        for place in range(end - start):
            word, count = place >> _SHIFT, runs[place + 1] - runs[place]
            if not repeated[word] >> np.uint64(place & (_WORD - 1)) & _ONE:
                continue
            field[:words] = 0
            alike[:words] = repeated[:words]
            for e in range(runs[place], runs[place + 1]):
                _see(masks, position[e], words, field)
                for w in range(words):
                    alike[w] &= masks[position[e] * words + w]
            for w in range(words):
                bits = alike[w]
                while bits:
                    other = w * _WORD + lowest_bit(bits)
                    if runs[other + 1] - runs[other] == count:  # in all of these steps, and in no other
                        receivers[received] = start + other
                        received += 1
                        repeated[w] ^= bits & ~(bits - _ONE)
                    bits &= bits - _ONE
            _append(field, words, start, second, third, senders, first_sender, group)
            group += 1
            first_receiver[group] = received
        groups[s + 1] = group
    senders = senders[: first_sender[TYPES * group]]
    return groups, receivers, first_receiver[: group + 1], senders, first_sender[: TYPES * group + 1]


@numba.njit(cache=True, nogil=True)
def _see(masks: NDArray, step: int, words: int, field: NDArray) -> None:
    """Who is in a step sees it and the step before."""
    for w in range(words):
        field[w] |= masks[step * words + w]
        if step > 0:
            field[w] |= masks[(step - 1) * words + w]


@numba.njit(cache=True, nogil=True)
def _append(
    field: NDArray,
    words: int,
    start: int,
    second: int,
    third: int,
    senders: NDArray,
    first_sender: NDArray,
    group: int,
) -> None:
    """Adds the nodes in ``field`` as the neighbours of ``group``, in a session whose types begin at these nodes."""
    first = found = first_sender[TYPES * group]
    keyword = product = 0
    for w in range(words):
        bits, base = field[w], start + w * _WORD
        while bits:
            sender = base + lowest_bit(bits)
            senders[found] = sender
            keyword += sender < second
            product += sender < third
            found += 1
            bits &= bits - _ONE
    first_sender[TYPES * group + 1] = first + keyword
    first_sender[TYPES * group + 2] = first + product
    first_sender[TYPES * group + 3] = found
