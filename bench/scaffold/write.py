"""Writing a new plugin from the templates that stand beside this file."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from bench.errors import BenchError, did_you_mean
from bench.files import folder_written_whole
from bench.plugins.registry import Registry

_GATES = {
    "encoder": 'task = "ctr"\nbaselines = ["transearch"]\nencoders = ["$name"]',
    "baseline": 'task = "ctr"\nbaselines = ["$name"]\nencoders = ["meanpool"]',
    "task": 'task = "$name"\nencoders = ["meanpool"]',
    "dataset": 'task = "ctr"\ndataset = "$name"\nbaselines = ["transearch"]\nencoders = ["lstm"]',
}
_RUNS = {
    "encoder": "bench run --task ctr --baseline transearch --encoder $name",
    "baseline": "bench run --task ctr --baseline $name --encoder lstm",
    "task": "bench run --task $name --encoder meanpool",
    "dataset": "bench run --task ctr --baseline transearch --encoder lstm --dataset $name",
}
_SMALL = {
    "encoder": "--seeds 1 --set sessions=600 --set downstream=300 --set epochs=2",
    "baseline": "--seeds 1 --set sessions=600 --set downstream=300 --set epochs=2",
    "task": "--seeds 1 --set sessions=600 --set downstream=300",
    "dataset": "--seeds 1 --set epochs=2",
}
_SETTINGS = {
    "encoder": '"sessions=600", "downstream=300", "epochs=2"',
    "baseline": '"sessions=600", "downstream=300", "epochs=2"',
    "task": '"sessions=600", "downstream=300"',
    "dataset": '"epochs=2"',
}


def write_plugin(name: str, kind: str, folder: Path, registry: Registry) -> list[Path]:
    """Writes an installable distribution that offers one working component; all of it or nothing.

    Args:
        name: of the component and of the distribution, such as ``my-encoder``.
        kind: ``encoder``, ``baseline``, ``task`` or ``dataset``.
        folder: made now.
        registry: whose names are taken.

    Returns:
        the files, relative to ``folder``.

    Raises:
        BenchError: a name that can't be one or is taken, an unknown kind, or a folder that is there already.
    """
    if kind not in _GATES:
        raise BenchError(f"no kind is called {kind!r}", where="--kind", fix=did_you_mean(kind, _GATES))
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise BenchError(
            f"{name!r} can't be a name", where="NAME", fix="small letters and digits, words joined by hyphens"
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package):
        raise BenchError(f"{name!r} is a word of Python", where="NAME", fix="choose another name")
    if name in registry.names(kind):
        raise BenchError(f"the {kind} {name!r} exists", where="NAME", fix="choose another name")
    if importlib.util.find_spec(package) is not None:
        raise BenchError(f"a package {package!r} is installed", where="NAME", fix="choose another name")
    if folder.exists():
        raise BenchError("is there already", where=str(folder), fix="choose another --to")
    meant = {
        "name": name,
        "kind": kind,
        "package": package,
        "cls": "".join(word.capitalize() for word in name.split("-")),
    }
    meant |= {
        key: Template(one[kind]).substitute(meant)
        for key, one in (("gate", _GATES), ("run", _RUNS), ("settings", _SETTINGS))
    }
    meant["run"] += f" {_SMALL[kind]}"
    contents = {place: _filled(template, meant) for place, template in _places(kind, package).items()}
    contents[Path("src", package, "__init__.py")] = f'"""{meant["cls"]}: a plugin of session-bench."""\n'
    with folder_written_whole(folder) as writing:
        for place, text in contents.items():
            file = writing / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return sorted(contents)


def _places(kind: str, package: str) -> dict[Path, str]:
    """Template of each file."""
    return {
        Path("pyproject.toml"): "pyproject.toml",
        Path("README.md"): "README.md",
        Path(".gitignore"): "gitignore",
        Path(".github", "workflows", "check.yml"): "check.yml",
        Path("golden", "gate.toml"): "gate.toml",
        Path("src", package, "plugin.py"): f"{kind}_plugin.py",
        Path("src", package, f"{kind}.py"): f"{kind}.py",
        Path("tests", f"test_{package}.py"): f"test_{kind}.py",
    }


def _filled(template: str, meant: dict[str, str]) -> str:
    text = files("bench.scaffold").joinpath(f"{template}.template").read_text(encoding="utf-8")
    return Template(text).substitute(meant)
