"""What holds for a component of any kind: it says what it is, and its options are those that it declares."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.needs import Need
from bench.plugins.registry import registry
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec
from bench.runs.needs import check_needs

_SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in (EncoderSpec, BaselineSpec, TaskSpec, DatasetSpec)}


class ComponentConformance:
    """Tests of one component, whatever its kind; the kits of the kinds build on it.

    Attributes:
        name: of a registered component of ``kind``; its declared defaults are its options.
        component: the class (of a dataset the function), where there is no name.
        options: set beside the defaults.
        needs: what it cannot do without in a corpus (:mod:`bench.plugins.needs`), where there is no name; a registered
            component says so in its spec.
        kind: ``encoder``, ``baseline``, ``task`` or ``dataset``.
        contract: the class that it must be derived from; None where there is none.
    """

    name: ClassVar[str | None] = None
    component: ClassVar[Any] = None
    options: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[tuple[str | Need, ...]] = ()
    kind: ClassVar[str] = "baseline"
    contract: ClassVar[type | None] = None
    given: ClassVar[frozenset[str]] = frozenset({"dims"})
    """What the harness gives to the constructor beside the options."""

    # ---- what the tests are made of --------------------------------------------------------------------------------

    @property
    def spec(self) -> Spec:
        """What the plugin says about the component; a test that asks for it is skipped where nothing is registered."""
        if self.name is None:
            pytest.skip("not registered: there is no spec to look at")
        return registry().get(self.kind, self.name)

    def target(self) -> Any:
        """The class or function under test."""
        if self.name is not None:
            return self.spec.load()
        assert self.component is not None, "set name or component"
        # a function that stands in a class would become a method of it
        return inspect.getattr_static(type(self), "component")

    def settings(self) -> dict[str, Any]:
        """What the component is built with: its declared defaults, and what this class sets."""
        defaults = {} if self.name is None else self.spec.defaults
        return {**defaults, **self.options}

    @contextmanager
    def may_refuse(self, corpus: Corpus) -> Iterator[None]:
        """A component may refuse a corpus that lacks what its spec declares, by a BenchError; no other corpus."""
        try:
            yield
        except BenchError as error:
            for spec, options in self.declarations():
                try:
                    check_needs(corpus, corpus.info.name, [spec], {(spec.kind, spec.name): options})
                except BenchError as lack:  # the line with which a run is refused, before the component is loaded
                    pytest.skip(f"{lack.what}; it says so itself: {error}")
            raise AssertionError(f"refuses a corpus that has all that its spec needs: {error}") from error

    def declarations(self) -> list[tuple[Spec, dict[str, Any]]]:
        """The specs whose needs count, each with its options."""
        if self.name is not None:
            return [(self.spec, self.settings())]
        name = getattr(self.target(), "__name__", "component")
        return [(_SPECS[self.kind](name, "", "", "", self.settings(), needs=self.needs), self.settings())]

    # ---- what it says of itself ------------------------------------------------------------------------------------

    def test_it_says_what_it_is_and_where_it_is_from(self) -> None:
        spec, target = self.spec, self.target()
        assert spec.help.strip(), "no help"
        assert "\n" not in spec.help, "help is one line"
        assert spec.citation.strip(), "no citation"
        own = vars(target).get("__doc__") if inspect.isclass(target) else target.__doc__
        assert (own or "").strip(), f"{spec.target} has no docstring of its own"

    def test_it_is_what_its_kind_must_be(self) -> None:
        if self.contract is not None:
            assert issubclass(self.target(), self.contract), f"is no {self.contract.__name__}"

    def test_its_options_are_those_that_it_declares(self) -> None:
        """The same names and the same defaults, so that ``bench plugins NAME`` tells the truth."""
        spec = self.spec
        own, named, open_ended = options_of(self.target(), self.given)
        declared = dict(spec.defaults)
        needed = [name for name, default in named.items() if default is inspect.Parameter.empty]
        assert set(needed) <= set(declared), f"takes {', '.join(needed)} without a default"
        unknown = [] if open_ended else [name for name in declared if name not in named]
        assert not unknown, f"declares {', '.join(unknown)}, which {spec.target} does not take"
        hidden = [name for name in own if name not in declared]
        assert not hidden, f"takes {', '.join(hidden)}, which the spec does not declare"
        for name in set(named) & set(declared) - set(needed) - set(getattr(spec, "pinned", ())):
            expected, found = declared[name], named[name]
            assert (type(found), found) == (type(expected), expected), f"{name} is {found!r}, declared {expected!r}"

    def test_every_number_among_its_options_has_a_range(self) -> None:
        """So that an absurd value, such as -1 epochs, ends before anything runs and never becomes a number of a table.

        A spec with bare defaults cannot say ranges: that is a warning, a number without one in a declaration fails.
        """
        spec = self.spec
        numbers = {name: option for name, option in spec.settable.items() if not option.is_bounded}
        advice = "declare them as a dataclass, such as Annotated[int, Between(1, 1_000)] (bench.plugins.options)"
        if spec.options is None:
            if numbers:
                warnings.warn(f"{spec.name}: {', '.join(numbers)} have no range; {advice}", stacklevel=2)
            return
        assert not numbers, f"{', '.join(numbers)} of {spec.name} have no range: {advice}"


def options_of(target: Any, given: frozenset[str]) -> tuple[set[str], dict[str, Any], bool]:
    """The options of a constructor or function.

    Args:
        target: the class or function.
        given: parameters that are no options.

    Returns:
        the names in its own signature, all options with their defaults, those of its bases too as far as it hands on
        what it does not name, and whether it may take others.
    """
    makers = [target]
    if inspect.isclass(target):
        makers = [vars(kind)["__init__"] for kind in inspect.getmro(target) if "__init__" in vars(kind)]
    own: set[str] | None = None
    named: dict[str, Any] = {}
    open_ended = False
    for maker in makers:
        parameters = inspect.signature(maker).parameters.values()
        found = {
            parameter.name: parameter.default
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            and parameter.name not in given | {"self"}
        }
        if own is None:
            own = set(found) if not inspect.isclass(target) or "__init__" in vars(target) else set()
        else:  # what a base requires its own class has given
            found = {name: value for name, value in found.items() if value is not inspect.Parameter.empty}
        named = {**found, **named}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
        open_ended = True
    return own or set(), named, open_ended
