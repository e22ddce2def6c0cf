"""The compiled loop over pairs of sessions, for the discriminator of equation 9."""

from __future__ import annotations

from numpy.typing import NDArray

from bench.kernels.compiled import FAST, compiled


@compiled(fastmath=FAST)
def add_units(left: NDArray, right: NDArray, weights: NDArray, bias: NDArray, logits: NDArray) -> None:
    """``logits[a, b] = bias + sum over units k of weights[k] * ReLU(left[k, a] + right[k, b])``.

    Unit after unit, so that the work stays on a row of logits, which fits the cache.
    """
    zero = logits.dtype.type(0)
    for a in range(logits.shape[0]):
        logits[a] = bias[0]
        for k in range(len(weights)):
            shift, weight = left[k, a], weights[k]
            for b in range(logits.shape[1]):
                logits[a, b] += weight * max(shift + right[k, b], zero)
