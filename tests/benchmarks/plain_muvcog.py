"""MUVCOG as one would write it down first: one session after the other, edges listed pair by pair, every pair of the
batch through the discriminator. The other side of the speed ratios, and one more oracle for the numbers.

Sessions are lists of steps ``(kind, words, image)``; weights are those of an encoder of the package.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.data.features import Features
from encoders.muvcog.model import Muvcog

Step = tuple[str, list[int], int | None]
Node = tuple[str, int]
Graph = tuple[list[Node], list[set[Node]], list[tuple[int, int]]]
TYPES = ("KQ", "PQ", "IQ")


def build_graph(session: list[Step]) -> Graph:
    """``(nodes, members of each step, pairs (i, j) with j in N_i)`` of a session."""
    steps = []
    for kind, words, image in session:
        members = {("KQ" if kind == "keyword" else "PQ", word) for word in words}
        if image is not None:
            members.add(("IQ", image))
        steps.append(members)
    nodes = sorted(set().union(*steps)) if steps else []
    place = {node: at for at, node in enumerate(nodes)}
    pairs = {(at, at) for at in range(len(nodes))}
    for at, members in enumerate(steps):
        for node in members:
            for other in members:
                pairs.add((place[node], place[other]))
            if at > 0:
                for other in steps[at - 1]:
                    pairs.add((place[node], place[other]))
    return nodes, steps, sorted(pairs)


def views(encoder: Muvcog, features: Features, graph: Graph) -> tuple[Tensor, Tensor]:
    """AGV and HLV vector of one session, (view_dim,) each."""
    nodes, steps, pairs = graph
    width = encoder.options.view_dim
    if not nodes:
        return torch.zeros(width), torch.zeros(width)
    vectors = torch.stack([_node_vector(encoder, features, node) for node in nodes])  # (m, words)
    return _agv(encoder, nodes, pairs, vectors), _hlv(encoder, nodes, steps, vectors)


def _node_vector(encoder: Muvcog, features: Features, node: Node) -> Tensor:
    kind, source = node
    if kind != "IQ":
        return features.words(torch.tensor([source]))[0]
    return F.elu(encoder.sources.project_image(features.images(torch.tensor([source]))))[0]


def _agv(encoder: Muvcog, nodes: list[Node], pairs: list[tuple[int, int]], vectors: Tensor) -> Tensor:
    agv = encoder.encoders["agv"]
    values = agv.project(vectors)  # (m, d)
    i, j = torch.tensor(pairs).T
    logits = F.leaky_relu(agv.attend(torch.cat([values[i], values[j]], dim=1)), 0.2).squeeze(1)  # (pairs,)
    typed = []
    for kind in TYPES:
        of_kind = torch.tensor([nodes[at][0] == kind for at in j.tolist()])
        a, b, weight = i[of_kind], j[of_kind], logits[of_kind].exp()
        total = torch.zeros(len(nodes)).index_add(0, a, weight)
        share = weight / total[a]
        typed.append(F.elu(torch.zeros_like(values).index_add(0, a, share.unsqueeze(1) * values[b])))  # eq. 1 and 2
    score = torch.stack([F.elu(agv.score(v)).mean() for v in typed])
    beta = torch.softmax(score, 0)  # eq. 4
    return sum(b * v.mean(0) for b, v in zip(beta, typed, strict=True))  # eq. 3 and 5


def _hlv(encoder: Muvcog, nodes: list[Node], steps: list[set[Node]], vectors: Tensor) -> Tensor:
    hlv = encoder.encoders["hlv"]
    hidden = hlv.transform(vectors)
    local = []
    for members in steps:
        total = torch.zeros(hlv.output_dim)
        for node in sorted(members):
            degree = sum(node in other for other in steps)
            total = total + F.elu(hlv.intra(hidden[nodes.index(node)]) / (degree * len(members)) ** 0.5)
        local.append(total)  # eq. 6
    out = []
    for at in range(len(steps)):
        total = torch.zeros(hlv.output_dim)
        for before in range(max(at - 1, 0), at + 1):
            leaving = 1 if before == len(steps) - 1 else 2  # to itself and to the next step
            reaching = 1 if at == 0 else 2  # from itself and from the step before
            scale = (leaving * reaching) ** -0.5
            total = total + F.elu(hlv.inter(local[before]) * scale)
        out.append(total)  # eq. 7
    return torch.stack(out).mean(0)  # eq. 8


def loss(
    encoder: Muvcog, features: Features, anchors: list[list[Step]], positives: list[list[Step]], clicks: list[set[int]]
) -> Tensor:
    """The negative of equation 9 with masked hard negatives, mean over the anchors."""
    left = [views(encoder, features, build_graph(session)) for session in anchors]
    right = [views(encoder, features, build_graph(session)) for session in positives]
    total = torch.zeros(())
    for direction, discriminator in enumerate(encoder.discriminators):
        anchor = torch.stack([v[direction] for v in left])
        other = torch.stack([v[1 - direction] for v in right])
        size = len(anchor)
        scores = discriminator(anchor.repeat_interleave(size, 0), other.repeat(size, 1)).view(size, size)
        with torch.no_grad():
            allowed = [[not clicks[a] & clicks[b] and a != b for b in range(size)] for a in range(size)]
            hardest, negative = scores.masked_fill(~torch.tensor(allowed), -torch.inf).max(1)
        chosen = scores.gather(1, negative.unsqueeze(1)).squeeze(1)
        negatives = torch.where(hardest > -torch.inf, F.softplus(chosen), 0.0)
        total = total + (F.softplus(-scores.diagonal()) + negatives).mean()
    return total
