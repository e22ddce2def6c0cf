"""Equations 1 to 9 of the paper, restated for the tests: one session at a time, loops, float64, nothing shared with the
encoder.

A session is a list of steps ``(kind, words, image)`` with ``kind`` "keyword" or "product", ``words`` a list of ids and
``image`` an id or None. Weights come as plain nested lists of floats under the names of the paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Vector = list[float]
Step = tuple[str, list[int], int | None]
Session = list[Step]
TYPES = ("KQ", "PQ", "IQ")


def elu(x: float) -> float:
    return x if x > 0 else math.exp(x) - 1


def leaky_relu(x: float) -> float:
    return x if x > 0 else 0.2 * x


def product(matrix: list[Vector], vector: Vector) -> Vector:
    return [sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix]


def mean(vectors: list[Vector], width: int) -> Vector:
    return [sum(v[k] for v in vectors) / len(vectors) if vectors else 0.0 for k in range(width)]


class Restatement:
    """MUVCOG-M of one session after the other.

    Args:
        weights: W_e, b_e (image projection), W (50 -> d of the AGV), W_a (2d), W_g (d), b_g, W_b, W_c, W_d.
        words, images: vectors by id.
        beta: "mean" or "sum" in equation 4.
    """

    def __init__(self, weights: dict, words: list[Vector], images: list[Vector], beta: str = "mean") -> None:
        self.w, self.words, self.images, self.beta = weights, words, images, beta

    def node_vector(self, node: tuple[str, int]) -> Vector:
        kind, source = node
        if kind != "IQ":
            return self.words[source]
        projected = product(self.w["W_e"], self.images[source])
        return [elu(x + b) for x, b in zip(projected, self.w["b_e"], strict=True)]  # v = σ(W^e ṽ + b)

    @staticmethod
    def members(step: Step) -> set[tuple[str, int]]:
        kind, words, image = step
        found = {("KQ" if kind == "keyword" else "PQ", word) for word in words}
        return found | ({("IQ", image)} if image is not None else set())

    def agv(self, session: Session) -> Vector:
        width = len(self.w["W"])
        steps = [self.members(step) for step in session]
        nodes = sorted(set().union(*steps)) if steps else []
        neighbours: dict[tuple[str, int], set] = {node: {node} for node in nodes}
        for at, step in enumerate(steps):
            for node in step:
                neighbours[node] |= step  # CO, both directions
                if at > 0:
                    neighbours[node] |= steps[at - 1]  # RF, from the step before
        v = {node: product(self.w["W"], self.node_vector(node)) for node in nodes}
        by_type: dict[tuple[tuple[str, int], str], Vector] = {}
        for i in nodes:
            for p in TYPES:
                near = sorted(j for j in neighbours[i] if j[0] == p)
                exponents = []
                for j in near:
                    joined = v[i] + v[j]  # [v_i, v_j]
                    exponents.append(
                        math.exp(leaky_relu(sum(a * x for a, x in zip(self.w["W_a"], joined, strict=True))))
                    )
                total = sum(exponents)
                summed = [sum(e / total * v[j][k] for e, j in zip(exponents, near, strict=True)) for k in range(width)]
                by_type[i, p] = [elu(x) for x in summed] if near else [0.0] * width  # eq. 1 and 2
        scores = []
        for p in TYPES:
            values = [
                elu(sum(g * x for g, x in zip(self.w["W_g"], by_type[i, p], strict=True)) + self.w["b_g"])
                for i in nodes
            ]
            scores.append(math.exp(sum(values) / (max(len(nodes), 1) if self.beta == "mean" else 1)))
        beta = [score / sum(scores) for score in scores]  # eq. 4
        z = [
            [sum(b * by_type[i, p][k] for b, p in zip(beta, TYPES, strict=True)) for k in range(width)] for i in nodes
        ]  # eq. 3
        return mean(z, width)  # eq. 5

    def hlv(self, session: Session) -> Vector:
        width = len(self.w["W_b"])
        steps = [self.members(step) for step in session]
        degree: dict[tuple[str, int], int] = {}
        for step in steps:
            for node in step:
                degree[node] = degree.get(node, 0) + 1
        h_q = []
        for step in steps:
            total = [0.0] * width
            for node in sorted(step):
                h = product(self.w["W_b"], self.node_vector(node))
                message = product(self.w["W_c"], h)
                scale = 1 / math.sqrt(degree[node] * len(step))
                total = [t + elu(scale * m) for t, m in zip(total, message, strict=True)]
            h_q.append(total)  # eq. 6
        edges = [(at, at) for at in range(len(steps))] + [(at - 1, at) for at in range(1, len(steps))]
        z_q = []
        for at in range(len(steps)):
            total = [0.0] * width
            for before in (at - 1, at):
                if before >= 0:
                    leaving = sum(sender == before for sender, _ in edges)
                    reaching = sum(receiver == at for _, receiver in edges)
                    scale = 1 / math.sqrt(leaving * reaching)
                    message = product(self.w["W_d"], h_q[before])
                    total = [t + elu(scale * m) for t, m in zip(total, message, strict=True)]
            z_q.append(total)  # eq. 7
        return mean(z_q, width)  # eq. 8


def discriminate(mlp: dict, left: Vector, right: Vector) -> float:
    """MLP [2d, d, 1]: probability that the pair is positive."""
    hidden = [max(0.0, x + b) for x, b in zip(product(mlp["W1"], left + right), mlp["b1"], strict=True)]
    return 1 / (1 + math.exp(-(sum(w * h for w, h in zip(mlp["w2"], hidden, strict=True)) + mlp["b2"])))


def cosine_discriminate(weights: dict, left: Vector, right: Vector) -> float:
    """Probability that the pair is positive, from the cosine of P left and Q right times an inverse temperature."""
    a, b = product(weights["P"], left), product(weights["Q"], right)
    lengths = [max(math.sqrt(sum(x * x for x in side)), 1e-3) for side in (a, b)]
    cosine = sum(x * y for x, y in zip(a, b, strict=True)) / (lengths[0] * lengths[1])
    return 1 / (1 + math.exp(-min(math.exp(weights["log_scale"]), 100.0) * cosine))


def contrast(
    likenesses: tuple[Callable[[Vector, Vector], float], Callable[[Vector, Vector], float]],
    anchors: list[tuple[Vector, Vector]],
    positives: list[tuple[Vector, Vector]],
    clicks: list[set],
    negatives: list[tuple[Vector, Vector]],
) -> float:
    """The negative of equation 9, mean over anchors; a pair is (AGV, HLV), ``clicks`` the clicked items of each,
    ``likenesses`` the probability that each direction's discriminator gives a pair.
    """
    total = 0.0
    for view, likeness_of in enumerate(likenesses):
        for s, anchor in enumerate(anchors):
            total -= math.log(likeness_of(anchor[view], positives[s][1 - view]))
            best, hardest = -1.0, None
            for other in range(len(anchors)):
                if other != s and not clicks[s] & clicks[other]:
                    likeness = likeness_of(anchor[view], negatives[other][1 - view])
                    if likeness > best:
                        best, hardest = likeness, other
            if hardest is not None:
                total -= math.log(1 - best)
    return total / len(anchors)
