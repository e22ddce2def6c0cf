"""The tests under every Python and with the oldest libraries that pyproject.toml admits: `nox`, or `nox -s tests-3.12`.

Each session takes an environment of its own. torch comes first and alone, as in the Makefile, so that a build that is
at hand is taken; set NOX_TORCH to what pip is to be given for it, such as
"torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu".
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")

nox.options.sessions = ["lint", "types", *(f"tests-{python}" for python in PYTHONS), "lowest_versions"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


def project() -> dict[str, list[str]]:
    """The requirements of pyproject.toml: those of the package under "", those of its extras under their names."""
    found = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": found["dependencies"], **found["optional-dependencies"]}


def pinned(name: str) -> str:
    """``name==version`` as constraints.txt has it."""
    text = Path("constraints.txt").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith(f"{name}=="))


def lowest() -> list[str]:
    """The oldest version that each requirement of the package and of its extras admits, those for tests and docs aside.

    What those need stays as constraints.txt pins it: an old pytest says nothing about this package.
    """
    wanted = [line for extra, lines in project().items() if extra not in ("dev", "docs") for line in lines]
    return [re.sub(r"\s*>=\s*", "==", line) for line in wanted if not line.startswith("session-bench")]


def install(session: nox.Session, torch: str, *what: str) -> None:
    """Installs torch, then the package with ``what`` beside it."""
    session.install(*shlex.split(os.environ.get("NOX_TORCH", torch)))
    session.install(*what)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests with the versions that numbers were made with; arguments after ``--`` go to pytest."""
    install(session, pinned("torch"), "--constraint", "constraints.txt", "--editable", ".[dev]")
    session.run("pytest", "-n", "2", "--dist", "loadfile", "--ignore", "tests/benchmarks", *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest_versions(session: nox.Session) -> None:
    """All tests with the oldest libraries that the package says it works with."""
    torch = next(line for line in lowest() if line.startswith("torch=="))
    of_tests = [line for line in project()["dev"] if not line.startswith("session-bench")]
    install(session, torch, *lowest(), *of_tests)
    session.install("--no-deps", "--editable", ".")
    session.run("pytest", "-n", "2", "--dist", "loadfile", "--ignore", "tests/benchmarks", *session.posargs)


@nox.session(python=PYTHONS[0])
def lint(session: nox.Session) -> None:
    """ruff, as `make lint`."""
    session.install(pinned("ruff"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=PYTHONS[0])
def types(session: nox.Session) -> None:
    """mypy, as `make types`."""
    install(session, pinned("torch"), "--constraint", "constraints.txt", "--editable", ".[dev]")
    session.run("mypy")
    session.run("mypy", "--config-file", "tests/mypy.ini", "tests")
