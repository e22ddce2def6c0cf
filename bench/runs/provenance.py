"""Where numbers come from: the commit, the machine and the versions that decide them to the last digits."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_LIBRARIES = ("numba", "numpy", "scipy", "torch", "xgboost")
_EVERYWHERE = ("torch", "numpy", "scipy", "numba")


def provenance() -> dict[str, Any]:
    """What a record says of the program and the machine that made it."""
    return {
        "session_bench": version("session-bench"),
        "commit": checkout_commit(),
        "python": platform.python_version(),
        "machine": system(),
    }


@cache
def checkout_commit() -> str | None:
    """The commit of this project's checkout, with ``+`` where files differ from it; None if installed otherwise."""
    here = Path(__file__)
    questions = (["ls-files", "--error-unmatch", "__init__.py"], ["rev-parse", "HEAD"], ["status", "--porcelain"])
    try:
        _, commit, changed = (
            subprocess.run(
                ["git", "-C", str(here.parent), *question], capture_output=True, text=True, check=True
            ).stdout.strip()
            for question in questions
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")


def system() -> str:
    """Operating system and kind of processor."""
    return f"{platform.system()} {platform.machine()}"


def machine() -> dict[str, str]:
    """System, processor, and the vector instructions that torch chose for it.

    Sums are taken in another order with other instructions, and a training of many steps makes that visible.
    """
    import torch

    return {
        "system": system(),
        "processor": _processor(),
        "vectors": str(torch.backends.cpu.get_cpu_capability()),
    }


def versions() -> dict[str, str]:
    """Python's version and those of the libraries that compute; a library that isn't installed is left out."""
    found = {name: library_version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **{name: known for name, known in found.items() if known is not None}}


@cache
def library_version(name: str) -> str | None:
    """Version of an installed distribution; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def library_versions() -> dict[str, str | None]:
    """Versions of the libraries that compute whatever the components are: a part of every key.

    Those that a component imports beside them count with its source (:mod:`bench.runs.source_version`).
    """
    return {name: library_version(name) for name in _EVERYWHERE}


def _processor() -> str:
    """Name, family and model of the processor: a name alone, such as AMD EPYC, covers generations."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", "") or platform.processor() or "unknown"
    return " ".join([name, *(f"{key.split()[-1]} {facts[key]}" for key in ("cpu family", "model") if key in facts)])
