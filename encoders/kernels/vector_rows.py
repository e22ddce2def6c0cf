"""Operations on rows of numbers as vectors, for the compiled loops of the two views; see :mod:`.vectors`."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from encoders.kernels.vectors import COLUMNS, LANES, Writer, intrinsic


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Position of the lowest bit of a uint64 that is not 0."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.uint64), write


@intrinsic
def larger_products(typing: Any, left: Any, right: Any, a: Any, b: Any, count: Any, out: Any) -> Any:
    """``out[n] = max(a * left[n], b * right[n])`` for n below ``count`` (rounded up to lanes)."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        first, second, out = (to.array(signature.args[k], args[k]).data for k in (0, 1, 5))
        a, b = to.spread(args[2]), to.spread(args[3])
        with to.loop(0, args[4], LANES) as n:
            one, other = to.times(a, to.load(to.at(first, n))), to.times(b, to.load(to.at(second, n)))
            to.store(builder.select(builder.fcmp_ordered(">", one, other), one, other), to.at(out, n))
        return context.get_dummy_value()

    return types.void(left, right, left.dtype, left.dtype, types.int64, out), write


@intrinsic
def mean_row(typing: Any, rows: Any, index: Any, weights: Any, first: Any, last: Any, out: Any, p: Any) -> Any:
    """Mean of ``rows[index[n]]`` by ``weights[n]``, n from ``first`` to ``last``, into ``out[p]``.

    Returns the sum of weights, which must not be 0.
    """

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        rows, index, weights, out = (to.array(signature.args[k], args[k]) for k in (0, 1, 2, 5))
        width, total = to.width(signature.args[0], rows), to.variable(to.scalar(0.0))
        with to.loop(0, width, COLUMNS) as column:
            sums = [to.variable(to.zero), to.variable(to.zero)]
            for part in sums:
                builder.store(to.zero, part)
            builder.store(to.scalar(0.0), total)
            with to.several(args[3], args[4]) as indices:
                for n in indices:
                    weight = builder.load(to.at(weights.data, n))
                    to.add_to(total, weight)
                    row = to.at(to.row(rows, builder.load(to.at(index.data, n)), width), column)
                    for part, offset in zip(sums, (0, LANES), strict=True):
                        to.add_to(part, to.times(to.spread(weight), to.load(to.at(row, offset))))
            share = to.spread(builder.fdiv(to.scalar(1.0), builder.load(total)))
            for part, offset in zip(sums, (0, LANES), strict=True):
                target = to.at(to.row(out, args[6], width), column, offset)
                to.store(to.times(builder.load(part), share), target)
        return builder.load(total)

    return rows.dtype(rows, index, weights, types.int64, types.int64, out, types.int64), write


@intrinsic
def elu_row(typing: Any, row: Any, p: Any, weight: Any, activated: Any) -> Any:
    """``activated[p] = ELU(row[p])``; returns the scalar product of that and ``weight``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        row, weight, activated = (to.array(signature.args[k], args[k]) for k in (0, 2, 3))
        width, product = to.width(signature.args[0], row), to.variable(to.zero)
        builder.store(to.zero, product)
        with to.columns(width) as columns:
            for column in columns:
                value = to.elu(to.load(to.at(to.row(row, args[1], width), column)))
                to.store(value, to.at(to.row(activated, args[1], width), column))
                to.add_to(product, to.times(value, to.load(to.at(weight.data, column))))
        return to.sum(builder.load(product))

    return row.dtype(row, types.int64, weight, activated), write


@intrinsic
def add_elu(typing: Any, rows: Any, source: Any, factor: Any, sums: Any, target: Any) -> Any:
    """Adds ``ELU(factor * rows[source])`` to ``sums[target]``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = Writer(context, builder, signature.args[0].dtype)
        rows, sums = to.array(signature.args[0], args[0]), to.array(signature.args[3], args[3])
        width, factor = to.width(signature.args[0], rows), to.spread(args[2])
        with to.columns(width) as columns:
            for column in columns:
                value = to.elu(to.times(factor, to.load(to.at(to.row(rows, args[1], width), column))))
                total = to.at(to.row(sums, args[4], width), column)
                to.store(to.plus(to.load(total), value), total)
        return context.get_dummy_value()

    return types.void(rows, types.int64, rows.dtype, sums, types.int64), write
