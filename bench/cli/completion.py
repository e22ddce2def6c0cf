"""What the shell offers after a tab: names of components and experiments, without importing any of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable


def _of_kind(kind: str) -> Callable[[str], list[str]]:
    """Completes a comma-separated list of names of a kind."""

    def complete(incomplete: str) -> list[str]:
        from bench.plugins.registry import registry

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a broken plugin is no matter for a tab
            known = registry().names(kind)
        before, comma, last = incomplete.rpartition(",")
        given = before.split(",")
        return [f"{before}{comma}{name}" for name in known if name.startswith(last) and name not in given]

    return complete


encoders = _of_kind("encoder")
baselines = _of_kind("baseline")
tasks = _of_kind("task")
datasets = _of_kind("dataset")


def components(incomplete: str) -> list[str]:
    """Completes the name of a component of any kind."""
    found = (name for complete in (encoders, baselines, tasks, datasets) for name in complete(incomplete))
    return list(dict.fromkeys(found))


def experiments(incomplete: str) -> list[str]:
    """Completes the name of an experiment that comes with the project."""
    from importlib.resources import files

    names = (file.name.removesuffix(".toml") for file in files("bench.paper").iterdir() if file.name.endswith(".toml"))
    return sorted(name for name in names if name.startswith(incomplete))
