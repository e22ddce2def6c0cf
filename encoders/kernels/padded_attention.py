"""The typed attention of equations 1 and 2 as batched products over padded sessions, for devices other than the CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from encoders.muvcog.graph import TYPES, SessionGraphs

_SLOPE = 0.2
_CHUNK_PAIRS = 2**24  # node pairs worked on at once; bounds the memory


def padded_attention(graphs: SessionGraphs, left: Tensor, right: Tensor, values: Tensor) -> Tensor:
    """Equations 1, before σ, and 2: (n, 3, d) from logit parts (n,) of receiver and sender and values (n, d)."""
    batch = graphs.batch
    sizes = graphs.num_nodes  # (B,)
    order = torch.argsort(sizes)
    order = order[sizes[order] > 0]
    chunk = torch.div((sizes[order] ** 2).cumsum(0) - 1, _CHUNK_PAIRS, rounding_mode="floor")
    first_node = sizes.cumsum(0) - sizes
    position = batch.step_position[graphs.member_step]
    first_member = torch.searchsorted(graphs.member_node.contiguous(), torch.cat([first_node, sizes.sum().view(1)]))
    out = values.new_zeros(len(values), TYPES, values.shape[1])
    for number in chunk.unique().tolist():
        sessions = order[chunk == number]  # (b,)
        width = int(sizes[sessions].max())
        place = torch.arange(width, device=values.device)
        node = first_node[sessions].unsqueeze(1) + place  # (b, N)
        present = place < sizes[sessions].unsqueeze(1)
        node = torch.where(present, node, 0)

        deep = int(batch.num_steps[sessions].max())
        held = values.new_zeros(len(sessions), width, deep)
        counts = first_member[sessions + 1] - first_member[sessions]
        row = torch.repeat_interleave(torch.arange(len(sessions), device=values.device), counts)
        member = torch.arange(len(row), device=values.device) - (counts.cumsum(0) - counts)[row]
        member = member + first_member[sessions][row]
        held[row, graphs.member_node[member] - first_node[sessions][row], position[member]] = 1
        field = held + F.pad(held[:, :, 1:], (0, 1))  # whoever is in step t sees steps t and t - 1
        near = torch.bmm(field, held.transpose(1, 2)) > 0  # (b, N, N)

        logits = F.leaky_relu(left[node].unsqueeze(2) + right[node].unsqueeze(1), _SLOPE)  # (b, N, N)
        attended = []
        for kind in range(TYPES):
            allowed = near & (graphs.node_type[node] == kind).unsqueeze(1) & present.unsqueeze(1)
            weights = torch.softmax(logits.masked_fill(~allowed, -torch.inf), dim=2).masked_fill(~allowed, 0)  # eq. 2
            attended.append(torch.bmm(weights, values[node]))
        out = out.index_put((node[present],), torch.stack(attended, 2)[present])  # (n, P, d)
    return out
