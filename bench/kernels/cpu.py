"""The shared kernels on a CPU: compiled loops and products of matrices, made functions of torch with gradients.

A step of a light model is dozens of small operations, each of which takes longer to be called than to run, forward and
again backward. Here a run of layers is one function; its activations are written over, since an ELU's slope follows
from its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.kernels.candidate_loops import (
    add_distance_gradients,
    add_hinge_gradients,
    sum_of_hinges,
    write_distances,
)
from bench.kernels.dropout_draws import kept_entries
from bench.kernels.elu_loops import dropped_elu32, dropped_elu_slopes32, elu_slopes32
from bench.kernels.exponential import elu32
from bench.kernels.row_means import write_means

Layer = tuple[Tensor, Tensor]


def elu_layers(
    inputs: Sequence[Tensor], towers: Sequence[Sequence[Layer]], joint: Sequence[Layer], dropout: float
) -> Tensor:
    """See :func:`bench.kernels.elu_layers`."""
    layers = [*(layer for tower in towers for layer in tower), *joint]
    depths = [len(tower) for tower in towers]
    out: Tensor = _EluLayers.apply(depths, dropout, *inputs, *(tensor for layer in layers for tensor in layer))
    return out


def dropped(values: Tensor, share: float) -> Tensor:
    """See :func:`bench.kernels.dropped`."""
    return values * kept_entries(values.shape, share).to(values.dtype).div_(1 - share)


def mean_rows(vectors: Tensor, rows: Tensor, owner: Tensor, owners: int) -> Tensor:
    """See :func:`bench.kernels.mean_rows`."""
    out = torch.empty(owners, vectors.shape[1])
    write_means(vectors.detach().numpy(), rows.numpy(), owner.numpy(), out.numpy())
    return out


def negative_distances(contexts: Tensor, items: Tensor) -> Tensor:
    """See :func:`bench.kernels.negative_distances`."""
    out: Tensor = _Distances.apply(contexts, items)
    return out


def pair_hinge(scores: Tensor, clicks: Tensor, shown: Tensor, margin: float) -> Tensor:
    """See :func:`bench.kernels.pair_hinge`."""
    out: Tensor = _PairHinge.apply(scores, clicks, shown, margin)
    return out


class _EluLayers(torch.autograd.Function):
    """With D the mask of a layer's dropout, 0 or 1 / (1 - p): :math:`h_n = D_n ELU(W_n h_{n-1} + b_n)`.

    What is kept for the gradient is :math:`h_n` alone, and the masks.
    """

    @staticmethod
    def forward(ctx: Any, depths: list[int], dropout: float, *tensors: Tensor) -> Tensor:
        inputs, parameters = tensors[: len(depths)], tensors[len(depths) :]
        scale = 1 / (1 - dropout)
        states: list[Tensor] = []  # (n, in) of every layer, in the order of the layers
        kept: dict[int, NDArray[np.bool_]] = {}  # by layer, what its dropout keeps
        ends: list[Tensor] = []  # (n, d) of each tower
        layer = 0
        for rows, depth in zip(inputs, depths, strict=True):
            hidden = rows.reshape(-1, rows.shape[-1])  # (n, in)
            last = layer + depth - 1
            while layer <= last:
                states.append(hidden)
                hidden = F.linear(hidden, parameters[2 * layer], parameters[2 * layer + 1])  # (n, d)
                if dropout and layer < last:
                    kept[layer] = kept_entries(hidden.shape, dropout).numpy()
                    dropped_elu32(hidden.numpy(), kept[layer], scale)
                else:
                    elu32(hidden.numpy())
                layer += 1
            ends.append(hidden)
        hidden = torch.cat(ends, dim=1) if len(ends) > 1 else ends[0]
        while layer < len(parameters) // 2:
            states.append(hidden)
            hidden = F.linear(hidden, parameters[2 * layer], parameters[2 * layer + 1])
            elu32(hidden.numpy())
            layer += 1
        ctx.depths, ctx.kept, ctx.scale = depths, kept, scale
        ctx.states, ctx.ends, ctx.shapes = states, ends, [rows.shape for rows in inputs]
        out = hidden.view(*inputs[0].shape[:-1], hidden.shape[1])
        ctx.save_for_backward(out, *parameters)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        out, *parameters = ctx.saved_tensors
        towers, needed = len(ctx.depths), ctx.needs_input_grad[2:]
        gradients: list[Tensor | None] = [None] * (towers + len(parameters))

        def back(slope: Tensor, value: Tensor, layers: range, further: bool) -> Tensor:
            """The slopes of the inputs of these layers, from those of their outputs (n, d), which are written over."""
            for layer in reversed(layers):
                if layer in ctx.kept:
                    dropped_elu_slopes32(value.numpy(), ctx.kept[layer], ctx.scale, slope.numpy())
                else:
                    elu_slopes32(value.numpy(), slope.numpy())
                value = ctx.states[layer]
                weight = towers + 2 * layer
                if needed[weight]:
                    gradients[weight] = torch.mm(slope.t(), value)
                if needed[weight + 1]:
                    gradients[weight + 1] = slope.sum(0)
                if further or layer > layers.start:
                    slope = torch.mm(slope, parameters[2 * layer])
            return slope

        slope = grads[0].reshape(-1, out.shape[-1]).clone(memory_format=torch.contiguous_format)  # (n, d)
        first_joint = sum(ctx.depths)
        slope = back(slope, out.view(slope.shape), range(first_joint, len(parameters) // 2), True)
        widths = [end.shape[1] for end in ctx.ends]
        layer = 0
        for tower, (part, depth) in enumerate(zip(slope.split(widths, dim=1), ctx.depths, strict=True)):
            found = back(part.contiguous(), ctx.ends[tower], range(layer, layer + depth), needed[tower])
            gradients[tower] = found.view(ctx.shapes[tower]) if needed[tower] else None
            layer += depth
        return None, None, *gradients


class _Distances(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, contexts: Tensor, items: Tensor) -> Tensor:
        ctx.state = (contexts.detach().contiguous().numpy(), items.detach().contiguous().numpy())
        out = torch.empty(items.shape[:2])  # (B, K)
        write_distances(*ctx.state, out.numpy())
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        contexts, items = ctx.state
        (found,) = ctx.saved_tensors
        of_contexts, of_items = torch.zeros(contexts.shape), torch.empty(items.shape)
        add_distance_gradients(
            contexts, items, found.numpy(), grads[0].contiguous().numpy(), of_contexts.numpy(), of_items.numpy()
        )
        return of_contexts, of_items


class _PairHinge(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, scores: Tensor, clicks: Tensor, shown: Tensor, margin: float) -> Tensor:
        ctx.state = tuple(tensor.detach().contiguous().numpy() for tensor in (scores, clicks, shown))
        ctx.margin = margin
        total, pairs = sum_of_hinges(*ctx.state, margin)
        ctx.pairs = max(pairs, 1)
        return torch.tensor(total / ctx.pairs, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        of_scores = torch.zeros(ctx.state[0].shape)
        add_hinge_gradients(*ctx.state, ctx.margin, float(grads[0]) / ctx.pairs, of_scores.numpy())
        return of_scores, None, None, None
