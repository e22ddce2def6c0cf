"""What a plugin says about a component without importing it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from bench.errors import BenchError, did_you_mean
from bench.plugins.needs import Need
from bench.plugins.options import Option, declared_options, plain_options, read_options

REFERENCE = "vanilla"
"""The encoder without a session vector, that every other one is compared with."""


@dataclass(frozen=True)
class Spec:
    """A component's placeholder: listing it imports nothing.

    Attributes:
        name: what users type, such as ``muvcog-m``.
        target: ``"module:attribute"``, imported by :meth:`load` only.
        help: one line.
        citation: the paper or repository it comes from; for one's own work, whose it is.
        defaults: what ``target`` is given unless something is set: every option with its value, pinned ones included.
            A simple plugin states this mapping alone; an option that is not in it is an error, with a suggestion.
        options: a dataclass that declares the options with types and ranges (:mod:`bench.plugins.options`);
            ``defaults`` then follows from it, and may change some of its defaults.
        pinned: options that have this value and cannot be set, such as ``{"images": "none"}`` of ``lstm-t``: so one
            ``target`` serves several components.
        needs: what it cannot do without in a corpus: names of :data:`bench.plugins.needs.NEEDS`, or a
            :class:`bench.plugins.needs.Need` where it depends on options. A run on a corpus without is refused.
    """

    kind: ClassVar[str] = "component"

    name: str
    target: str
    help: str
    citation: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: type[Any] | None = field(default=None, kw_only=True)
    pinned: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    needs: tuple[str | Need, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        where, changed = f"the {self.kind} {self.name}", {**self.defaults, **self.pinned}
        if self.options is not None:
            declared = {name: option.default for name, option in declared_options(self.options).items()}
            read_options(self.options, changed, where)
            changed = {**declared, **changed}
        for name in self.pinned:
            if name not in self.defaults and self.options is None:
                raise BenchError(
                    f"pins {name!r}, which is no option", where=where, fix=did_you_mean(name, self.defaults)
                )
        object.__setattr__(self, "defaults", changed)
        object.__setattr__(self, "needs", tuple(self._needs(where)))

    @cached_property
    def settable(self) -> dict[str, Option]:
        """The options that a user may set, by name, each with its default in this component."""
        if self.options is None:
            declared: Mapping[str, Option] = plain_options(self.defaults)
        else:
            declared = declared_options(self.options)
        return {
            name: replace(option, default=self.defaults[name])
            for name, option in declared.items()
            if name not in self.pinned
        }

    def _needs(self, where: str) -> Iterator[Need]:
        for need in self.needs:
            need = need if isinstance(need, Need) else Need(need)
            for name in need.when:
                if name not in self.defaults:
                    fix = did_you_mean(name, self.defaults)
                    raise BenchError(f"a need depends on {name!r}, which is no option", where=where, fix=fix)
            yield need

    def needed(self, options: Mapping[str, Any]) -> list[Need]:
        """What it needs with these options."""
        return [need for need in self.needs if isinstance(need, Need) and need.counts(options)]

    def check(self, options: Mapping[str, Any], where: str | None = None) -> None:
        """Looks at all options together.

        Raises:
            BenchError: a value is not allowed, or values don't go together.
        """
        if self.options is not None:
            read_options(self.options, options, where or self.name)

    def load(self) -> Any:
        """Imports the component."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


@dataclass(frozen=True)
class EncoderSpec(Spec):
    """A session encoder: ``target`` is a :class:`bench.contracts.SessionEncoder`, built as ``target(dims, **options)``.

    Attributes:
        frozen: it is made once per corpus and seed, by its ``pretrain`` (if it has one), and never updated downstream.
            An encoder that is not frozen is trained end to end with the baseline.
    """

    kind: ClassVar[str] = "encoder"
    frozen: bool = False


@dataclass(frozen=True)
class BaselineSpec(Spec):
    """A downstream model of a task, such as a :class:`bench.contracts.ClickModel` of ``ctr``.

    Attributes:
        task: name of the task that trains it.
        needs_frozen: it takes finished vectors and cannot train an encoder along. Together with an encoder that isn't
            frozen it is refused before anything runs, ``vanilla`` excepted.
        starts_from: the option that names a frozen encoder of the same run, whose pretrained weights the baseline gets
            with what it prepares from; with an empty value, and without such an option, it gets none.
        reference: it learns nothing and reads no session vector (:mod:`bench.contracts`): it is run with ``vanilla``
            alone, once for all seeds, stands first in tables, and is in no family of hypotheses.
        by_name: it is run where it is named, and is neither among the baselines that a task is run with unless some are
            named, nor among its ``references``: so that one that comes later changes no table that there is.
    """

    kind: ClassVar[str] = "baseline"
    task: str = "ctr"
    needs_frozen: bool = False
    starts_from: str = ""
    reference: bool = False
    by_name: bool = False


@dataclass(frozen=True)
class TaskSpec(Spec):
    """A task: ``target`` is a :class:`bench.contracts.Task`, built as ``target(**options)``.

    Attributes:
        primary: the metric that hypotheses are about.
        units: what is scored, in the plural, as tables call it.
        metrics: all it reports, so that a name can be checked before anything runs; empty where it doesn't say.
    """

    kind: ClassVar[str] = "task"
    primary: str = ""
    units: str = "queries"
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetSpec(Spec):
    """A dataset: ``target`` is called as ``target(folder, name=…, progress=…, **options)`` and writes a corpus there.

    ``progress`` is a function of ``(done, total)``.

    Attributes:
        fetched: it is made from files that the user points at (``bench data fetch NAME --from PATH|URL``); ``target``
            then takes them as ``source``.
        where: where those files can be had, for the error when they are missing.
    """

    kind: ClassVar[str] = "dataset"
    fetched: bool = False
    where: str = ""
