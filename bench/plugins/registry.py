"""The registry: every component by kind and name, the built-ins and third parties' alike, found through entry points.

Listing imports plugins' modules of specs only, never a component. A plugin that fails becomes a warning and a row in
``bench plugins``; with ``BENCH_STRICT=1`` it is an error.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, overload

import pluggy

from bench.errors import BenchError, did_you_mean
from bench.plugins import hookspecs
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec

GROUP = "bench"
DISTRIBUTION = "session-bench"
KINDS = {"encoder": "bench_encoders", "baseline": "bench_baselines", "task": "bench_tasks", "dataset": "bench_datasets"}
"""The hook that offers each kind of component."""
SPECS: dict[str, type[Spec]] = {spec.kind: spec for spec in (EncoderSpec, BaselineSpec, TaskSpec, DatasetSpec)}
"""The class of the specs of each kind."""


@dataclass(frozen=True)
class Registered:
    """A component and who offers it.

    Attributes:
        spec: what the plugin says about it.
        origin: ``built-in``, or the distribution it comes from.
    """

    spec: Spec
    origin: str


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be used, and why."""

    name: str
    origin: str
    error: str


class Registry:
    """All components of some plugins.

    Args:
        plugins: entry points to load; those of the group ``bench`` of all installed distributions by default.
    """

    def __init__(self, plugins: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager("bench")
        self._manager.add_hookspecs(hookspecs)
        self._components: dict[tuple[str, str], Registered] = {}
        self.broken: list[BrokenPlugin] = []
        found = entry_points(group=GROUP) if plugins is None else plugins
        # built-ins first, so that of two owners of a name the third party is the one that is named second
        for plugin in sorted(found, key=lambda p: (_origin(p) != "built-in", _origin(p), p.name)):
            self._load(plugin)

    def _load(self, plugin: EntryPoint) -> None:
        origin = _origin(plugin)
        try:
            module = plugin.load()
            self._manager.register(module, name=f"{origin}:{plugin.name}")
            offered = [(kind, spec) for kind, hook in KINDS.items() for spec in self._call(module, kind, hook)]
        except Exception as error:  # a third party's bug must not take the rest down
            if os.environ.get("BENCH_STRICT") == "1":
                raise BenchError(
                    f"{type(error).__name__}: {error}",
                    where=f"plugin {plugin.name} of {origin}",
                    fix="BENCH_STRICT=1 is set",
                ) from error
            self.broken.append(BrokenPlugin(plugin.name, origin, f"{type(error).__name__}: {error}"))
            warnings.warn(f"plugin {plugin.name} of {origin} is left out: {error}", stacklevel=2)
            return
        for kind, spec in offered:
            self._add(kind, Registered(spec, origin))

    def _call(self, module: Any, kind: str, hook: str) -> list[Spec]:
        caller = self._manager.subset_hook_caller(hook, [p for p in self._manager.get_plugins() if p is not module])
        specs = [spec for offered in caller() for spec in offered]
        for spec in specs:
            if not isinstance(spec, SPECS[kind]):
                raise TypeError(f"{hook} returned {spec!r}, not the spec of a {kind}")
        return specs

    def _add(self, kind: str, component: Registered) -> None:
        name = component.spec.name
        owner = self._components.get((kind, name))
        if owner is not None:
            raise BenchError(
                f"the {kind} {name!r} is offered twice",
                where=f"{owner.origin} ({owner.spec.target}) and {component.origin} ({component.spec.target})",
                fix="uninstall or rename one of them",
            )
        self._components[kind, name] = component

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

    def components(self) -> list[tuple[str, Registered]]:
        """Every component with its kind."""
        return [(kind, component) for (kind, _), component in self._components.items()]


def _origin(plugin: EntryPoint) -> str:
    distribution = plugin.dist.name if plugin.dist is not None else "unknown"
    return "built-in" if distribution == DISTRIBUTION else distribution


@cache
def registry() -> Registry:
    """The registry of this environment, made once."""
    return Registry()
