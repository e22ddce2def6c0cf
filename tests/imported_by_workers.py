"""What forks of tests need not import again: what workers and most commands import, and numba's tables, which the first
function that is loaded fills. Nothing that a plugin may take part in is called.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import duckdb  # noqa: F401
import numba
import pandas  # noqa: F401
import pyarrow.dataset  # noqa: F401
import rich.progress
import rich.table  # noqa: F401
import scipy.stats  # noqa: F401
import torch  # noqa: F401
from pydantic import TypeAdapter  # noqa: F401  # typer's

import baselines
import bench
import encoders
import tasks

_ELSEWHERE = (
    "bench.figures",  # matplotlib
    "bench.reports.html",
    "bench.runs.engines.ray",
    "bench.serving",
    "bench.testing",  # pytest rewrites its assertions
    "bench.tracking",
    "encoders.gat",  # torch-geometric
    "encoders.muvcog.hetero",
)


def _import_all(package: ModuleType) -> None:
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        if not found.name.startswith(_ELSEWHERE):
            module = import_module(found.name)
            if found.ispkg:
                _import_all(module)


for package in (bench, encoders, baselines, tasks):
    _import_all(package)
numba.njit(lambda: 0)()
