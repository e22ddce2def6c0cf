"""Sessions in padded blocks of few shapes, so that a device meets the same shapes again, whatever the batch.

Sessions of about the same size share a block. Its width is the size of the largest, rounded up, and its number of rows
is rounded up too; what fills it up belongs to nobody and is masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.kernels.copies import copied
from encoders.kernels.layout import TYPES, NodeLayout

NARROWEST, FEWEST = 32, 8
"""Width and rows of the smallest block."""
PAIRS_AT_ONCE = 2**24  # of nodes, in a block; bounds the memory
STEPS_A_WORD = 63  # bits of a mask of steps: the sign's stays free


@dataclass(frozen=True)
class Blocks:
    """The rows of all blocks, one block after the other: R rows of L places for nodes altogether.

    Attributes:
        shapes: ``(rows, width)`` of each block.
        row: (B,) the row in which each session stands.
        node: (L,) the node at each place. Places that fill up a row hold the session's own last node: were it NaN, no
            other session would be.
        ends: (R, P) the places up to the end of each type; 0 in rows that fill up a block.
        words: W, of a mask of the steps of a node, rounded up as well.
    """

    shapes: list[tuple[int, int]]
    row: Tensor
    node: Tensor
    ends: Tensor
    words: int

    @classmethod
    def of(cls, layout: NodeLayout) -> Blocks:
        """Those of sessions with n > 0 nodes; the host waits for the device once, to learn how many nodes and steps."""
        last_step = F.pad(layout.member_position, (0, 1)).max().view(1)
        # copied on a CPU too, where nothing waits: tests/encoders/muvcog/test_host_waits.py sees it there
        facts = torch.cat([layout.num_nodes, last_step]).to("cpu", copy=True).numpy()  # (B + 1,)
        shapes, of_row, row = deal(facts[:-1])
        width = np.repeat([width for _, width in shapes], [rows for rows, _ in shapes])  # (R,)
        sent = copied(np.concatenate([of_row, width, row]), layout.blocks.device)
        session, widths, rows = sent.split([len(of_row), len(of_row), len(row)])
        first_node = layout.first_node  # (B + 1,); a row of nobody has B for its session, whose first node is n
        first, last = first_node[session], first_node[(session + 1).clamp(max=layout.sessions)] - 1  # (R,)
        places = int(width.sum())
        at = torch.repeat_interleave(widths, output_size=places)  # (L,) row of each place
        column = torch.arange(places, device=at.device) - (widths.cumsum(0) - widths)[at]  # (L,)
        node = torch.minimum(first[at] + column, last[at]).clamp(min=0)  # (L,)
        ends = layout.blocks[1:].view(-1, TYPES) - first_node[:-1].unsqueeze(1)  # (B, P)
        words = rounded_up(facts[-1] // STEPS_A_WORD + 1, 1)
        return cls(shapes, rows, node, F.pad(ends, (0, 0, 0, 1))[session], int(words))

    def split(self, places: Tensor) -> list[Tensor]:
        """A tensor (rows, width, …) for each block, of one (L, …) of all places."""
        parts = places.split([rows * width for rows, width in self.shapes])
        return [part.unflatten(0, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def held(self, layout: NodeLayout) -> Tensor:
        """(L, W) the steps that hold the node at each place: step t is bit ``t % 63`` of word ``t // 63``."""
        word = torch.div(layout.member_position, STEPS_A_WORD, rounding_mode="floor")  # (e,)
        bit = torch.bitwise_left_shift(torch.ones_like(word), layout.member_position % STEPS_A_WORD)  # (e,)
        masks = bit.new_zeros(len(layout.source) * self.words)
        masks = masks.index_add(0, layout.member_node * self.words + word, bit)  # a sum of distinct bits is their union
        return masks.view(-1, self.words).index_select(0, self.node)


def deal(sizes: NDArray[np.int64]) -> tuple[list[tuple[int, int]], NDArray[np.int64], NDArray[np.int64]]:
    """Deals sessions of so many nodes (B,) to blocks of at most ``PAIRS_AT_ONCE`` pairs, or of one row.

    Returns:
        ``(rows, width)`` of each block; (R,) the session of each row, B where it fills up a block; (B,) the row of each
        session.
    """
    shapes, dealt = [], []
    widths = rounded_up(sizes, NARROWEST)  # (B,)
    for width in np.unique(widths):
        alike, most = np.flatnonzero(widths == width), max(1, PAIRS_AT_ONCE // int(width) ** 2)
        for first in range(0, len(alike), most):
            sessions = alike[first : first + most]
            rows = min(int(rounded_up(len(sessions), FEWEST)), most)
            shapes.append((rows, int(width)))
            dealt.append(np.pad(sessions, (0, rows - len(sessions)), constant_values=len(sizes)))
    session = np.concatenate(dealt)  # (R,)
    row = np.zeros(len(sizes) + 1, dtype=np.int64)
    row[session] = np.arange(len(session))
    return shapes, session, row[:-1]


def rounded_up(numbers: NDArray[np.int64] | np.int64 | int, least: int) -> NDArray[np.int64]:
    """The next of ``least`` times 1, 1½, 2, 3, 4, 6, 8, …: half as much again at most."""
    steps = (least * 2 ** np.arange(1, 40)[:, None] * np.array([2, 3]) // 4).ravel()
    return steps[np.searchsorted(steps, numbers)]
