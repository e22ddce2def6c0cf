"""Vectors of LLVM, written into numba's functions.

numba's own vectoriser checks before every loop whether arrays overlap, and computes the end of a row number by number;
for rows of 32 numbers that takes longer than the row. LLVM compiles vectors of a fixed length for any processor. This
code checks nothing: the width of an array must be a multiple of :data:`COLUMNS`, the number of rows in a mean one of
:data:`AT_ONCE`, a buffer of weights :data:`LANES` longer than its contents, and no array may overlap another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic as _intrinsic

from bench.kernels.compiled import FAST
from bench.kernels.exponential import BIAS, EXPONENT, LEAST, LOG2_E, POWERS

LANES = 16
"""Numbers of a vector; processors with shorter ones take several."""
COLUMNS = 2 * LANES
AT_ONCE = 4
"""Rows that a mean adds in one turn of its loop: a loop of few turns spends its time on its own end."""

INT = ir.IntType(64)
intrinsic: Any = _intrinsic  # its stub has the typing context as an argument of callers

_FLAGS = tuple(sorted(FAST))


class Writer:
    """Writes vectors of one number type into a function. Pointers are to single numbers; a vector begins at one.

    Args:
        context, builder: numba's.
        number: float32 or float64.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder, number: types.Float) -> None:
        self.context, self.builder = context, builder
        self.scalar = context.get_value_type(number)
        self.vector = ir.VectorType(self.scalar, LANES)
        self.zero = ir.Constant(self.vector, None)
        self.bytes = number.bitwidth // 8

    def array(self, kind: types.Array, value: ir.Value) -> Any:
        """The array behind an argument of a function."""
        return self.context.make_array(kind)(self.context, self.builder, value)

    def width(self, kind: types.Array, array: Any) -> ir.Value:
        """Columns of an array."""
        return cgutils.unpack_tuple(self.builder, array.shape, kind.ndim)[-1]

    def at(self, pointer: ir.Value, *offsets: ir.Value | int) -> ir.Value:
        """The pointer so many numbers further on."""
        for offset in offsets:
            pointer = self.builder.gep(pointer, [INT(offset) if isinstance(offset, int) else offset])
        return pointer

    def row(self, array: Any, number: ir.Value, width: ir.Value) -> ir.Value:
        """The pointer to a row of an array."""
        return self.at(array.data, self.builder.mul(number, width))

    def load(self, pointer: ir.Value) -> ir.Value:
        """The vector that begins here."""
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.bytes)

    def spread(self, scalar: ir.Value) -> ir.Value:
        """The vector that holds a number everywhere."""
        undefined, lanes = ir.Constant(self.vector, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)
        first = self.builder.insert_element(undefined, scalar, ir.IntType(32)(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(lanes, None))

    def times(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fmul(a, b, flags=_FLAGS)

    def plus(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self.builder.fadd(a, b, flags=_FLAGS)

    def sum(self, vector: ir.Value) -> ir.Value:
        """Of the numbers of a vector: its halves, then their halves, whatever a processor's vectors hold."""
        place, lanes = ir.IntType(32), LANES
        while lanes > 1:
            lanes //= 2
            halves = (ir.Constant(ir.VectorType(place, lanes), list(range(at, at + lanes))) for at in (0, lanes))
            vector = self.plus(*(self.builder.shuffle_vector(vector, vector, half) for half in halves))
        return self.builder.extract_element(vector, place(0))

    def exp(self, x: ir.Value) -> ir.Value:
        """Of what is not positive, and 1 for what is: float32 by the polynomial of :mod:`.elu`, float64 by
        LLVM's own function."""
        build = self.builder
        negative = build.select(build.fcmp_ordered("<", x, self.zero), x, self.zero)
        if self.bytes > 4:
            return self.call("llvm.exp", negative)
        power, least = self.times(negative, self.constant(LOG2_E)), self.constant(LEAST)
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
        negative = self.builder.fsub(self.exp(x), self.constant(1.0))
        return self.builder.select(self.builder.fcmp_unordered(">", x, self.zero), x, negative)  # NaN stays NaN

    def constant(self, number: Any) -> ir.Value:
        """The vector that holds a number known now everywhere."""
        return ir.Constant(self.vector, [float(number)] * LANES)

    def call(self, name: str, value: ir.Value) -> ir.Value:
        """What a function of LLVM makes of a vector."""
        function = ir.FunctionType(self.vector, [self.vector])
        name = f"{name}.v{LANES}f{8 * self.bytes}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, function, name), [value])

    def variable(self, value: ir.Value) -> ir.Value:
        """A variable that loops change. It has this value at the function's beginning only."""
        return cgutils.alloca_once_value(self.builder, value)

    def add_to(self, variable: ir.Value, value: ir.Value) -> None:
        """Adds to a variable."""
        self.builder.store(self.plus(self.builder.load(variable), value), variable)

    @contextmanager
    def loop(self, first: ir.Value | int, last: ir.Value, step: int = 1) -> Iterator[ir.Value]:
        """From ``first`` to ``last``."""
        start = INT(first) if isinstance(first, int) else first
        with cgutils.for_range_slice(self.builder, start, last, INT(step), intp=INT) as (index, _):
            yield index

    @contextmanager
    def columns(self, width: ir.Value) -> Iterator[list[ir.Value]]:
        """All columns of a row, ``COLUMNS`` a turn: the first of each vector."""
        with self.loop(0, width, COLUMNS) as column:
            yield [self.builder.add(column, INT(offset)) for offset in range(0, COLUMNS, LANES)]

    @contextmanager
    def several(self, first: ir.Value, last: ir.Value) -> Iterator[list[ir.Value]]:
        """As :meth:`loop`, ``AT_ONCE`` indices a turn."""
        with self.loop(first, last, AT_ONCE) as index:
            yield [self.builder.add(index, INT(offset)) for offset in range(AT_ONCE)]
