"""Where numbers come from: the commit, the machine and the versions that decide them to the last digits."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("bm25s", "numba", "numpy", "scipy", "torch", "xgboost")


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


def machine() -> dict[str, str]:
    """System, processor, and the vector instructions that torch chose for it.

    Sums are taken in another order with other instructions, and a training of many steps makes that visible.
    """
    import torch

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "vectors": str(torch.backends.cpu.get_cpu_capability()),
    }


def versions() -> dict[str, str]:
    """Python's version and those of the libraries that compute; a library that isn't installed is left out."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Name, family and model of the processor: a name alone, such as AMD EPYC, covers generations."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or "unknown"
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name", "") or platform.processor() or "unknown"
    return " ".join([name, *(f"{key.split()[-1]} {facts[key]}" for key in ("cpu family", "model") if key in facts)])
