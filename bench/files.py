"""Reading a TOML table strictly: an unknown key, a missing one or a value of the wrong type is one clear line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bench.errors import BenchError, did_you_mean

_REQUIRED = object()


class StrictTable:
    """A TOML table that knows which of its keys were meant.

    Args:
        values: as parsed.
        where: the file, and the table's own key in it.
        known: keys that it may have.

    Raises:
        BenchError: a key that is not known, with the nearest one that is; or no table at all.
    """

    def __init__(self, values: Any, where: str, known: Collection[str]) -> None:
        if not isinstance(values, dict):
            raise BenchError("is not a table", where=where, fix="such as [settings]")
        self.values, self.where = values, where
        for key in values:
            if key not in known:
                raise BenchError(f"unknown key {key!r}", where=where, fix=did_you_mean(key, known))

    def at(self, key: str) -> str:
        """Where a key stands, for errors."""
        return f"{self.where}: {key}" if self.where.endswith(".toml") else f"{self.where}.{key}"

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """A string."""
        text: str = self._typed(key, str, "a string", default)
        return text

    def whole(self, key: str, default: Any = _REQUIRED) -> int:
        """A whole number."""
        number: int = self._typed(key, int, "a whole number", default)
        return number

    def texts(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """A list of distinct strings, one at least."""
        if key not in self.values and default is not _REQUIRED:
            return tuple(default)
        found = self._typed(key, list, "a list of strings", _REQUIRED)
        if not found or not all(isinstance(one, str) for one in found):
            raise BenchError("is not a list of strings", where=self.at(key))
        if len(set(found)) < len(found):
            raise BenchError("holds a name twice", where=self.at(key), fix="leave one of them out")
        return tuple(found)

    def mapping(self, key: str) -> dict[str, str]:
        """A table of strings; empty where there is none."""
        found = self.values.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise BenchError("is not a table of strings", where=self.at(key))
        return dict(found)

    def tables(self, key: str, known: Collection[str]) -> list[StrictTable]:
        """The tables of an array, each with its number from 1."""
        found = self.values.get(key, [])
        if not isinstance(found, list):
            raise BenchError("is not an array of tables", where=self.at(key), fix=f"write [[{key}]]")
        return [StrictTable(one, f"{self.at(key)}[{number}]", known) for number, one in enumerate(found, 1)]

    def _typed(self, key: str, kind: type, article: str, default: Any) -> Any:
        if key not in self.values:
            if default is _REQUIRED:
                raise BenchError(f"the key {key!r} is missing", where=self.where)
            return default
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BenchError(f"{value!r} is not {article}", where=self.at(key))
        return value


def settings_of(values: Any, where: str, component: bool = False) -> tuple[str, ...]:
    """``KEY=VALUE`` lines of a table of settings; a component's own stand under its name (``ctr.epochs = 5``).

    Args:
        values: the table.
        where: it stands.
        component: whether it is that of one component.

    Raises:
        BenchError: a value that no option can have.
    """
    if not isinstance(values, dict):
        raise BenchError("is not a table", where=where, fix="such as [settings]")
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict) and not component:
            lines += [f"{key}.{line}" for line in settings_of(value, f"{where}.{key}", component=True)]
        elif isinstance(value, bool):
            lines.append(f"{key}={str(value).lower()}")
        elif isinstance(value, int | float | str):
            lines.append(f"{key}={value}")
        else:
            raise BenchError(f"{value!r} is no value of an option", where=f"{where}.{key}")
    return tuple(lines)
