"""What every worker imports for its first job, and numba's tables, which the first function that is loaded fills."""

import numba
import pandas  # noqa: F401
import scipy.stats  # noqa: F401
import torch  # noqa: F401

import bench.runs.engines.worker
import bench.runs.store
import bench.runs.work  # noqa: F401

numba.njit(lambda: 0)()
