"""The kernels on a CPU: compiled loops, made functions of torch with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.kernels.exponential import elu32
from encoders.kernels import packed_lstm, reference
from encoders.kernels.attention import forward
from encoders.kernels.attention_gradients import backward
from encoders.kernels.layout import TYPES, NodeLayout
from encoders.kernels.neighbours import Neighbourhoods
from encoders.kernels.pairs import add_units
from encoders.kernels.sums import add_elu_gradients, add_elus
from encoders.kernels.vectors import COLUMNS


def elu(values: Tensor) -> Tensor:
    """See :func:`encoders.kernels.elu`; float64 by torch."""
    return _Elu.apply(values) if values.dtype == torch.float32 else reference.elu(values)


def elu_sums(rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
    """See :func:`encoders.kernels.elu_sums`."""
    return _EluSums.apply(rows, source, factor, target, targets)


def typed_means(
    layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """See :func:`encoders.kernels.typed_means`."""
    return _TypedMeans.apply(layout, left, right, values, weight, bias)


def pair_logits(left: Tensor, right: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """See :func:`encoders.kernels.pair_logits`."""
    logits = left.new_empty(left.shape[1], right.shape[1])  # (A, B)
    left, right = left.contiguous(), right.contiguous()
    add_units(*(tensor.detach().numpy() for tensor in (left, right, weights, bias)), logits.numpy())
    return logits


class _Elu(torch.autograd.Function):
    """The slope follows from the result, so nothing else is kept."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        out = values.detach().clone(memory_format=torch.contiguous_format)
        elu32(out.view(-1, 1).numpy())
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (out,) = ctx.saved_tensors
        return torch.ops.aten.elu_backward(grads[0], 1.0, 1.0, 1.0, True, out)


class _EluSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, source: Tensor, factor: Tensor, target: Tensor, targets: int) -> Tensor:
        padded = F.pad(rows, (0, -rows.shape[1] % COLUMNS)).contiguous()  # (u, a multiple of COLUMNS)
        ctx.state = (padded.detach().numpy(), source.numpy(), factor.detach().numpy())
        ctx.target, ctx.width = target.numpy(), rows.shape[1]
        sums = padded.new_zeros(targets, padded.shape[1])
        add_elus(*ctx.state, ctx.target, sums.numpy())
        return sums[:, : ctx.width]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, source, factor = ctx.state
        padded = F.pad(grads[0], (0, rows.shape[1] - ctx.width)).contiguous()
        grad_rows = padded.new_zeros(rows.shape)
        add_elu_gradients(rows, source, factor, padded.numpy(), ctx.target, grad_rows.numpy())
        return grad_rows[:, : ctx.width], None, None, None, None


class _TypedMeans(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layout: NodeLayout, left: Tensor, right: Tensor, values: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        width = values.shape[1]
        fill = (0, -width % COLUMNS)  # columns of zeros stay zeros and change nothing
        tensors = (left, right, F.pad(values, fill), F.pad(weight, fill), bias)
        ctx.state = (
            *(tensor.detach().contiguous().numpy() for tensor in tensors),
            layout.source.numpy(),
            layout.blocks.numpy(),
            *Neighbourhoods.of(layout),
        )
        ctx.width, dtype = width, ctx.state[2].dtype
        means = np.zeros((layout.sessions, TYPES, width + fill[1]), dtype=dtype)
        scores = np.zeros(means.shape[:2], dtype=dtype)
        forward(*ctx.state, means, scores)
        return torch.from_numpy(means)[..., :width], torch.from_numpy(scores)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        means = F.pad(grads[0], (0, ctx.state[2].shape[1] - ctx.width)).contiguous()
        gradients = backward(*ctx.state, means.numpy(), grads[1].contiguous().numpy())
        left, right, values, weight, bias = (torch.from_numpy(gradient) for gradient in gradients)
        return None, left, right, values[:, : ctx.width], weight[: ctx.width], bias


def lstm_states(
    lstm: nn.LSTM, lengths: Tensor, text: Tensor, kinds: Tensor, learnt: Tensor, learnt_steps: Tensor, wanted: Tensor
) -> Tensor:
    """See :func:`encoders.kernels.lstm_states`; float64 goes through torch."""
    states = packed_lstm.lstm_states if text.dtype == torch.float32 else reference.lstm_states
    return states(lstm, lengths, text, kinds, learnt, learnt_steps, wanted)
