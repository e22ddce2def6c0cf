"""What one plugin offers: its hooks called, and everything looked at that would go wrong later."""

from __future__ import annotations

import inspect
import re

import pluggy

from bench.errors import did_you_mean
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec

KINDS = {"encoder": "bench_encoders", "baseline": "bench_baselines", "task": "bench_tasks", "dataset": "bench_datasets"}
"""The hook that offers each kind of component."""

_SPECS: dict[str, type[Spec]] = {
    "encoder": EncoderSpec,
    "baseline": BaselineSpec,
    "task": TaskSpec,
    "dataset": DatasetSpec,
}

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class PluginError(Exception):
    """A plugin that does not do what a plugin must; the message says what, for its author."""


def offered_specs(manager: pluggy.PluginManager, plugin: object) -> list[tuple[str, Spec]]:
    """The kind and spec of every component that a registered plugin offers.

    Raises:
        PluginError: a hook is misspelt or not marked, returns something else than specs, or nothing is offered.
        Exception: whatever a hook raises.
    """
    _check_hooks(manager, plugin)
    others = [other for other in manager.get_plugins() if other is not plugin]
    found = []
    for kind, hook in KINDS.items():
        for specs in manager.subset_hook_caller(hook, others)():
            for spec in specs:
                if not isinstance(spec, _SPECS[kind]):
                    raise PluginError(f"{hook} returned {spec!r}, which is no spec of the kind {kind!r}")
                _check_texts(spec)
                found.append((kind, spec))
    if not found:
        hooks = [name for name in KINDS.values() if manager.parse_hookimpl_opts(plugin, name) is not None]
        why = f"{' and '.join(hooks)} returned no spec" if hooks else _no_hook()
        raise PluginError(f"offers nothing: {why}")
    return found


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Raises for what pluggy takes in silence: a marked function that is no hook, a hook's name that is not marked."""
    hooks = set(KINDS.values())
    for name in dir(plugin):
        marked = manager.parse_hookimpl_opts(plugin, name) is not None
        if marked and name not in hooks:
            raise PluginError(f"{name} is marked with @hookimpl but is no hook ({did_you_mean(name, hooks, most=1)})")
        if name in hooks and not marked and inspect.isroutine(getattr(plugin, name)):
            raise PluginError(f"{name} is not marked with @hookimpl")


def _no_hook() -> str:
    return f"no hook ({', '.join(KINDS.values())}) is marked with @hookimpl"


def _check_texts(spec: Spec) -> None:
    for field in ("name", "target", "help", "citation"):
        if not isinstance(getattr(spec, field), str):
            raise PluginError(f"the {field} of a spec is {getattr(spec, field)!r}, not text")
    if not _NAME.fullmatch(spec.name):
        raise PluginError(
            f"the {spec.kind} {spec.name!r} cannot be typed: a name is of small letters, digits, - and _, "
            "so that it survives a comma-separated list, brackets and --set NAME.KEY=VALUE"
        )
    module, colon, attribute = spec.target.partition(":")
    if not (module and colon and attribute):
        raise PluginError(f"the target of {spec.name!r} is {spec.target!r}, not 'module:attribute'")
