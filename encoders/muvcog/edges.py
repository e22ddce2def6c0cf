"""Edges of session graphs, listed: what PyTorch Geometric takes. The kernels never list them."""

from __future__ import annotations

import torch
from torch import Tensor

from encoders.muvcog.graph import SessionGraphs


def neighbour_edges(graphs: SessionGraphs) -> Tensor:
    """(2, e) from every neighbour j in N_i to i: the node itself, those that share a step with it (CO), both ways, and
    those of the step before one of its own (RF).
    """
    nodes = len(graphs.node_session)
    own = torch.arange(nodes, device=graphs.node_session.device)
    together, before = step_pairs(graphs, 0), step_pairs(graphs, 1)
    source = torch.cat([own, together[0], before[0]])
    target = torch.cat([own, together[1], before[1]])
    key = torch.unique(target * max(nodes, 1) + source)
    return torch.stack([key % max(nodes, 1), torch.div(key, max(nodes, 1), rounding_mode="floor")])


def step_pairs(graphs: SessionGraphs, later: int) -> tuple[Tensor, Tensor]:
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
