"""MUVCOG's session graphs as PyTorch Geometric has them, for models that are built on that library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from encoders.muvcog.edges import step_pairs
from encoders.muvcog.graph import IQ, SessionGraphs

NODE_TYPES = ("keyword_word", "product_word", "image")
"""Of KQ, PQ and IQ, in this order."""
TOGETHER, NEXT = "together", "next"
"""Edges between nodes of one step (CO), both ways, and from every node of a step to those of the next (RF)."""


def session_graph(corpus: Corpus, sessions: Sequence[int], features: Features | None = None) -> HeteroData:
    """The graphs of sessions, side by side.

    Every node type has ``x`` (its vector), ``row`` (of the vocabulary or of the images) and ``session`` (0 … B - 1, in
    the order of ``sessions``; it is what PyTorch Geometric's pooling takes for ``batch``). An edge type is (type,
    ``together`` or ``next``, type). No edge of a node to itself is ``together``: add them where a layer wants them.

    Args:
        corpus: whose sessions they are.
        sessions: their rows.
        features: where vectors are looked up; by default the corpus's own.
    """
    looked_up = features or Features.of(corpus)
    return hetero_data(SessionGraphs.of(SessionBatch.from_sessions(corpus, np.asarray(sessions), looked_up)))


def hetero_data(graphs: SessionGraphs) -> HeteroData:
    """The same graphs in PyTorch Geometric's form."""
    features = graphs.batch.features
    rows = torch.cat([graphs.word_rows, graphs.image_rows])[graphs.node_source]  # (n,)
    data, within = HeteroData(), torch.zeros_like(graphs.node_type)  # (n,) a node's number among those of its type
    for kind, name in enumerate(NODE_TYPES):
        mine = graphs.node_type == kind
        within[mine] = torch.arange(int(mine.sum()), device=mine.device)
        data[name].row = rows[mine]
        data[name].session = graphs.node_session[mine]
        data[name].x = features.images(rows[mine]) if kind == IQ else features.words(rows[mine])
    for relation, later in ((TOGETHER, 0), (NEXT, 1)):
        edges = _distinct(torch.stack(step_pairs(graphs, later)), len(rows))  # (2, e)
        if relation == TOGETHER:
            edges = edges[:, edges[0] != edges[1]]
        kinds = graphs.node_type[edges]  # (2, e)
        for source, source_name in enumerate(NODE_TYPES):
            for target, target_name in enumerate(NODE_TYPES):
                chosen = edges[:, (kinds[0] == source) & (kinds[1] == target)]
                data[source_name, relation, target_name].edge_index = within[chosen]
    return data


def _distinct(edges: Tensor, nodes: int) -> Tensor:
    key = torch.unique(edges[1] * max(nodes, 1) + edges[0])
    return torch.stack([key % max(nodes, 1), torch.div(key, max(nodes, 1), rounding_mode="floor")])
