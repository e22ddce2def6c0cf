"""Lists the neighbours of the nodes of session graphs, for the compiled loops of the attention.

Nodes that are in the same steps have the same neighbours, and share a list. A step's nodes are bits of a mask, so that
a list is read from a union of masks, and no pair of nodes is ever compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import compiled
from encoders.kernels.layout import TYPES, NodeLayout
from encoders.kernels.vector_rows import lowest_bit

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
    def of(cls, layout: NodeLayout) -> Neighbourhoods:
        """Those of a batch on the CPU."""
        arrays = (tensor.numpy() for tensor in (layout.blocks, layout.member_node, layout.member_position))
        return cls(*_list_neighbours(*arrays))


@compiled()
def _list_neighbours(
    blocks: NDArray, node: NDArray, position: NDArray
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """The parts of :class:`Neighbourhoods` from memberships (e,), sorted by node and then by step."""
    nodes, sessions = blocks[-1], (len(blocks) - 1) // TYPES
    groups = np.zeros(sessions + 1, dtype=np.int64)
    receivers, first_receiver = np.empty(nodes, dtype=np.int32), np.zeros(nodes + 1, dtype=np.int64)
    senders, first_sender = np.empty(8 * nodes, dtype=np.int32), np.zeros(TYPES * nodes + 1, dtype=np.int64)
    masks, in_several, visible, candidates = (
        np.empty(1, np.uint64), np.empty(1, np.uint64), np.empty(1, np.uint64), np.empty(1, np.uint64),
    )  # fmt: skip
    begin = np.empty(_WORD + 1, dtype=np.int64)  # first membership of each node
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
        if len(visible) < words:
            in_several, visible, candidates = (
                np.empty(2 * words, np.uint64), np.empty(2 * words, np.uint64), np.empty(2 * words, np.uint64),
            )  # fmt: skip
            begin = np.empty(2 * words * _WORD + 1, dtype=np.int64)
        listed, most = first_sender[TYPES * group], (end - start) ** 2  # all nodes, each with all as its neighbours
        if listed + most > len(senders):
            longer = np.empty(2 * len(senders) + most, dtype=senders.dtype)
            longer[:listed] = senders[:listed]
            senders = longer
        masks[: steps * words] = 0
        in_several[:words] = 0
        previous = np.int64(-1)
        for e in range(first, member):
            local = node[e] - start
            bit = _ONE << np.uint64(local & (_WORD - 1))
            masks[position[e] * words + (local >> _SHIFT)] |= bit
            if local == previous:
                in_several[local >> _SHIFT] |= bit
            else:
                begin[local] = e
            previous = local
        begin[end - start] = member
        for t in range(steps):
            for w in range(words):
                in_one = masks[t * words + w] & ~in_several[w]
                while in_one:
                    receivers[received] = start + w * _WORD + lowest_bit(in_one)
                    received += 1
                    in_one &= in_one - _ONE
            if received > first_receiver[group]:
                visible[:words] = 0
                _add_visible(masks, t, words, visible)
                _append_senders(visible, words, start, second, third, senders, first_sender, group)
                group += 1
                first_receiver[group] = received
        for local in range(end - start):
            word, count = local >> _SHIFT, begin[local + 1] - begin[local]
            if not in_several[word] >> np.uint64(local & (_WORD - 1)) & _ONE:
                continue
            visible[:words] = 0
            candidates[:words] = in_several[:words]
            for e in range(begin[local], begin[local + 1]):
                _add_visible(masks, position[e], words, visible)
                for w in range(words):
                    candidates[w] &= masks[position[e] * words + w]
            for w in range(words):
                bits = candidates[w]
                while bits:
                    other = w * _WORD + lowest_bit(bits)
                    if begin[other + 1] - begin[other] == count:  # in all of these steps, and in no other
                        receivers[received] = start + other
                        received += 1
                        in_several[w] ^= bits & ~(bits - _ONE)
                    bits &= bits - _ONE
            _append_senders(visible, words, start, second, third, senders, first_sender, group)
            group += 1
            first_receiver[group] = received
        groups[s + 1] = group
    senders = senders[: first_sender[TYPES * group]]
    return groups, receivers, first_receiver[: group + 1], senders, first_sender[: TYPES * group + 1]


@compiled()
def _add_visible(masks: NDArray, step: int, words: int, visible: NDArray) -> None:
    """Adds the nodes of a step and of the step before it to ``visible``: the neighbours of whoever is in the step."""
    for w in range(words):
        visible[w] |= masks[step * words + w]
        if step > 0:
            visible[w] |= masks[(step - 1) * words + w]


@compiled()
def _append_senders(
    visible: NDArray,
    words: int,
    start: int,
    second: int,
    third: int,
    senders: NDArray,
    first_sender: NDArray,
    group: int,
) -> None:
    """Adds the nodes in ``visible`` as the neighbours of ``group``, in a session whose types begin at these nodes."""
    first = last = first_sender[TYPES * group]
    keyword = product = 0
    for w in range(words):
        bits, base = visible[w], start + w * _WORD
        while bits:
            sender = base + lowest_bit(bits)
            senders[last] = sender
            keyword += sender < second
            product += sender < third
            last += 1
            bits &= bits - _ONE
    first_sender[TYPES * group + 1] = first + keyword
    first_sender[TYPES * group + 2] = first + product
    first_sender[TYPES * group + 3] = last
