"""States of an LSTM over packed sequences, with its own gradient on CPUs.

torch computes a step of many short sequences by a dozen operations, and its gradient by two dozen, of which each takes
longer to be called than to run. Here a step is a product and one compiled pass, forward and backward; the products with
the inputs, and those that the weights' gradients are, are made for all steps at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.kernels.compiled import compiled
from bench.kernels.exponential import exp32

_ONE, _TWO = np.float32(1), np.float32(2)
# numpy's errors: a division that may raise is not made into vectors
_OPTIONS: Any = {"fastmath": {"contract", "nsz"}, "error_model": "numpy"}

Floats = NDArray[np.float32]


def lstm_states(lstm: nn.LSTM, fixed: Tensor, learnt: Tensor, sizes: Tensor, rows: Tensor) -> Tensor:
    """See :func:`encoders.kernels.lstm_states`; float32 only."""
    weights = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
    states: Tensor = _States.apply(fixed, learnt, sizes.tolist(), rows, *weights)
    return states


class _States(torch.autograd.Function):
    r"""With the gates (i, f, g, o) of one step from :math:`W x_t + b + U h_{t-1}`,

    .. math::
        c_t = \sigma(f) c_{t-1} + \sigma(i) \tanh(g), \qquad h_t = \sigma(o) \tanh(c_t).

    Rows are packed: all first steps, then all second ones; the sequences that go on are the first ones of a step.
    """

    @staticmethod
    def forward(
        ctx: Any,
        fixed: Tensor,
        learnt: Tensor,
        sizes: list[int],
        rows: Tensor,
        w: Tensor,
        u: Tensor,
        b: Tensor,
        b_u: Tensor,
    ) -> Tensor:
        inputs = torch.cat([fixed, learnt], dim=1)  # (T, a + b)
        gates = torch.addmm(b + b_u, inputs, w.t())  # (T, 4 H), then their activations
        states, cells, squashed = (gates.new_empty(len(gates), u.shape[1]) for _ in range(3))  # (T, H) h, c, tanh(c)
        u_t = u.t()
        arrays = [tensor.detach().numpy() for tensor in (gates, cells, squashed, states)]
        before = 0  # the first row of the step before
        start = 0
        for number, size in enumerate(sizes):
            if number:
                gates[start : start + size].addmm_(states[before : before + size], u_t)
            _cell(*arrays, start, size, before if number else -1)
            before, start = start, start + size
        ctx.sizes, ctx.learnt = sizes, learnt.shape[1]
        ctx.save_for_backward(inputs, w, u, gates, states, cells, squashed, rows)
        return states.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        inputs, w, u, gates, states, cells, squashed, rows = ctx.saved_tensors
        sizes: list[int] = ctx.sizes
        asked = torch.zeros_like(states).index_add_(0, rows, grads[0])  # (T, H) slopes that come from outside
        of_state = states.new_zeros(sizes[0], u.shape[1])  # (B, H) those that come from the step after
        of_cell, of_gates = torch.zeros_like(of_state), torch.empty_like(gates)
        arrays = [tensor.numpy() for tensor in (gates, cells, squashed, asked, of_state, of_cell, of_gates)]
        end = len(gates)
        for number in range(len(sizes) - 1, -1, -1):
            size = sizes[number]
            start = end - size
            before = start - sizes[number - 1] if number else -1
            _cell_backward(*arrays, start, size, before)
            if number:
                torch.mm(of_gates[start:end], u, out=of_state[:size])
            end = start
        of_bias = of_gates.sum(0)  # (4 H,)
        later = of_gates[sizes[0] :]  # (T - B, 4 H) of the steps that have one before them
        of_u = later.t() @ states[_steps_before(sizes)] if len(later) else torch.zeros_like(u)
        of_learnt = of_gates @ w[:, w.shape[1] - ctx.learnt :] if ctx.learnt else None
        return None, of_learnt, None, None, of_gates.t() @ inputs, of_u, of_bias, of_bias


def _steps_before(sizes: list[int]) -> Tensor:
    """(T - B,) the row of the step before each, of all steps but first ones."""
    later = np.array(sizes[1:])
    first = np.cumsum([0, *sizes[:-1]])[:-1]  # of the steps before
    rows = np.arange(later.sum()) + np.repeat(first - np.cumsum(later) + later, later)
    return torch.from_numpy(rows)


@compiled(**_OPTIONS)
def _sigmoid(value: np.float32) -> np.float32:
    small = exp32(-abs(value))
    return (_ONE if value >= 0 else small) / (_ONE + small)


@compiled(**_OPTIONS)
def _tanh(value: np.float32) -> np.float32:
    small = exp32(-_TWO * abs(value))
    size = (_ONE - small) / (_ONE + small)
    return size if value >= 0 else -size


@compiled(**_OPTIONS)
def _cell(gates: Floats, cells: Floats, squashed: Floats, states: Floats, start: int, size: int, before: int) -> None:
    """One step of ``size`` sequences from row ``start``; the rows of the step before start at ``before``, -1: none."""
    width = states.shape[1]
    for at in range(size):
        gate, cell = gates[start + at], cells[start + at]
        tanh, state = squashed[start + at], states[start + at]
        for j in range(width):
            gate[j] = _sigmoid(gate[j])
            gate[width + j] = _sigmoid(gate[width + j])
            gate[2 * width + j] = _tanh(gate[2 * width + j])
            gate[3 * width + j] = _sigmoid(gate[3 * width + j])
        if before < 0:
            for j in range(width):
                cell[j] = gate[j] * gate[2 * width + j]
        else:
            old = cells[before + at]
            for j in range(width):
                cell[j] = gate[width + j] * old[j] + gate[j] * gate[2 * width + j]
        for j in range(width):
            tanh[j] = _tanh(cell[j])
            state[j] = gate[3 * width + j] * tanh[j]


@compiled(**_OPTIONS)
def _cell_backward(
    gates: Floats,
    cells: Floats,
    squashed: Floats,
    asked: Floats,
    of_state: Floats,
    of_cell: Floats,
    of_gates: Floats,
    start: int,
    size: int,
    before: int,
) -> None:
    """The slopes of a step's gates; ``of_cell`` then holds those of the cells before it."""
    width = of_state.shape[1]
    for at in range(size):
        gate, tanh, slope = gates[start + at], squashed[start + at], of_gates[start + at]
        outside, after, through = asked[start + at], of_state[at], of_cell[at]
        for j in range(width):
            i, f, g, o = gate[j], gate[width + j], gate[2 * width + j], gate[3 * width + j]
            down = outside[j] + after[j]
            total = through[j] + down * o * (_ONE - tanh[j] * tanh[j])
            slope[j] = total * g * i * (_ONE - i)
            slope[width + j] = total * f * (_ONE - f)
            slope[2 * width + j] = total * i * (_ONE - g * g)
            slope[3 * width + j] = down * tanh[j] * o * (_ONE - o)
            through[j] = total * f
        if before < 0:
            for j in range(width):
                slope[width + j] = np.float32(0)
        else:
            old = cells[before + at]
            for j in range(width):
                slope[width + j] *= old[j]
