"""Options: what may be set on a component, declared as a dataclass with types, ranges and defaults. Imports no torch.

One declaration serves everybody who needs it: the spec (``EncoderSpec(..., options=LstmOptions)``), the check of
``--set`` before anything runs, the constructor (:func:`read_options`), and ``bench plugins NAME``, which prints it::

    @dataclass(frozen=True)
    class LstmOptions:
        '''Options of ``lstm``.

        Attributes:
            output_dim: width of the session vector.
            images: how image queries are read.
        '''

        output_dim: Annotated[int, AtLeast(1)] = 64
        images: Literal["none", "pooled", "steps"] = "steps"
        dropout: Annotated[float, AtLeast(0), Below(1)] = 0.1

A type is ``bool``, ``int``, ``float``, ``str``, a ``Literal`` of choices, or a union of these; constraints stand in
``Annotated``. NaN is never a number here, and infinity only with :class:`OrInfinite`. A rule about several options is
a ``__post_init__`` that raises a :class:`bench.errors.BenchError`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from inspect import getdoc
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from bench.errors import BenchError, did_you_mean
from bench.plugins.constraints import OrInfinite
from bench.plugins.values import KINDS, Values, shown, typed_as

T = TypeVar("T")

_DECLARED: dict[type[Any], Mapping[str, Option]] = {}  # read once: several components share a declaration


@dataclass(frozen=True)
class Option:
    """One option of a component.

    Attributes:
        name: the ``KEY`` of ``--set KEY=VALUE``.
        default: its value unless it is set.
        values: the types it may have, in the order in which what a user types is tried.
        help: what it means, from the docstring of the options' class.
    """

    name: str
    default: Any
    values: tuple[Values, ...]
    help: str = ""

    @property
    def allowed(self) -> str:
        """What it may be, for people."""
        return " or ".join(map(str, self.values))

    @property
    def is_bounded(self) -> bool:
        """Whether no number is allowed without a range; infinity alone is none."""
        return all(
            values.kind not in (int, float)
            or values.choices
            or any(not isinstance(constraint, OrInfinite) for constraint in values.constraints)
            for values in self.values
        )

    def parsed(self, text: str, where: str, called: str) -> Any:
        """The value that a user typed.

        Args:
            text: what was typed.
            where: for the error: where it was typed.
            called: for the error: the option's name, with the component's if need be.

        Raises:
            BenchError: it has the wrong type, or is not allowed.
        """
        return self._first(text, [values.parsed for values in self.values], where, called)

    def checked(self, value: object, where: str | None = None, called: str = "") -> Any:
        """A value of a program, a whole number made a decimal one where the option is one.

        Raises:
            BenchError: it has the wrong type, or is not allowed.
        """
        return self._first(value, [values.typed for values in self.values], where, called or self.name)

    def _first(self, given: Any, readers: list[Callable[[Any], Any]], where: str | None, called: str) -> Any:
        faults = []
        for values, read in zip(self.values, readers, strict=True):
            try:
                value = read(given)
            except ValueError:
                continue
            fault = values.fault(value)
            if fault is None:
                return value
            faults.append(fault)
        default = f"the default is {typed_as(self.default) or 'empty'}"
        if faults and len(self.values) == 1:
            raise BenchError(f"{called} must be {faults[0]}, not {shown(given)}", where=where, fix=default)
        if len(self.values) == 1 and not self.values[0].choices:
            what = "neither true nor false" if self.values[0].kind is bool else f"not {KINDS[self.values[0].kind]}"
            raise BenchError(f"{called}: {shown(given, repr)} is {what}", where=where, fix=default)
        near = did_you_mean(given[:100], self._choices()) if isinstance(given, str) else ""
        fix = near if near.startswith("did") else default
        raise BenchError(f"{called} must be {self.allowed}, not {shown(given, repr)}", where=where, fix=fix)

    def _choices(self) -> list[str]:
        return [typed_as(choice) for values in self.values for choice in values.choices]


def declared_options(kind: type[Any]) -> Mapping[str, Option]:
    """The options that a dataclass declares, by name.

    Raises:
        BenchError: it is no dataclass of options, or a default is outside its own range.
    """
    if kind in _DECLARED:
        return _DECLARED[kind]
    if not is_dataclass(kind):
        raise BenchError("options are declared by a dataclass", where=repr(kind))
    hints, meanings = get_type_hints(kind, include_extras=True), _meanings(kind)
    options = {}
    for field in fields(kind):
        where = f"{kind.__name__}.{field.name}"
        if field.default is MISSING:
            raise BenchError("an option has a plain value as its default", where=where)
        values = _values(hints[field.name], where)
        option = Option(field.name, field.default, values, meanings.get(field.name, ""))
        option.checked(field.default, where, "its default")
        options[field.name] = option
    _DECLARED[kind] = options
    return options


def plain_options(defaults: Mapping[str, Any]) -> dict[str, Option]:
    """Options of which only defaults are declared: each has the type of its default, and no range."""
    return {name: Option(name, default, (_like(default),)) for name, default in defaults.items()}


def read_options(kind: type[T], given: Mapping[str, object], where: str | None = None) -> T:
    """The options as an object of their class: what is given, and defaults for the rest.

    Args:
        kind: the dataclass that declares them.
        given: values by name.
        where: for errors: whose options they are.

    Raises:
        BenchError: an option that is not declared, a value that is not allowed, or values that don't go together.
    """
    declared = declared_options(kind)
    values = {}
    for name, value in given.items():
        if name not in declared:
            raise BenchError(f"no option {name!r}", where=where, fix=did_you_mean(name, declared))
        values[name] = declared[name].checked(value, where)
    try:
        return kind(**values)
    except BenchError as error:  # a rule about several options
        raise BenchError(error.what, where=where or error.where, fix=error.fix) from None


def _values(hint: Any, where: str) -> tuple[Values, ...]:
    """The types of a field's annotation, choices first: text would take any of them."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        found = [values for part in get_args(hint) for values in _values(part, where)]
        return tuple(sorted(found, key=lambda values: (not values.choices, list(KINDS).index(values.kind))))
    if origin is Literal:
        return (Values(str, choices=get_args(hint)),)
    if origin is Annotated:
        inner, *constraints = get_args(hint)
        return tuple(Values(v.kind, v.choices, (*v.constraints, *constraints)) for v in _values(inner, where))
    if hint not in KINDS:
        raise BenchError(f"{hint!r} is not bool, int, float, str or choices of a Literal", where=where)
    return (Values(hint),)


def _like(default: Any) -> Values:
    kind = type(default) if type(default) in KINDS else str
    unbounded = kind is float and math.isinf(default)
    return Values(kind, constraints=(OrInfinite(),) if unbounded else ())


_ATTRIBUTE = re.compile(r"^    (?P<names>\w+(?:, \w+)*): (?P<text>.+)$")


def _meanings(kind: type[Any]) -> dict[str, str]:
    """What the sections ``Attributes:`` of a class and of its bases say of each attribute."""
    meanings: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not is_dataclass(base):
            continue
        names: list[str] = []
        for line in (getdoc(base) or "").partition("Attributes:\n")[2].splitlines():
            found = _ATTRIBUTE.match(line)
            if found is not None:
                names = found["names"].split(", ")
                meanings.update(dict.fromkeys(names, found["text"]))
            elif line.startswith("        "):
                meanings.update({name: f"{meanings[name]} {line.strip()}" for name in names})
            else:
                break
    return meanings
