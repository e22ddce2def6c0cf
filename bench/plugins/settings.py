"""Options of components: ``--set key=value``, checked against what the component declares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError, did_you_mean
from bench.plugins.specs import Spec


@dataclass(frozen=True)
class Setting:
    """One ``--set``: ``key=value`` for whatever component has that option, or ``component.key=value``."""

    component: str | None
    key: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Setting:
        """Reads ``[component.]key=value``."""
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BenchError(f"{text!r} is not KEY=VALUE", where="--set", fix="such as --set visual_signal=0")
        component, _, key = name.strip().rpartition(".")
        return cls(component or None, key, value.strip())


def resolve_options(
    specs: Sequence[Spec], settings: Iterable[str], where: str = "--set", together: bool = True
) -> dict[tuple[str, str], dict[str, Any]]:
    """The options of every component: its defaults, changed by the settings.

    A setting without a component goes to every chosen component of the one kind that has the option.

    Args:
        specs: the components that take part.
        settings: such as ``muvcog-m.steps=10``.
        where: for errors: what the user typed the settings in.
        together: look at all options of a component together as well; not where more settings follow.

    Returns:
        options by (kind, name).

    Raises:
        BenchError: an option that no chosen component has, one that components of several kinds have, or a value that
            the component does not allow.
    """
    options = {(spec.kind, spec.name): dict(spec.defaults) for spec in specs}
    for text in settings:
        setting = Setting.parse(text)
        for spec in _addressed(setting, specs, where):
            option, called = spec.settable[setting.key], f"{spec.name}.{setting.key}"
            options[spec.kind, spec.name][setting.key] = option.parsed(setting.value, where, called)
    for spec in specs if together else ():
        spec.check(options[spec.kind, spec.name])
    return options


def _addressed(setting: Setting, specs: Sequence[Spec], where: str) -> list[Spec]:
    called = f"{setting.component + '.' if setting.component else ''}{setting.key}"
    named = [s for s in specs if setting.component is None or s.name == setting.component]
    if not named:
        raise BenchError(
            f"{called}: {setting.component!r} takes no part in this run",
            where=where,
            fix=did_you_mean(setting.component or "", {s.name for s in specs}),
        )
    having = [s for s in named if setting.key in s.settable]
    if not having:
        for spec in named:
            if setting.key in spec.pinned:
                value = spec.pinned[setting.key]
                raise BenchError(f"{called}: {spec.name} is what it is by {setting.key}={value}", where=where)
        known = {key for spec in named for key in spec.settable}
        raise BenchError(f"{called}: no such option", where=where, fix=did_you_mean(setting.key, known))
    if len({s.kind for s in having}) > 1:
        names = " or ".join(f"{s.name}.{setting.key}" for s in having)
        raise BenchError(
            f"{called} is an option of components of several kinds", where=where, fix=f"say which: {names}"
        )
    return having
