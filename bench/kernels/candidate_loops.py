"""Distances of candidates, and the hinge over pairs of them, with their gradients: a loop over queries each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled

_APART = np.float32(1e-6)
_ZERO = np.float32(0)


@compiled(fastmath=FAST, error_model="numpy")
def write_distances(contexts: NDArray, items: NDArray, out: NDArray) -> None:
    """Writes the negative distances (B, K) of contexts (B, d) and candidates (B, K, d)."""
    for b in range(items.shape[0]):
        context = contexts[b]
        for k in range(items.shape[1]):
            item, total = items[b, k], _ZERO
            for j in range(len(context)):
                difference = context[j] - item[j] + _APART
                total += difference * difference
            out[b, k] = -np.sqrt(total)


@compiled(fastmath=FAST, error_model="numpy")
def add_distance_gradients(
    contexts: NDArray, items: NDArray, found: NDArray, slopes: NDArray, of_contexts: NDArray, of_items: NDArray
) -> None:
    """Adds to the gradients of contexts and writes those of items.

    Args:
        contexts, items: as in :func:`write_distances`.
        found: (B, K) what it wrote.
        slopes: (B, K) of them.
        of_contexts, of_items: (B, d), zero, and (B, K, d).
    """
    for b in range(items.shape[0]):
        context, of_context = contexts[b], of_contexts[b]
        for k in range(items.shape[1]):
            item, of_item = items[b, k], of_items[b, k]
            factor = slopes[b, k] / found[b, k]  # found is negative, as the slope of a score by its distance is
            for j in range(len(context)):
                slope = factor * (context[j] - item[j] + _APART)
                of_context[j] += slope
                of_item[j] = -slope


@compiled(error_model="numpy")
def sum_of_hinges(scores: NDArray, clicks: NDArray, shown: NDArray, margin: float) -> tuple[float, int]:
    """The sum over pairs, and their number; see :func:`bench.kernels.pair_hinge` for the arguments."""
    total, pairs = 0.0, 0
    for b in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            if shown[b, i] and clicks[b, i] > 0:
                for j in range(scores.shape[1]):
                    if shown[b, j] and clicks[b, j] == 0:
                        hinge = np.float32(margin) - scores[b, i] + scores[b, j]
                        total += 0.0 if hinge <= 0 else float(hinge)  # NaN stays NaN
                        pairs += 1
    return total, pairs


@compiled(error_model="numpy")
def add_hinge_gradients(
    scores: NDArray, clicks: NDArray, shown: NDArray, margin: float, slope: float, of_scores: NDArray
) -> None:
    """Adds the gradients to ``of_scores`` (B, K); ``slope`` is that of the sum."""
    change = np.float32(slope)
    for b in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            if shown[b, i] and clicks[b, i] > 0:
                for j in range(scores.shape[1]):
                    if shown[b, j] and clicks[b, j] == 0 and not np.float32(margin) - scores[b, i] + scores[b, j] <= 0:
                        of_scores[b, i] -= change
                        of_scores[b, j] += change
