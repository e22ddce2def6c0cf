"""Products of a few rows with one, as vector instructions: what the attention's compiled loops spend their time on.

Rows are short, so numba's own vectoriser, which checks first whether arrays overlap and finishes leftover columns one
by one, costs more than the products. These are written in LLVM's vectors, which every processor's code follows from.
Widths must be multiples of :data:`COLUMNS`, lists of rows to take means of multiples of :data:`AT_ONCE`, buffers of
weights :data:`LANES` longer than what they hold, and no array may overlap another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as _intrinsic

from encoders.elu import BIAS, EXPONENT, LEAST, LOG2_E, POWERS

LANES = 16
"""Numbers of a vector; processors with shorter ones take several."""
COLUMNS = 2 * LANES
AT_ONCE = 4
"""Rows that a mean takes a turn: loops over few rows spend their time on finding out that they end."""

intrinsic: Any = _intrinsic  # its stub has the typing context as an argument of callers

_INT = ir.IntType(64)
_FAST = ("reassoc", "contract", "nsz")


class _Writer:
    """Writes vectors of one number type into a function."""

    def __init__(self, context: Any, builder: ir.IRBuilder, number: types.Float) -> None:
        self.context, self.builder = context, builder
        self.scalar = context.get_value_type(number)
        self.vector = ir.VectorType(self.scalar, LANES)
        self.zero = ir.Constant(self.vector, None)
        self.bytes = number.bitwidth // 8

    def array(self, kind: types.Array, value: ir.Value) -> Any:
        return self.context.make_array(kind)(self.context, self.builder, value)

    def width(self, kind: types.Array, array: Any) -> ir.Value:
        return cgutils.unpack_tuple(self.builder, array.shape, kind.ndim)[-1]

    def at(self, pointer: ir.Value, *places: ir.Value | int) -> ir.Value:
        for place in places:
            pointer = self.builder.gep(pointer, [_INT(place) if isinstance(place, int) else place])
        return pointer

    def row(self, array: Any, number: ir.Value, width: ir.Value) -> ir.Value:
        return self.at(array.data, self.builder.mul(number, width))

    def load(self, pointer: ir.Value) -> ir.Value:
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def spread(self, scalar: ir.Value) -> ir.Value:
        nothing, places = ir.Constant(self.vector, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
        first = self.builder.insert_element(nothing, scalar, ir.IntType(32)(0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(places, None))

    def times(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fmul(a, b, flags=_FAST)

    def plus(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fadd(a, b, flags=_FAST)

    def sum(self, vector: ir.Value) -> ir.Value:
        name = f"llvm.vector.reduce.fadd.v{LANES}f{8 * self.bytes}"
        kind = ir.FunctionType(self.scalar, [self.scalar, self.vector])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [self.scalar(0.0), vector], fastmath=_FAST)

    def exp(self, x: ir.Value) -> ir.Value:
        """Of what is not positive, and 1 for what is: float32 by the polynomial of :mod:`encoders.elu`, float64 by
        LLVM's own function."""
        build = self.builder
        below = build.select(build.fcmp_ordered("<", x, self.zero), x, self.zero)
        if self.bytes > 4:
            return self.call("llvm.exp", below)
        power, least = self.times(below, self.constant(LOG2_E)), self.constant(LEAST)
        power = build.select(build.fcmp_ordered(">", power, least), power, least)
        whole = self.call("llvm.floor", power)
        part, mantissa = build.fsub(power, whole), self.constant(POWERS[0])
        for coefficient in POWERS[1:]:
            mantissa = self.plus(self.times(mantissa, part), self.constant(coefficient))
        integers = ir.VectorType(ir.IntType(32), LANES)
        exponent = build.add(build.fptosi(whole, integers), ir.Constant(integers, [BIAS] * LANES))
        scale = build.shl(exponent, ir.Constant(integers, [EXPONENT] * LANES))
        return self.times(mantissa, build.bitcast(scale, self.vector))

    def elu(self, x: ir.Value) -> ir.Value:
        below = self.builder.fsub(self.exp(x), self.constant(1.0))
        return self.builder.select(self.builder.fcmp_unordered(">", x, self.zero), x, below)  # NaN stays NaN

    def constant(self, number: Any) -> ir.Value:
        return ir.Constant(self.vector, [float(number)] * LANES)

    def call(self, name: str, value: ir.Value) -> ir.Value:
        function = ir.FunctionType(self.vector, [self.vector])
        name = f"{name}.v{LANES}f{8 * self.bytes}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, name), [value])

    def variable(self, value: ir.Value) -> ir.Value:
        return cgutils.alloca_once_value(self.builder, value)

    def add_to(self, variable: ir.Value, value: ir.Value) -> None:
        self.builder.store(self.plus(self.builder.load(variable), value), variable)

    @contextmanager
    def loop(self, first: ir.Value | int, last: ir.Value, step: int = 1) -> Iterator[ir.Value]:
        start = _INT(first) if isinstance(first, int) else first
        with cgutils.for_range_slice(self.builder, start, last, _INT(step), intp=_INT) as (place, _):
            yield place

    @contextmanager
    def columns(self, width: ir.Value) -> Iterator[list[ir.Value]]:
        """All columns of a row, ``COLUMNS`` a turn: the first of each vector."""
        with self.loop(0, width, COLUMNS) as column:
            yield [self.builder.add(column, _INT(offset)) for offset in range(0, COLUMNS, LANES)]

    @contextmanager
    def several(self, first: ir.Value, last: ir.Value) -> Iterator[list[ir.Value]]:
        """As :meth:`loop`, ``AT_ONCE`` places a turn."""
        with self.loop(first, last, AT_ONCE) as place:
            yield [self.builder.add(place, _INT(offset)) for offset in range(AT_ONCE)]


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> Any:
    """Place of the lowest bit of a uint64 that is not 0."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.uint64), write


@intrinsic
def larger_products(typing: Any, left: Any, right: Any, a: Any, b: Any, count: Any, out: Any) -> Any:
    """``out[n] = max(a * left[n], b * right[n])`` for n below ``count`` (rounded up to lanes)."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        first, second, out = (to.array(signature.args[k], args[k]).data for k in (0, 1, 5))
        a, b = to.spread(args[2]), to.spread(args[3])
        with to.loop(0, args[4], LANES) as n:
            one, other = to.times(a, to.load(to.at(first, n))), to.times(b, to.load(to.at(second, n)))
            to.store(builder.select(builder.fcmp_ordered(">", one, other), one, other), to.at(out, n))
        return context.get_dummy_value()

    return types.void(left, right, left.dtype, left.dtype, types.int64, out), write


@intrinsic
def mean_row(typing: Any, rows: Any, index: Any, weights: Any, first: Any, last: Any, out: Any, place: Any) -> Any:
    """Mean of ``rows[index[n]]`` by ``weights[n]``, n from ``first`` to ``last``, into ``out[place]``.

    Returns the sum of weights, which must not be 0.
    """

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        rows, index, weights, out = (to.array(signature.args[k], args[k]) for k in (0, 1, 2, 5))
        width, total = to.width(signature.args[0], rows), to.variable(to.scalar(0.0))
        with to.loop(0, width, COLUMNS) as column:
            sums = [to.variable(to.zero), to.variable(to.zero)]
            for part in sums:
                builder.store(to.zero, part)
            builder.store(to.scalar(0.0), total)
            with to.several(args[3], args[4]) as places:
                for n in places:
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
def bend(typing: Any, row: Any, place: Any, weigh: Any, bent: Any) -> Any:
    """``bent[place] = ELU(row[place])``; returns the scalar product of that and ``weigh``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        row, weigh, bent = (to.array(signature.args[k], args[k]) for k in (0, 2, 3))
        width, product = to.width(signature.args[0], row), to.variable(to.zero)
        builder.store(to.zero, product)
        with to.columns(width) as columns:
            for column in columns:
                value = to.elu(to.load(to.at(to.row(row, args[1], width), column)))
                to.store(value, to.at(to.row(bent, args[1], width), column))
                to.add_to(product, to.times(value, to.load(to.at(weigh.data, column))))
        return to.sum(builder.load(product))

    return row.dtype(row, types.int64, weigh, bent), write


@intrinsic
def bend_back(
    typing: Any,
    grad: Any,
    session: Any,
    inverse: Any,
    score: Any,
    weigh: Any,
    row: Any,
    bent: Any,
    place: Any,
    out: Any,
    grad_weigh: Any,
) -> Any:
    """The gradient of ``row[place]`` into ``out[place]``, where ``bent[place]`` is its ELU, whose gradient is
    ``inverse * grad[session, place] + score * weigh``. ``grad_weigh`` grows by ``score * bent[place]``. Returns the
    scalar product of the gradient and ``row[place]``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        grad, weigh, row, bent, out, grad_weigh = (to.array(signature.args[k], args[k]) for k in (0, 4, 5, 6, 8, 9))
        inverse, score, place = to.spread(args[2]), to.spread(args[3]), args[7]
        width, product, one = to.width(signature.args[5], row), to.variable(to.zero), to.constant(1.0)
        rows = cgutils.unpack_tuple(builder, row.shape, 2)[0]
        of_session = to.row(grad, builder.add(builder.mul(args[1], rows), place), width)
        builder.store(to.zero, product)
        with to.columns(width) as columns:
            for column in columns:
                value = to.load(to.at(to.row(bent, place, width), column))
                slope = builder.select(builder.fcmp_ordered(">", value, to.zero), one, to.plus(value, one))
                along = to.times(score, to.load(to.at(weigh.data, column)))
                found = to.times(to.plus(to.times(inverse, to.load(to.at(of_session, column))), along), slope)
                to.store(found, to.at(to.row(out, place, width), column))
                to.add_to(product, to.times(found, to.load(to.at(to.row(row, place, width), column))))
                target = to.at(grad_weigh.data, column)
                to.store(to.plus(to.load(target), to.times(score, value)), target)
        return to.sum(builder.load(product))

    number = row.dtype
    return number(grad, types.int64, number, number, weigh, row, bent, types.int64, out, grad_weigh), write


@intrinsic
def split_products(typing: Any, left: Any, right: Any, a: Any, b: Any, count: Any, first: Any, second: Any) -> Any:
    """``a * left[n]`` into ``first`` where it is at least ``b * right[n]``, else that into ``second``; 0 into the
    other; n below ``count`` (rounded up to lanes)."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
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
    place: Any,
    shares: Any,
) -> Any:
    """As :func:`mean_row` with the sum of two weights; ``part[place]`` is what the first of them bring to the mean, and
    ``shares[place]`` their share of all weights."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
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
            with to.several(args[4], args[5]) as places:
                for n in places:
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
                for array, found in ((out, to.plus(of_first, of_second)), (part, of_first)):
                    target = to.at(to.row(array, args[8], width), column, offset)
                    to.store(to.times(found, to.spread(share)), target)
            builder.store(to.times(builder.load(first_total), share), to.at(shares.data, args[8]))
        return builder.load(total)

    integer = types.int64
    arguments = (rows, index, first_weights, second_weights, integer, integer, out, part, integer, shares)
    return rows.dtype(*arguments), write


@intrinsic
def product(typing: Any, left: Any, right: Any, place: Any) -> Any:
    """Scalar product of ``left[place]`` and ``right[place]``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
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
def add_shares(
    typing: Any,
    sums: Any,
    carried: Any,
    index: Any,
    first_weights: Any,
    second_weights: Any,
    first: Any,
    last: Any,
    row: Any,
    place: Any,
    scale: Any,
    carry: Any,
) -> Any:
    """For n from ``first`` to ``last``, w the one of its two weights that is not 0, times ``scale``, and h = 0 for the
    first, 1 for the second: ``sums[index[n], h]`` grows by ``w * row[place]``, and ``carried[index[n], h]`` by
    ``w * carry``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        sums, carried, index, one, other, row = (to.array(signature.args[k], args[k]) for k in (0, 1, 2, 3, 4, 7))
        width = to.width(signature.args[7], row)
        with to.loop(args[5], args[6]) as n:
            of_first, of_second = (builder.load(to.at(array.data, n)) for array in (one, other))
            half = builder.zext(builder.fcmp_ordered(">", of_second, to.scalar(0.0)), _INT)
            number = builder.add(builder.shl(builder.load(to.at(index.data, n)), _INT(1)), half)
            weight = to.times(to.plus(of_first, of_second), args[9])
            target = to.at(carried.data, number)
            builder.store(to.plus(builder.load(target), to.times(weight, args[10])), target)
            with to.columns(width) as columns:
                for column in columns:
                    value = to.load(to.at(to.row(row, args[8], width), column))
                    target = to.at(to.row(sums, number, width), column)
                    to.store(to.plus(to.load(target), to.times(to.spread(weight), value)), target)
        return context.get_dummy_value()

    number, integer = row.dtype, types.int64
    arguments = (sums, carried, index, first_weights, second_weights, integer, integer, row, integer, number, number)
    return types.void(*arguments), write


@intrinsic
def hand_back(typing: Any, sums: Any, local: Any, slope: Any, rows: Any, grad_rows: Any, place: Any) -> Any:
    """``grad_rows[place]`` grows by both halves of ``sums[local]``; returns the scalar product of ``rows[place]`` and
    the first half plus ``slope`` times the second."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        sums, rows, found = (to.array(signature.args[k], args[k]) for k in (0, 3, 4))
        width, total, slope = to.width(signature.args[3], rows), to.variable(to.zero), to.spread(args[2])
        number = builder.shl(args[1], _INT(1))
        builder.store(to.zero, total)
        with to.columns(width) as columns:
            for column in columns:
                first = to.load(to.at(to.row(sums, number, width), column))
                second = to.load(to.at(to.row(sums, builder.add(number, _INT(1)), width), column))
                value = to.load(to.at(to.row(rows, args[5], width), column))
                to.add_to(total, to.times(value, to.plus(first, to.times(slope, second))))
                target = to.at(to.row(found, args[5], width), column)
                to.store(to.plus(to.load(target), to.plus(first, second)), target)
        return to.sum(builder.load(total))

    return rows.dtype(sums, types.int64, rows.dtype, rows, grad_rows, types.int64), write


@intrinsic
def add_bent(typing: Any, rows: Any, source: Any, factor: Any, sums: Any, target: Any) -> Any:
    """``sums[target]`` grows by ``ELU(factor * rows[source])``."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        rows, sums = to.array(signature.args[0], args[0]), to.array(signature.args[3], args[3])
        width, factor = to.width(signature.args[0], rows), to.spread(args[2])
        with to.columns(width) as columns:
            for column in columns:
                value = to.elu(to.times(factor, to.load(to.at(to.row(rows, args[1], width), column))))
                place = to.at(to.row(sums, args[4], width), column)
                to.store(to.plus(to.load(place), value), place)
        return context.get_dummy_value()

    return types.void(rows, types.int64, rows.dtype, sums, types.int64), write


@intrinsic
def add_bent_back(typing: Any, rows: Any, source: Any, factor: Any, grads: Any, target: Any, grad_rows: Any) -> Any:
    """``grad_rows[source]`` grows by the gradient that ``grads[target]`` sends back through :func:`add_bent`."""

    def write(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        to = _Writer(context, builder, signature.args[0].dtype)
        rows, grads, found = (to.array(signature.args[k], args[k]) for k in (0, 3, 5))
        width, factor = to.width(signature.args[0], rows), to.spread(args[2])
        with to.columns(width) as columns:
            for column in columns:
                slope = to.exp(to.times(factor, to.load(to.at(to.row(rows, args[1], width), column))))
                grad = to.load(to.at(to.row(grads, args[4], width), column))
                place = to.at(to.row(found, args[1], width), column)
                to.store(to.plus(to.load(place), to.times(to.times(factor, slope), grad)), place)
        return context.get_dummy_value()

    return types.void(rows, types.int64, rows.dtype, grads, types.int64, grad_rows), write
