"""Ridge regression: a linear reader of vectors, how much it shrinks chosen on validation rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating[Any]]

SHRINKAGE = (1.0, 10.0, 100.0, 1_000.0)
"""Added to the diagonal of the inputs' Gram matrix, inputs having mean 0 and variance 1."""


def fit_ridge(inputs: Rows, targets: Rows, held_out_inputs: Rows, held_out_targets: Rows) -> Callable[[Rows], Rows]:
    """Fits a linear map with a constant.

    Args:
        inputs, targets: (n, f) and (n, d) to fit.
        held_out_inputs, held_out_targets: (m, f) and (m, d) to choose the shrinkage on; without rows it is the least.

    Returns:
        a function from inputs (k, f) to targets (k, d), float32.
    """
    mean, scale, centre = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6, targets.mean(axis=0)
    rows = ((inputs - mean) / scale).astype(np.float64)
    gram, moment = rows.T @ rows, rows.T @ (targets - centre).astype(np.float64)  # (f, f), (f, d)
    held_out = (held_out_inputs - mean) / scale
    best, least = np.zeros_like(moment), np.inf
    for shrinkage in SHRINKAGE:
        weights = np.linalg.solve(gram + shrinkage * np.eye(len(gram)), moment)  # (f, d)
        error = float(np.square(held_out @ weights + centre - held_out_targets).sum())
        if error < least:
            best, least = weights, error
    return lambda some: (((some - mean) / scale) @ best + centre).astype(np.float32)
