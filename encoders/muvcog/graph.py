"""Session graphs of MUVCOG (KDD 2022, sections 3.2 and 3.3), built for a whole batch at once from flat tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.schema import PRODUCT
from encoders.kernels import TYPES, NodeLayout

KQ, PQ, IQ = 0, 1, 2
"""Node types: words of keyword queries, words of product queries, images."""
_TYPE_BITS = 2


@dataclass(frozen=True)
class SessionGraphs:
    """The distinct nodes of B sessions and the steps that hold them.

    A node is a distinct word per session and type (the same word in a keyword and in a product query is two nodes), or
    a distinct image per session. Nodes are sorted by session, then type. Edges follow from the memberships: words of
    one step and its image are linked both ways (CO), and every node of a step points to every node of the next (RF).

    Attributes:
        batch: what the graphs were built from.
        node_session: (n,) ascending.
        node_type: (n,) ``KQ``, ``PQ`` or ``IQ``.
        node_source: (n,) index of the word or image that the node shows in ``word_rows`` followed by ``image_rows``, so
            that each is read and projected once however many nodes show it.
        word_rows: (v,) distinct vocabulary rows, ascending.
        image_rows: (m,) distinct image rows, ascending.
        member_node: (e,) node of each distinct (node, step) membership.
        member_step: (e,) its step.
    """

    batch: SessionBatch
    node_session: Tensor
    node_type: Tensor
    node_source: Tensor
    word_rows: Tensor
    image_rows: Tensor
    member_node: Tensor
    member_step: Tensor

    @classmethod
    def of(cls, batch: SessionBatch) -> SessionGraphs:
        """Builds the graphs of all sessions of ``batch``."""
        used = torch.zeros(len(batch.features.word_vectors), dtype=torch.bool, device=batch.device)
        used[batch.words] = True  # no sort: words are many, the vocabulary is short
        word_rows, word_source = torch.nonzero(used).squeeze(1), (used.cumsum(0) - 1)[batch.words]
        image_rows, image_source = torch.unique(batch.images, return_inverse=True)
        # One sort gives nodes and memberships: session, type and source in the high bits of a key, the step in the low
        # ones. Bits, since dividing by anything else takes longer than the sort.
        source_bits = (len(word_rows) + len(image_rows)).bit_length()
        step_bits = len(batch.step_kind).bit_length()
        session = batch.step_session << _TYPE_BITS
        of_words = (session | torch.where(batch.step_kind == PRODUCT, PQ, KQ))[batch.word_step]  # (W,)
        of_images = (session | IQ)[batch.image_step]  # (M,)
        source = torch.cat([word_source, len(word_rows) + image_source])
        step = torch.cat([batch.word_step, batch.image_step])
        member_key = (((torch.cat([of_words, of_images]) << source_bits) | source) << step_bits) | step  # (W + M,)
        member_key = sorted_distinct(member_key)
        node_key, member_node = torch.unique_consecutive(member_key >> step_bits, return_inverse=True)
        return cls(
            batch,
            node_session=node_key >> (source_bits + _TYPE_BITS),
            node_type=(node_key >> source_bits) & _lowest(_TYPE_BITS),
            node_source=node_key & _lowest(source_bits),
            word_rows=word_rows,
            image_rows=image_rows,
            member_node=member_node,
            member_step=member_key & _lowest(step_bits),
        )

    @property
    def num_nodes(self) -> Tensor:
        """(B,) number of nodes of each session."""
        return torch.bincount(self.node_session, minlength=len(self.batch))

    def layout(self, typed: bool = True) -> NodeLayout:
        """What the attention runs over; not ``typed``, all nodes are of the first type and none of the others."""
        kind = self.node_type if typed else torch.zeros_like(self.node_type)
        sizes = torch.bincount(self.node_session * TYPES + kind, minlength=len(self.batch) * TYPES)  # (3B,)
        position = self.batch.step_position[self.member_step]  # (e,)
        return NodeLayout(F.pad(sizes.cumsum(0), (1, 0)), self.node_source, self.member_node, position)


def sorted_distinct(keys: Tensor) -> Tensor:
    """``torch.unique``; on CPUs by numpy's sort, which is vectorised and several times as fast."""
    if keys.device.type != "cpu":
        return torch.unique(keys)
    return torch.unique_consecutive(torch.from_numpy(np.sort(keys.numpy())))


def _lowest(bits: int) -> int:
    """The mask of so many bits."""
    return (1 << bits) - 1
