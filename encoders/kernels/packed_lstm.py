"""States of an LSTM over packed sequences, with its own gradient on CPUs.

torch computes a step of many short sequences by a dozen operations, and its gradient by two dozen, of which each takes
longer to be called than to run. Here all steps are one compiled pass, forward and backward; the products with the
inputs, and those that the weights' gradients are, are made for all steps at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.kernels.compiled import FAST, compiled
from bench.kernels.exponential import exp32

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
# numpy's errors: a division that may raise is not made into vectors
_OPTIONS: Any = {"fastmath": FAST, "error_model": "numpy"}

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def lstm_states(
    lstm: nn.LSTM, lengths: Tensor, text: Tensor, kinds: Tensor, learnt: Tensor, learnt_steps: Tensor, wanted: Tensor
) -> Tensor:
    """See :func:`encoders.kernels.lstm_states`; float32 only."""
    weights = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
    states: Tensor = _States.apply(lengths, text, kinds, learnt, learnt_steps, wanted, *weights)
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
        lengths: Tensor,
        text: Tensor,
        kinds: Tensor,
        learnt: Tensor,
        learnt_steps: Tensor,
        wanted: Tensor,
        w: Tensor,
        u: Tensor,
        b: Tensor,
        b_u: Tensor,
    ) -> Tensor:
        inputs = text.new_empty(len(text), w.shape[1])  # (T, inputs of a step)
        given = (lengths, text, kinds, learnt, learnt_steps, wanted, inputs)
        first, learnt_rows, rows = _pack(*(tensor.numpy() for tensor in given))
        gates = torch.addmm(b + b_u, inputs, w.t())  # (T, 4 H), then their activations
        states, cells, squashed = gates.new_empty(3, len(gates), u.shape[1])  # (T, H) h, c, tanh(c)
        out = gates.new_empty(len(rows), u.shape[1])  # (n, H)
        numbers = (gates, cells, squashed, states, u.t().contiguous())
        _steps(*(tensor.numpy() for tensor in numbers), first, rows, out.numpy())
        ctx.first, ctx.learnt, ctx.learnt_rows, ctx.rows = first, learnt.shape[1], learnt_rows, rows
        ctx.save_for_backward(inputs, w, u, gates, states, cells, squashed)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        inputs, w, u, gates, states, cells, squashed = ctx.saved_tensors
        first: Integers = ctx.first
        of_gates = torch.empty_like(gates)
        before = states.new_empty(len(states) - int(first[1]), states.shape[1])  # (T - B, H) of steps that have one
        numbers = (tensor.numpy() for tensor in (gates, states, cells, squashed, grads[0].contiguous(), of_gates, u))
        _steps_backward(*numbers, before.numpy(), first, ctx.rows)
        of_bias = of_gates.sum(0)  # (4 H,)
        of_u = torch.mm(of_gates[first[1] :].t(), before)
        # (M, learnt) of the learnt columns alone, and of the rows that have them
        of_learnt = None
        if ctx.learnt:
            some = of_gates.index_select(0, torch.from_numpy(ctx.learnt_rows))  # (M, 4 H)
            of_learnt = torch.mm(some, w[:, w.shape[1] - ctx.learnt :])
        nothing = (None, None, None)
        return *nothing, of_learnt, None, None, torch.mm(of_gates.t(), inputs), of_u, of_bias, of_bias


@compiled()
def _pack(
    lengths: Integers,
    text: Floats,
    kinds: Integers,
    learnt: Floats,
    learnt_steps: Integers,
    wanted: Integers,
    inputs: Floats,
) -> tuple[Integers, Integers, Integers]:
    """Fills the packed inputs: the text of a step, its kind one-hot, and what is learnt, 0 where there is nothing.

    Returns:
        the first row (L + 1,) of each position, the rows (M,) that something is learnt of, and the wanted rows (n,).
    """
    for steps in (learnt_steps, wanted):
        for step in steps:
            if not 0 <= step < len(text):
                raise IndexError("the sequences have no such step")
    place, first = _packed(lengths)
    width = text.shape[1]
    for step in range(len(place)):
        row = inputs[place[step]]
        row[:width] = text[step]
        row[width:] = _ZERO
        row[width + kinds[step]] = _ONE
    learnt_rows, begin = place[learnt_steps], inputs.shape[1] - learnt.shape[1]
    for number in range(len(learnt_rows)):
        row = inputs[learnt_rows[number]]
        for column in range(learnt.shape[1]):
            row[begin + column] += learnt[number, column]
    return first, learnt_rows, place[wanted]


@compiled()
def _packed(lengths: Integers) -> tuple[Integers, Integers]:
    """The row (T,) of each step, and the first row (L + 1,) of each position. The longest sequence comes first."""
    longest = lengths.max() if len(lengths) else 0
    longer = np.zeros(longest + 2, np.int64)  # sequences of at least so many steps
    for length in lengths:
        longer[length] += 1
    for length in range(longest - 1, -1, -1):
        longer[length] += longer[length + 1]
    first = np.zeros(longest + 1, np.int64)
    first[1:] = np.cumsum(longer[1 : longest + 1])
    place, step = np.empty(first[longest], np.int64), 0
    for length in lengths:
        rank = longer[length + 1]  # sequences that stand before it; the next of its length stands behind it
        longer[length + 1] += 1
        for position in range(length):
            place[step] = first[position] + rank
            step += 1
    return place, first


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
def _add_products(rows: Floats, matrix: Floats, outs: Floats) -> None:
    """Adds ``rows @ matrix`` to ``outs``: two rows at a time, so that the matrix is read half as often, and by four of
    its rows, so that ``outs`` is.
    """
    inner, width = matrix.shape
    last = len(rows) - 1
    for n in range(0, last, 2):
        one, other, out, out_of_other = rows[n], rows[n + 1], outs[n], outs[n + 1]
        for k in range(0, inner - inner % 4, 4):
            a, b, c, d = one[k], one[k + 1], one[k + 2], one[k + 3]
            e, f, g, h = other[k], other[k + 1], other[k + 2], other[k + 3]
            first, second, third, fourth = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
            for j in range(width):
                p, q, r, s = first[j], second[j], third[j], fourth[j]
                out[j] += a * p + b * q + c * r + d * s
                out_of_other[j] += e * p + f * q + g * r + h * s
        for k in range(inner - inner % 4, inner):
            for j in range(width):
                out[j] += one[k] * matrix[k, j]
                out_of_other[j] += other[k] * matrix[k, j]
    if last % 2 == 0:
        _add_product(rows[last], matrix, outs[last])


@compiled(**_OPTIONS)
def _add_product(row: Floats, matrix: Floats, out: Floats) -> None:
    """Adds ``row @ matrix`` to ``out``, four rows of the matrix at a time: ``out`` is read and written less often."""
    inner, width, k = len(row), len(out), 0
    while k + 4 <= inner:
        a, b, c, d = row[k], row[k + 1], row[k + 2], row[k + 3]
        of_a, of_b, of_c, of_d = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        for j in range(width):
            out[j] += a * of_a[j] + b * of_b[j] + c * of_c[j] + d * of_d[j]
        k += 4
    while k < inner:
        a, of_a = row[k], matrix[k]
        for j in range(width):
            out[j] += a * of_a[j]
        k += 1


@compiled(**_OPTIONS)
def _steps(
    gates: Floats,
    cells: Floats,
    squashed: Floats,
    states: Floats,
    u_t: Floats,
    first: Integers,
    rows: Integers,
    out: Floats,
) -> None:
    """All steps, one after the other; the rows of step t are first[t] … first[t + 1] - 1.

    Writes the states of some ``rows`` (n,) to ``out`` as well.
    """
    width = states.shape[1]
    for step in range(len(first) - 1):
        start, before = first[step], first[step - 1] if step else -1
        going_on = first[step + 1] - start
        if before >= 0:
            _add_products(states[before : before + going_on], u_t, gates[start : start + going_on])
        for at in range(going_on):
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
    for number in range(len(rows)):
        out[number] = states[rows[number]]


@compiled(**_OPTIONS)
def _steps_backward(
    gates: Floats,
    states: Floats,
    cells: Floats,
    squashed: Floats,
    of_out: Floats,
    of_gates: Floats,
    u: Floats,
    before_them: Floats,
    first: Integers,
    rows: Integers,
) -> None:
    """The slopes of all gates, from the last step to the first, of the slopes ``of_out`` (n, H) of some rows' states.

    Writes to ``before_them`` (T - B, H) the state before each step but first ones, too.
    """
    of_states = np.zeros(states.shape, dtype=states.dtype)  # (T, H) from outside, then from the step after as well
    for number in range(len(rows)):
        asked, slopes = of_states[rows[number]], of_out[number]
        for j in range(len(asked)):
            asked[j] += slopes[j]
    width = states.shape[1]
    of_cells = np.zeros((first[1], width), dtype=of_states.dtype)  # of each sequence, before the step at hand
    for step in range(len(first) - 2, -1, -1):
        start, before = first[step], first[step - 1] if step else -1
        going_on = first[step + 1] - start
        for at in range(going_on):
            gate, tanh, slope = gates[start + at], squashed[start + at], of_gates[start + at]
            down, through = of_states[start + at], of_cells[at]
            for j in range(width):
                i, f, g, o = gate[j], gate[width + j], gate[2 * width + j], gate[3 * width + j]
                total = through[j] + down[j] * o * (_ONE - tanh[j] * tanh[j])
                slope[j] = total * g * i * (_ONE - i)
                slope[width + j] = total * f * (_ONE - f)
                slope[2 * width + j] = total * i * (_ONE - g * g)
                slope[3 * width + j] = down[j] * tanh[j] * o * (_ONE - o)
                through[j] = total * f
            if before < 0:
                for j in range(width):
                    slope[width + j] = np.float32(0)
            else:
                old = cells[before + at]
                for j in range(width):
                    slope[width + j] *= old[j]
                before_them[start + at - first[1]] = states[before + at]
        if before >= 0:
            _add_products(of_gates[start : start + going_on], u, of_states[before : before + going_on])
