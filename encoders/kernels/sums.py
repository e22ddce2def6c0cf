"""The compiled loops of equations 6 and 7: sums of ELUs of scaled rows. Nothing is stored of an edge."""

from __future__ import annotations

from numpy.typing import NDArray

from bench.kernels.compiled import compiled
from encoders.kernels.vector_gradients import add_elu_gradient
from encoders.kernels.vector_rows import add_elu


@compiled()
def add_elus(rows: NDArray, source: NDArray, factor: NDArray, target: NDArray, sums: NDArray) -> None:
    """Adds ``ELU(factor[e] * rows[source[e]])`` to ``sums[target[e]]`` for each edge e."""
    for e in range(len(source)):
        add_elu(rows, source[e], factor[e], sums, target[e])


@compiled()
def add_elu_gradients(
    rows: NDArray, source: NDArray, factor: NDArray, grads: NDArray, target: NDArray, grad_rows: NDArray
) -> None:
    """Adds to ``grad_rows`` the gradient of ``rows``, given that of ``sums``."""
    for e in range(len(source)):
        add_elu_gradient(rows, source[e], factor[e], grads, target[e], grad_rows)
