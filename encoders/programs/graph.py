"""MUVCOG's views as a program: the session graph of one session as dense matrices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.schema import PRODUCT
from encoders.kernels import LEAKY_SLOPE, TYPES
from encoders.muvcog.graph import IQ, KQ, PQ
from encoders.muvcog.views.agv import AttentiveGlobalView
from encoders.muvcog.views.hlv import HierarchicalLocalView
from encoders.muvcog.views.sources import SourceVectors

_NEVER = -1e30  # a logit whose share is 0, and no infinity that could become NaN


class GraphProgram(nn.Module):
    """The views of one session side by side; see :class:`encoders.muvcog.model.Muvcog`.

    Every occurrence of a word or an image is a row; of those that are the same node the first stands for all, and the
    others have no weight. So no shape depends on which words are the same.

    Args:
        word_vectors: (V, w).
        sources: projects images.
        views: :class:`AttentiveGlobalView` and ``HierarchicalLocalView``, in the order of the output.
        images: whether images are nodes.
    """

    word_vectors: Tensor

    def __init__(self, word_vectors: Tensor, sources: SourceVectors, views: list[nn.Module], images: bool) -> None:
        super().__init__()
        self.images = images
        self.register_buffer("word_vectors", word_vectors)
        self.project_image = sources.project_image
        self.views = nn.ModuleList(views)

    def forward(
        self, kind: Tensor, words: Tensor, word_step: Tensor, images: Tensor, image_id: Tensor, image_step: Tensor
    ) -> Tensor:
        """(d,); the inputs are those of :func:`bench.serving.programs.program_inputs`."""
        if not self.images:
            image_step = torch.full_like(image_step, -1)
        of_word = torch.where(kind[word_step.clamp(min=0)] == PRODUCT, PQ, KQ)  # (W,)
        node_type = torch.cat([of_word, torch.full_like(image_id, IQ)])  # (n,)
        identity, step = torch.cat([words, image_id]), torch.cat([word_step, image_step])  # (n,) each
        values = torch.cat([self.word_vectors[words], F.elu(self.project_image(images))])  # (n, w)
        same = (identity.unsqueeze(1) == identity) & (node_type.unsqueeze(1) == node_type)  # (n, n)
        place = torch.arange(kind.shape[0], device=kind.device)
        holds = ((step.unsqueeze(1) == place) & (step >= 0).unsqueeze(1)).to(values.dtype)  # (n, T)
        held = (same.to(values.dtype) @ holds > 0).to(values.dtype)  # (n, T) of the node that a row shows
        row = torch.arange(step.shape[0], device=kind.device)
        earlier = same & (row.unsqueeze(1) > row) & (step >= 0)  # (n, n)
        stands = ((step >= 0) & ~earlier.any(1)).to(values.dtype)  # (n,) 1 for the first row of each node
        real = (kind >= 0).to(values.dtype)  # (T,)
        found = []
        for view in self.views:
            if isinstance(view, AttentiveGlobalView):
                found.append(_global(view, values, node_type, held, stands))
            elif isinstance(view, HierarchicalLocalView):
                found.append(_local(view, values, held, stands, real))
        return torch.cat(found)


def _global(view: AttentiveGlobalView, vectors: Tensor, node_type: Tensor, held: Tensor, stands: Tensor) -> Tensor:
    """(d,) of equations 1 to 5.

    Args:
        view: with its weights.
        vectors: (n, w) of each row.
        node_type: (n,).
        held: (n, T) 1 where a step holds the node of a row.
        stands: (n,) 1 for the row that stands for its node.
    """
    values = view.project(vectors)  # (n, d)
    receive, send = view.attend.weight[0].chunk(2)
    logits = F.leaky_relu((values @ receive).unsqueeze(1) + values @ send, LEAKY_SLOPE)  # (n, n)
    seen = held + F.pad(held[:, 1:], (0, 1))  # a receiver in step t sees the senders in t and in t - 1
    near = (seen @ held.T > 0) & (stands > 0)  # (n, n)
    count = stands.sum().clamp(min=1)
    means, scores = [], []
    for one in range(TYPES):
        allowed = near & (node_type == one)  # (n, n)
        shares = torch.softmax(logits.masked_fill(~allowed, _NEVER), dim=1) * allowed.to(values.dtype)  # eq. 2
        node = F.elu(shares @ values)  # (n, d) eq. 1
        scores.append((F.elu(node @ view.score.weight[0] + view.score.bias) * stands).sum())
        means.append((node * stands.unsqueeze(1)).sum(0) / count)
    score, mean = torch.stack(scores), torch.stack(means)  # (P,), (P, d)
    share = torch.softmax(score if view.beta == "sum" else score / count, dim=0)  # (P,) eq. 4
    return share @ mean  # (d,) eq. 3 and 5


def _local(view: HierarchicalLocalView, vectors: Tensor, held: Tensor, stands: Tensor, real: Tensor) -> Tensor:
    """(d,) of equations 6 to 8; ``real`` (T,) is 1 for a step and 0 for padding, the others as above."""
    node = held * stands.unsqueeze(1)  # (n, T)
    scale = (node.sum(1).clamp(min=1).unsqueeze(1) * node.sum(0).clamp(min=1)).rsqrt()  # (n, T)
    sent = F.linear(vectors, view.intra.weight @ view.transform.weight)  # (n, d)
    local = (F.elu(sent.unsqueeze(1) * scale.unsqueeze(2)) * node.unsqueeze(2)).sum(0)  # (T, d) eq. 6
    sent = F.linear(local, view.inter.weight)  # (T, d)
    after, before = F.pad(real[1:], (0, 1)), F.pad(real[:-1], (1, 0))  # (T,) whether there is such a step
    leaving, reaching = 1 + after, 1 + before  # (T,) d⁺ and d⁻
    own = F.elu(sent * (leaving * reaching).rsqrt().unsqueeze(1))  # (T, d)
    onward = F.elu(sent[:-1] * (leaving[:-1] * reaching[1:]).rsqrt().unsqueeze(1))  # (T - 1, d)
    sums = (own * real.unsqueeze(1)).sum(0) + (onward * real[1:].unsqueeze(1)).sum(0)  # (d,) eq. 7
    return sums / real.sum().clamp(min=1)  # (d,) eq. 8
