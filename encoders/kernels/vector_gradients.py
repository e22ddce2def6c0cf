"""Gradients of the operations on rows of :mod:`.vector_rows`, as vectors; see :mod:`.vectors`."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from encoders.kernels.vectors import COLUMNS, INT, LANES, Writer, intrinsic


@intrinsic
def elu_row_gradient(
    typing: Any,
    grad: Any,
    session: Any,
    inverse: Any,
    score: Any,
    weight: Any,
    row: Any,
    activated: Any,
    p: Any,
    out: Any,
    grad_weight: Any,
) -> Any:
    """Writes the gradient of ``row[p]`` into ``out[p]``, and returns the scalar product of the two.

    ``activated[p]`` is the ELU of ``row[p]``, and its gradient ``inverse * grad[session, p] + score *
    weight``. Adds ``score * activated[p]`` to ``grad_weight``.
    """

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        grad, weight, row, activated, out, grad_weight = (
            to.array(signature.args[k], args[k]) for k in (0, 4, 5, 6, 8, 9)
        )
        inverse, score, p = to.spread(args[2]), to.spread(args[3]), args[7]
        width, product, one = to.width(signature.args[5], row), to.variable(to.zero), to.constant(1.0)
        rows = cgutils.unpack_tuple(builder, row.shape, 2)[0]
        of_session = to.row(grad, builder.add(builder.mul(args[1], rows), p), width)
        builder.store(to.zero, product)
        with to.columns(width) as columns:
            for column in columns:
                value = to.load(to.at(to.row(activated, p, width), column))
                slope = builder.select(builder.fcmp_ordered(">", value, to.zero), one, to.plus(value, one))
                along = to.times(score, to.load(to.at(weight.data, column)))
                gradient = to.times(to.plus(to.times(inverse, to.load(to.at(of_session, column))), along), slope)
                to.store(gradient, to.at(to.row(out, p, width), column))
                to.add_to(product, to.times(gradient, to.load(to.at(to.row(row, p, width), column))))
                target = to.at(grad_weight.data, column)
                to.store(to.plus(to.load(target), to.times(score, value)), target)
        return to.sum(builder.load(product))

    number = row.dtype
    return number(grad, types.int64, number, number, weight, row, activated, types.int64, out, grad_weight), write


@intrinsic
def split_products(typing: Any, left: Any, right: Any, a: Any, b: Any, count: Any, first: Any, second: Any) -> Any:
    """``a * left[n]`` into ``first`` where it is at least ``b * right[n]``, else that into ``second``; 0 into the
    other; n below ``count`` (rounded up to lanes)."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        left, right, first, second = (to.array(signature.args[k], args[k]).data for k in (0, 1, 5, 6))
        a, b = to.spread(args[2]), to.spread(args[3])
        with to.loop(0, args[4], LANES) as n:
            one, other = to.times(a, to.load(to.at(left, n))), to.times(b, to.load(to.at(right, n)))
            less = builder.fcmp_ordered("<", one, other)
            to.store(builder.select(less, to.zero, one), to.at(first, n))
            to.store(builder.select(less, other, to.zero), to.at(second, n))
        return context.get_dummy_value()

    return types.void(left, right, left.dtype, left.dtype, types.int64, first, second), write


@intrinsic
def mean_row_of_two(
    typing: Any,
    rows: Any,
    index: Any,
    first_weights: Any,
    second_weights: Any,
    first: Any,
    last: Any,
    out: Any,
    part: Any,
    p: Any,
    shares: Any,
) -> Any:
    """As :func:`mean_row`, by the sum of two weights; ``part[p]`` is the first weights' part of the mean, and
    ``shares[p]`` their share of all weights."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        rows, index, one, other, out, part, shares = (
            to.array(signature.args[k], args[k]) for k in (0, 1, 2, 3, 6, 7, 9)
        )
        width = to.width(signature.args[0], rows)
        first_total, total = to.variable(to.scalar(0.0)), to.variable(to.scalar(0.0))
        with to.loop(0, width, COLUMNS) as column:
            sums = [to.variable(to.zero) for _ in range(4)]
            for variable in sums:
                builder.store(to.zero, variable)
            builder.store(to.scalar(0.0), first_total)
            builder.store(to.scalar(0.0), total)
            with to.several(args[4], args[5]) as indices:
                for n in indices:
                    weights = [builder.load(to.at(array.data, n)) for array in (one, other)]
                    to.add_to(first_total, weights[0])
                    to.add_to(total, to.plus(*weights))
                    row = to.at(to.row(rows, builder.load(to.at(index.data, n)), width), column)
                    values = [to.load(to.at(row, offset)) for offset in (0, LANES)]
                    for at, weight in enumerate(weights):
                        for half, value in enumerate(values):
                            to.add_to(sums[2 * at + half], to.times(to.spread(weight), value))
            share = builder.fdiv(to.scalar(1.0), builder.load(total))
            for half, offset in enumerate((0, LANES)):
                of_first, of_second = builder.load(sums[half]), builder.load(sums[2 + half])
                for array, mean in ((out, to.plus(of_first, of_second)), (part, of_first)):
                    target = to.at(to.row(array, args[8], width), column, offset)
                    to.store(to.times(mean, to.spread(share)), target)
            builder.store(to.times(builder.load(first_total), share), to.at(shares.data, args[8]))
        return builder.load(total)

    integer = types.int64
    arguments = (rows, index, first_weights, second_weights, integer, integer, out, part, integer, shares)
    return rows.dtype(*arguments), write


@intrinsic
def product(typing: Any, left: Any, right: Any, p: Any) -> Any:
    """Scalar product of ``left[p]`` and ``right[p]``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        left, right = to.array(signature.args[0], args[0]), to.array(signature.args[1], args[1])
        width, total = to.width(signature.args[0], left), to.variable(to.zero)
        builder.store(to.zero, total)
        with to.columns(width) as columns:
            for column in columns:
                values = [to.load(to.at(to.row(array, args[2], width), column)) for array in (left, right)]
                to.add_to(total, to.times(*values))
        return to.sum(builder.load(total))

    return left.dtype(left, right, types.int64), write


@intrinsic
def add_sender_gradients(
    typing: Any,
    sums: Any,
    corrections: Any,
    index: Any,
    first_weights: Any,
    second_weights: Any,
    first: Any,
    last: Any,
    row: Any,
    p: Any,
    scale: Any,
    correction: Any,
) -> Any:
    """For n from ``first`` to ``last``, w the one of its two weights that is not 0, times ``scale``, and h = 0 for the
    first, 1 for the second: ``sums[index[n], h]`` grows by ``w * row[p]``, and ``corrections[index[n], h]`` by
    ``w * correction``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        sums, corrections, index, one, other, row = (to.array(signature.args[k], args[k]) for k in (0, 1, 2, 3, 4, 7))
        width = to.width(signature.args[7], row)
        with to.loop(args[5], args[6]) as n:
            of_first, of_second = (builder.load(to.at(array.data, n)) for array in (one, other))
            half = builder.zext(builder.fcmp_ordered(">", of_second, to.scalar(0.0)), INT)
            number = builder.add(builder.shl(builder.load(to.at(index.data, n)), INT(1)), half)
            weight = to.times(to.plus(of_first, of_second), args[9])
            target = to.at(corrections.data, number)
            builder.store(to.plus(builder.load(target), to.times(weight, args[10])), target)
            with to.columns(width) as columns:
                for column in columns:
                    value = to.load(to.at(to.row(row, args[8], width), column))
                    target = to.at(to.row(sums, number, width), column)
                    to.store(to.plus(to.load(target), to.times(to.spread(weight), value)), target)
        return context.get_dummy_value()

    number, integer = row.dtype, types.int64
    arguments = (
        sums,
        corrections,
        index,
        first_weights,
        second_weights,
        integer,
        integer,
        row,
        integer,
        number,
        number,
    )
    return types.void(*arguments), write


@intrinsic
def add_source_gradient(typing: Any, sums: Any, local: Any, slope: Any, rows: Any, grad_rows: Any, source: Any) -> Any:
    """Adds both halves of ``sums[local]`` to ``grad_rows[source]``; returns the scalar product of ``rows[source]`` and
    the first half plus ``slope`` times the second."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        sums, rows, gradients = (to.array(signature.args[k], args[k]) for k in (0, 3, 4))
        width, total, slope = to.width(signature.args[3], rows), to.variable(to.zero), to.spread(args[2])
        number = builder.shl(args[1], INT(1))
        builder.store(to.zero, total)
        with to.columns(width) as columns:
            for column in columns:
                first = to.load(to.at(to.row(sums, number, width), column))
                second = to.load(to.at(to.row(sums, builder.add(number, INT(1)), width), column))
                value = to.load(to.at(to.row(rows, args[5], width), column))
                to.add_to(total, to.times(value, to.plus(first, to.times(slope, second))))
                target = to.at(to.row(gradients, args[5], width), column)
                to.store(to.plus(to.load(target), to.plus(first, second)), target)
        return to.sum(builder.load(total))

    return rows.dtype(sums, types.int64, rows.dtype, rows, grad_rows, types.int64), write


@intrinsic
def add_elu_gradient(typing: Any, rows: Any, source: Any, factor: Any, grads: Any, target: Any, grad_rows: Any) -> Any:
    """Adds to ``grad_rows[source]`` the gradient of :func:`add_elu`, given that of ``sums[target]``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        rows, grads, gradients = (to.array(signature.args[k], args[k]) for k in (0, 3, 5))
        width, factor = to.width(signature.args[0], rows), to.spread(args[2])
        with to.columns(width) as columns:
            for column in columns:
                slope = to.exp(to.times(factor, to.load(to.at(to.row(rows, args[1], width), column))))
                grad = to.load(to.at(to.row(grads, args[4], width), column))
                target = to.at(to.row(gradients, args[1], width), column)
                to.store(to.plus(to.load(target), to.times(to.times(factor, slope), grad)), target)
        return context.get_dummy_value()

    return types.void(rows, types.int64, rows.dtype, grads, types.int64, grad_rows), write
