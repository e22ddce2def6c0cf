"""The nodes of the sessions of a batch, and the steps that hold them: the input of equations 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TYPES = 3
"""P, the number of node types."""


@dataclass(frozen=True)
class NodeLayout:
    """The n nodes of B sessions, sorted by session, then by type.

    The neighbours of a node are all nodes of its steps and of the steps before them, itself among them.

    Attributes:
        blocks: (P * B + 1,) first node of each session and type.
        source: (n,) row of the values that each node shows; nodes may share one.
        member_node: (e,) node of each membership of a node in a step, ascending.
        member_position: (e,) position of that step in its session, counted from 0, ascending within a node.
    """

    blocks: Tensor
    source: Tensor
    member_node: Tensor
    member_position: Tensor

    @property
    def sessions(self) -> int:
        """B."""
        return (len(self.blocks) - 1) // TYPES

    @property
    def first_node(self) -> Tensor:
        """(B + 1,) first node of each session."""
        return self.blocks[::TYPES]

    @property
    def num_nodes(self) -> Tensor:
        """(B,) nodes of each session."""
        return self.first_node.diff()

    @property
    def block(self) -> Tensor:
        """(n,) ``P * session + type`` of each node."""
        return torch.repeat_interleave(self.blocks.diff(), output_size=len(self.source))
