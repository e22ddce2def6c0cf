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


def resolve_options(specs: Sequence[Spec], settings: Iterable[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """The options of every component: its defaults, changed by the settings.

    A setting without a component goes to every chosen component of the one kind that has the option.

    Returns:
        options by (kind, name).

    Raises:
        BenchError: an option that no chosen component has, one that components of several kinds have, or a value of the
            wrong type.
    """
    options = {(spec.kind, spec.name): dict(spec.defaults) for spec in specs}
    for text in settings:
        setting = Setting.parse(text)
        for spec in _addressed(setting, specs):
            options[spec.kind, spec.name][setting.key] = _typed(setting, spec.defaults[setting.key])
    return options


def _addressed(setting: Setting, specs: Sequence[Spec]) -> list[Spec]:
    where = f"--set {setting.component + '.' if setting.component else ''}{setting.key}"
    named = [s for s in specs if setting.component is None or s.name == setting.component]
    if not named:
        raise BenchError(
            f"{setting.component!r} takes no part in this run",
            where=where,
            fix=did_you_mean(setting.component or "", {s.name for s in specs}),
        )
    having = [s for s in named if setting.key in s.defaults]
    if not having:
        raise BenchError(
            "no such option", where=where, fix=did_you_mean(setting.key, {k for s in named for k in s.defaults})
        )
    if len({s.kind for s in having}) > 1:
        names = " or ".join(f"{s.name}.{setting.key}" for s in having)
        raise BenchError("is an option of components of several kinds", where=where, fix=f"say which: {names}")
    return having


def _typed(setting: Setting, default: Any) -> Any:
    text, where = setting.value, f"--set {setting.key}"
    if isinstance(default, bool):
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise BenchError(f"{text!r} is neither true nor false", where=where)
        return text.lower() in ("true", "1", "yes")
    for kind, article in ((int, "a whole number"), (float, "a number")):
        if isinstance(default, kind):
            try:
                value = kind(text)
                if value != value:
                    raise ValueError("NaN")
                return value
            except ValueError:
                raise BenchError(f"{text!r} is not {article}", where=where, fix=f"the default is {default}") from None
    return text
