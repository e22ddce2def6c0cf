"""Versions, required libraries, extras and plugins of this installation."""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Iterator
from importlib.metadata import requires

from bench.doctor.finding import Finding
from bench.plugins.registry import registry
from bench.runs.provenance import checkout_commit, library_version, versions

_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def installation() -> Iterator[Finding]:
    """Findings on the program itself."""
    known = [f"{name} {version}" for name, version in versions().items() if name != "python"]
    commit = checkout_commit()
    source = f", commit {commit[:9]}{'+' if commit.endswith('+') else ''}" if commit else ""
    yield Finding("versions", "ok", f"session-bench {library_version('session-bench')}{source}")
    yield Finding("versions", "ok", f"Python {platform.python_version()}, {', '.join(known)}")
    yield from _libraries()
    yield from _plugins()


def needed() -> dict[str, list[str]]:
    """The distributions that session-bench asks for: by extra, those that it always needs under the empty name."""
    found: dict[str, list[str]] = {"": []}
    for line in requires("session-bench") or []:
        requirement, _, marker = line.partition(";")
        extra = _EXTRA.search(marker)
        name = _NAME.match(requirement)
        if name is not None and name[0] != "session-bench":
            found.setdefault(extra[1] if extra else "", []).append(name[0])
    return found


def _libraries() -> Iterator[Finding]:
    for extra, names in needed().items():
        missing = [name for name in names if library_version(name) is None]
        if not extra:
            if missing:
                fix = f"pip install {' '.join(missing)}"
                yield Finding("libraries", "broken", f"not installed: {', '.join(missing)}", fix)
        elif missing and extra != "dev":
            what = f"{extra} is not installed (without {', '.join(missing)})"
            yield Finding("extras", "note", what, f'pip install "session-bench[{extra}]"')
        elif extra != "dev":
            yield Finding("extras", "ok", f"{extra} is installed")


def _plugins() -> Iterator[Finding]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken ones are findings
        found = registry()
    components = found.components()
    origins = sorted({component.origin for _, component in components})
    yield Finding("plugins", "ok", f"{len(components)} components of {', '.join(origins)}")
    for broken in found.broken:
        what = f"{broken.name} of {broken.origin}: {broken.error}"
        yield Finding("plugins", "broken", what, f"mend or uninstall {broken.origin}")
