"""A fresh environment with session-bench installed in it, as a stranger would have it; made without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PARTS = ("bench", "encoders", "baselines", "tasks", "pyproject.toml", "README.md", "LICENSE")


@dataclass(frozen=True)
class Environment:
    """A virtual environment.

    Attributes:
        folder: where it stands.
        source: the copy of this project that it was installed from.
    """

    folder: Path
    source: Path

    def variables(self) -> dict[str, str]:
        """The environment's variables. Pip finds everything here: no index, no environment to build in."""
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "BENCH_STRICT")}
        return {
            **kept,
            "PATH": os.pathsep.join([str(self.folder / "bin"), kept["PATH"]]),
            "VIRTUAL_ENV": str(self.folder),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as the value of --build-isolation
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "SESSION_BENCH": str(self.source),
            "OMP_NUM_THREADS": "1",
        }

    def run(self, command: str, folder: Path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a line of shell in ``folder`` with this environment active."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def make_environment(folder: Path) -> Environment:
    """Makes one. It sees the libraries of the environment that runs the tests; session-bench itself is its own."""
    source = folder / "session-bench"
    source.mkdir(parents=True)
    for part in _PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    made = Environment(folder / "environment", source)
    subprocess.run([sys.executable, "-m", "venv", made.folder], check=True, capture_output=True)
    (site,) = (made.folder / "lib").glob("python*/site-packages")
    libraries = sysconfig.get_paths()["purelib"]
    (site / "libraries.pth").write_text(f"import site; site.addsitedir({libraries!r})\n")
    # the one that comes along with some Pythons is older than what builds this project
    subprocess.run([made.folder / "bin" / "python", "-m", "pip", "uninstall", "-qy", "setuptools"], capture_output=True)
    installed = made.run('pip install --quiet --no-deps "$SESSION_BENCH"', folder)
    assert installed.returncode == 0, installed.stderr
    _copy_machine_code(site)
    _write_pytest(made.folder / "bin")
    return made


def _copy_machine_code(site: Path) -> None:
    """Compiled loops of these very sources, where the tests have some: a stranger waits for them once, as CI has."""
    for package in ("bench/kernels", "encoders/kernels"):
        for compiled in (ROOT / package / "__pycache__").glob("compiled-*"):
            shutil.copytree(compiled, site / package / "__pycache__" / compiled.name, dirs_exist_ok=True)


def _write_pytest(scripts: Path) -> None:
    """pytest's command: the library comes from elsewhere, its script does not, and another Python's may be on PATH."""
    script = scripts / "pytest"
    script.write_text(f'#!/bin/sh\nexec "{scripts / "python"}" -m pytest "$@"\n')
    script.chmod(0o755)
