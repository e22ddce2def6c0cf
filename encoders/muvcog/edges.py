"""Edges of session graphs, listed: what PyTorch Geometric takes, and what people want to look at.

The kernels never list them; they follow from the steps that hold each node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from encoders.muvcog.graph import IQ, KQ, PQ, SessionGraphs

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

NODE_TYPES = {KQ: "keyword_word", PQ: "product_word", IQ: "image"}


def co_edges(graphs: SessionGraphs) -> Tensor:
    """(2, e) distinct pairs of different nodes that share a step (CO), both directions."""
    source, target = _pairs(graphs, 0)
    return _distinct(graphs, source, target)


def rf_edges(graphs: SessionGraphs) -> Tensor:
    """(2, e) distinct pairs of a node of a step and a node of the next step of its session (RF)."""
    source, target = _pairs(graphs, 1)
    return _distinct(graphs, source, target)


def neighbour_edges(graphs: SessionGraphs) -> Tensor:
    """(2, e) from every neighbour j in N_i to i: the node itself, its CO neighbours and those with an RF edge to it."""
    own = torch.arange(len(graphs.node_session), device=graphs.node_session.device)
    together, before = _pairs(graphs, 0), _pairs(graphs, 1)
    source = torch.cat([own, together[0], before[0]])
    target = torch.cat([own, together[1], before[1]])
    return _distinct(graphs, source, target, loops=True)


def hetero_data(graphs: SessionGraphs) -> HeteroData:
    """The graphs of a batch as one ``torch_geometric.data.HeteroData``, to look at or to feed to other networks.

    Node types ``keyword_word``, ``product_word`` and ``image`` carry ``x`` (word or image vectors), ``row`` (in the
    vocabulary, or of the image) and ``batch`` (the session of each node); edge types are (type, ``co`` or ``rf``,
    type), those without edges left out.
    """
    from torch_geometric.data import HeteroData

    data, features = HeteroData(), graphs.batch.features
    place = torch.empty_like(graphs.node_type)
    for kind, name in NODE_TYPES.items():
        nodes = torch.nonzero(graphs.node_type == kind).squeeze(1)
        place[nodes] = torch.arange(len(nodes), device=nodes.device)
        rows = torch.cat([graphs.word_rows, graphs.image_rows])[graphs.node_source[nodes]]
        data[name].x = features.images(rows) if kind == IQ else features.words(rows)
        data[name].row, data[name].batch = rows, graphs.node_session[nodes]
    for relation, edges in (("co", co_edges(graphs)), ("rf", rf_edges(graphs))):
        kinds = graphs.node_type[edges]  # (2, e)
        for source_kind, source_name in NODE_TYPES.items():
            for target_kind, target_name in NODE_TYPES.items():
                chosen = (kinds[0] == source_kind) & (kinds[1] == target_kind)
                if bool(chosen.any()):
                    data[source_name, relation, target_name].edge_index = place[edges[:, chosen]]
    return data


def _pairs(graphs: SessionGraphs, later: int) -> tuple[Tensor, Tensor]:
    """Nodes of each step (sources) with all nodes of the step ``later`` after it (targets), with repetitions."""
    steps = len(graphs.batch.step_kind)
    by_step = torch.argsort(graphs.member_step, stable=True)
    node, step = graphs.member_node[by_step], graphs.member_step[by_step]
    size = torch.bincount(step, minlength=steps)  # (T,)
    first = size.cumsum(0) - size
    target_step = step + later
    inside = target_step < steps
    session = graphs.batch.step_session
    inside[inside.clone()] = session[target_step[inside]] == session[step[inside]]
    node, target_step = node[inside], target_step[inside]
    count = size[target_step]
    source = node.repeat_interleave(count)
    offset = torch.arange(len(source), device=node.device) - (count.cumsum(0) - count).repeat_interleave(count)
    return source, graphs.member_node[by_step][first[target_step].repeat_interleave(count) + offset]


def _distinct(graphs: SessionGraphs, source: Tensor, target: Tensor, loops: bool = False) -> Tensor:
    nodes = max(len(graphs.node_session), 1)
    key = target * nodes + source
    key = torch.unique(key if loops else key[source != target])
    return torch.stack([key % nodes, torch.div(key, nodes, rounding_mode="floor")])
