"""The kits as a command: registered components are tested as their authors would test them, with two lines each."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.errors import BenchError, did_you_mean
from bench.plugins.registry import Registered, Registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import DatasetSpec, Spec
from bench.testing.kits import kit_of

_HEAD = '"""Written by ``bench test-plugin``; a test of your own looks the same."""\n\n'


@dataclass(frozen=True)
class Check:
    """One check of a component.

    Attributes:
        kind, name: of the component.
        check: the test's name, with its parameter in brackets.
        outcome: ``passed``, ``failed`` or ``skipped``.
        message: what is wrong, or why it was skipped; one line.
        details: the failure as pytest shows it.
        seconds: that it took.
    """

    kind: str
    name: str
    check: str
    outcome: str
    message: str
    details: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {key: value for key, value in asdict(self).items() if key != "details"}


def chosen(name: str, kind: str | None, registry: Registry) -> list[Registered]:
    """The components of any kind that are called ``name``, or those that the distribution ``name`` offers.

    Raises:
        BenchError: there is none; says which names come near, or why the plugin is broken.
    """
    every = [component for found, component in registry.components() if kind in (None, found)]
    named = [component for component in every if name in (component.spec.name, component.origin)]
    if named:
        return named
    for broken in registry.broken:
        if name in (broken.name, broken.origin):
            raise BenchError(f"is broken: {broken.error}", where=f"plugin {broken.name} of {broken.origin}")
    known = {text for component in every for text in (component.spec.name, component.origin)}
    raise BenchError(f"no {kind or 'component or distribution'} is called {name!r}", fix=did_you_mean(name, known))


def run_kits(
    components: Sequence[Registered],
    settings: Sequence[str] = (),
    source: str | None = None,
    done: Callable[[Check], None] = lambda check: None,
) -> list[Check]:
    """Runs the kit of each component, in this process.

    Args:
        components: what to test.
        settings: options other than the defaults, as after ``--set``.
        source: the files of a fetched dataset.
        done: is told of each check.

    Raises:
        BenchError: an option that no component has, or a fetched dataset without its files.
    """
    specs = [component.spec for component in components]
    for spec in specs:
        if isinstance(spec, DatasetSpec) and spec.fetched and source is None:
            raise BenchError(
                f"{spec.name} is made from files", where="--from", fix=f"name them; they are: {spec.where}"
            )
    options = resolve_options(specs, settings)
    collector = _Collector({_class_of(spec): spec for spec in specs}, done)
    with tempfile.TemporaryDirectory(prefix="bench-test-plugin-") as folder:
        file = Path(folder, "test_plugin.py")
        changed = {(s.kind, s.name): _changed(options[s.kind, s.name], s.defaults) for s in specs}
        file.write_text(
            _HEAD + "\n\n".join(written_test(s, changed[s.kind, s.name], source) for s in specs), encoding="utf-8"
        )
        kept = os.environ.pop("PYTEST_ADDOPTS", None), os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what else is installed here must not change the result
        try:
            quietly = ["-p", "no:terminal", "-p", "no:cacheprovider", "-W", "ignore", "-c", os.devnull]
            pytest.main([str(file), f"--rootdir={folder}", f"--basetemp={folder}/tmp", *quietly], plugins=[collector])
        finally:
            for key, value in zip(("PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"), kept, strict=True):
                os.environ.pop(key, None)
                if value is not None:
                    os.environ[key] = value
    return collector.checks


def written_test(spec: Spec, options: Mapping[str, Any], source: str | None) -> str:
    """The test class of a component, as its author would write it."""
    kit = kit_of(spec).__name__
    lines = [
        f"from bench.testing import {kit}",
        "",
        "",
        f"class {_class_of(spec)}({kit}):",
        f"    name = {spec.name!r}",
        f"    kind = {spec.kind!r}",
    ]
    if options:
        lines.append(f"    options = {dict(options)!r}")
    if isinstance(spec, DatasetSpec) and spec.fetched:
        lines.append(f"    source = {source!r}")
    return "\n".join(lines) + "\n"


def _class_of(spec: Spec) -> str:
    return "Test" + "".join(part.capitalize() for part in (spec.kind, *spec.name.replace("_", "-").split("-")))


def _changed(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value != defaults[key]}


class _Collector:
    """A plugin of pytest that keeps what comes out.

    Args:
        specs: by the name of their test class.
        done: is told of each check.
    """

    def __init__(self, specs: Mapping[str, Spec], done: Callable[[Check], None]) -> None:
        self.checks: list[Check] = []
        self._specs, self._done = specs, done

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected is a failure of every component in it."""
        if report.failed:
            for spec in self._specs.values():
                self._add(spec, "collection", "failed", _last_line(str(report.longrepr)), str(report.longrepr), 0.0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of a check's three phases, the call, and whatever went wrong before or after it."""
        if report.when != "call" and report.passed:
            return
        _, group, test = report.nodeid.split("::", 2)
        message, details = "", ""
        if report.skipped and isinstance(report.longrepr, tuple):
            message = report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed:
            details = report.longreprtext
            crash = getattr(report.longrepr, "reprcrash", None)
            message = str(crash.message).splitlines()[0] if crash is not None else _last_line(details)
        self._add(self._specs[group], test, report.outcome, message, details, report.duration)

    def _add(self, spec: Spec, check: str, outcome: str, message: str, details: str, seconds: float) -> None:
        found = Check(spec.kind, spec.name, check, outcome, message, details, seconds)
        self.checks.append(found)
        self._done(found)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
