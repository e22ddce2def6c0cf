"""The registry: every component by kind and name, the built-ins and third parties' alike, found through entry points.

Listing imports plugins' modules of specs only, never a component. A plugin that fails, misspells a hook, offers nothing
or takes a name that is taken becomes a warning and a row in ``bench plugins``; with ``BENCH_STRICT=1`` it is an error.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Literal, overload

import pluggy

from bench.errors import BenchError, did_you_mean
from bench.plugins import hookspecs
from bench.plugins.offered import PluginError, offered_specs
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec
from bench.printable import said

GROUP = "bench"
DISTRIBUTION = "session-bench"
BUILT_IN = "built-in"
"""Origin of what this project's own distribution offers."""


@dataclass(frozen=True)
class Registered:
    """A component and who offers it.

    Attributes:
        spec: what the plugin says about it.
        origin: ``built-in``, or the distribution it comes from.
        plugin: the name of its entry point.
    """

    spec: Spec
    origin: str
    plugin: str = ""


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin, or a component of one, that is left out, and why."""

    name: str
    origin: str
    error: str


class Registry:
    """All components of some plugins.

    Of two components of one kind and name a built-in stays, else that of the distribution whose name comes first; the
    other one is left out, and nothing else of its plugin.

    Args:
        plugins: entry points to load; those of the group ``bench`` of all installed distributions by default.

    Attributes:
        broken: what was left out: whole plugins, and single components.
    """

    def __init__(self, plugins: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager("bench")
        self._manager.add_hookspecs(hookspecs)
        self._components: dict[tuple[str, str], Registered] = {}
        self.broken: list[BrokenPlugin] = []
        found = entry_points(group=GROUP) if plugins is None else plugins
        for plugin in sorted(found, key=lambda p: (_origin(p) != BUILT_IN, _origin(p), p.name)):
            self._load(plugin)
        self._leave_out_homeless()

    def _load(self, plugin: EntryPoint) -> None:
        origin = _origin(plugin)
        try:
            with redirect_stdout(sys.stderr):  # what a plugin prints is no output of a command
                module = plugin.load()
                if self._manager.is_registered(module):
                    raise PluginError(f"{plugin.value} is there already, through another entry point")
                self._manager.register(module, name=f"{origin}:{plugin.name}")
                offered = offered_specs(self._manager, module)
        except (Exception, SystemExit) as error:  # a third party's bug must not take the rest down
            self._leave_out(plugin.name, origin, _said(error), error)
            return
        for kind, spec in offered:
            owner = self._components.setdefault((kind, spec.name), Registered(spec, origin, plugin.name))
            if owner.spec is not spec:
                self._leave_out(
                    plugin.name,
                    origin,
                    f"the {kind} {spec.name!r} ({spec.target}) is left out, since {owner.origin} ({owner.spec.target}) "
                    "offers one of that name; rename or uninstall one of them",
                )

    def _leave_out_homeless(self) -> None:
        """Takes out the baselines of tasks that nobody offers: no command could run them."""
        if not self.names("task"):
            return  # a registry of some plugins only
        for component in list(self._components.values()):
            spec = component.spec
            if isinstance(spec, BaselineSpec) and ("task", spec.task) not in self._components:
                near = did_you_mean(spec.task, self.names("task"))
                del self._components["baseline", spec.name]
                reason = f"the baseline {spec.name!r} is of the task {spec.task!r}, which nobody offers ({near})"
                self._leave_out(component.plugin, component.origin, reason)

    def _leave_out(self, name: str, origin: str, reason: str, error: BaseException | None = None) -> None:
        if os.environ.get("BENCH_STRICT") == "1":
            raise BenchError(reason, where=f"plugin {name} of {origin}", fix="BENCH_STRICT=1 is set") from error
        self.broken.append(BrokenPlugin(name, origin, reason))
        warnings.warn(f"plugin {name} of {origin}: {reason}", stacklevel=2)

    @overload
    def get(self, kind: Literal["encoder"], name: str) -> EncoderSpec: ...
    @overload
    def get(self, kind: Literal["baseline"], name: str) -> BaselineSpec: ...
    @overload
    def get(self, kind: Literal["task"], name: str) -> TaskSpec: ...
    @overload
    def get(self, kind: Literal["dataset"], name: str) -> DatasetSpec: ...
    @overload
    def get(self, kind: str, name: str) -> Spec: ...
    def get(self, kind: str, name: str) -> Spec:
        """The spec of the ``kind`` called ``name``.

        Raises:
            BenchError: there is none; says which names come near.
        """
        if (kind, name) not in self._components:
            broken = "".join(f"; plugin {b.name} of {b.origin} is broken: {b.error}" for b in self.broken)
            raise BenchError(f"no {kind} is called {name!r}", fix=did_you_mean(name, self.names(kind)) + broken)
        return self._components[kind, name].spec

    def names(self, kind: str) -> list[str]:
        """Names of all components of a kind, in the order in which they were offered."""
        return [name for found, name in self._components if found == kind]

    def origin(self, kind: str, name: str) -> str:
        """Who offers the ``kind`` called ``name``: :data:`BUILT_IN`, or a distribution.

        Raises:
            BenchError: there is none.
        """
        self.get(kind, name)
        return self._components[kind, name].origin

    def default_baselines(self, task: str) -> list[str]:
        """The baselines that a task is run with unless some are named: those that come with the task itself, but for
        those that want to be named (:attr:`bench.plugins.specs.BaselineSpec.by_name`).

        What others have installed is not among them: it would widen the family of hypotheses, and so change every
        adjusted p-value.
        """
        origin = self.origin("task", task)
        mine = [one.spec for one in self._components.values() if one.origin == origin]
        return [s.name for s in mine if isinstance(s, BaselineSpec) and s.task == task and not s.by_name]

    def components(self) -> list[tuple[str, Registered]]:
        """Every component with its kind."""
        return [(kind, component) for (kind, _), component in self._components.items()]


def _origin(plugin: EntryPoint) -> str:
    distribution = plugin.dist.name if plugin.dist is not None else "unknown"
    return BUILT_IN if distribution == DISTRIBUTION else distribution


def _said(error: BaseException) -> str:
    """An exception as one line, also one whose own text raises."""
    text = said(error)
    return text if isinstance(error, (PluginError, BenchError)) else f"{type(error).__name__}: {text}"


@cache
def registry() -> Registry:
    """The registry of this environment, made once."""
    return Registry()
