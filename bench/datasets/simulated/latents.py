"""Latents of items and intents: Gaussian, or partly discrete facets; textual and visual ones independent, or not.

A latent is [a ; u], textual and visual, with FACETS pairs of dimensions on either side. With ``facets`` = w, a pair is

    sqrt(w) · value + sqrt(1 - w) · N(0, I),

its value one of VALUES points at equal distances on a circle of radius sqrt(2), so that every dimension keeps mean 0
and variance 1. With ``correlation`` = ρ a visual value is its textual one with probability ρ, and the Gaussian part of
u is ρ times that of a plus sqrt(1 - ρ²) of its own, so that a and u are correlated by ρ in both parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.datasets.simulated.language import TEXT_DIM, VISUAL_DIM
from bench.datasets.simulated.randomness import on_grid
from bench.datasets.simulated.worlds import Knobs

LATENT_DIM = TEXT_DIM + VISUAL_DIM
FACETS = TEXT_DIM // 2
VALUES = 8


@dataclass(frozen=True)
class Facets:
    """The facets of n latents.

    Attributes:
        value: (n, 2, FACETS) values 0 … VALUES - 1, textual and visual ones as drawn before they are correlated.
        follows: (n, FACETS) bool, the facets whose visual value is the textual one.
    """

    value: NDArray[np.int64]
    follows: NDArray[np.bool_]


def draw_facets(rng: Generator, count: int, knobs: Knobs) -> Facets | None:
    """The facets of ``count`` latents; none where latents have none."""
    if not knobs.facets:
        return None
    value = rng.integers(VALUES, size=(count, 2, FACETS))
    return Facets(value, rng.random((count, FACETS)) < knobs.correlation)


def latents_of(normal: NDArray[np.floating], facets: Facets | None, knobs: Knobs) -> NDArray[np.float32]:
    """(n, LATENT_DIM) latents on the grid.

    Args:
        normal: (n, LATENT_DIM) standard normal numbers.
        facets: of each latent; none where ``knobs`` has none.
        knobs: of the world.
    """
    if knobs.correlation:
        text = normal[:, :TEXT_DIM]
        own = np.sqrt(1 - knobs.correlation**2) * normal[:, TEXT_DIM:]
        normal = np.concatenate([text, knobs.correlation * text + own], axis=1)
    if facets is None:
        return on_grid(normal)
    value = facets.value.copy()
    value[:, 1][facets.follows] = facets.value[:, 0][facets.follows]
    angle = 2 * np.pi * np.arange(VALUES) / VALUES
    circle = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], axis=1)  # (VALUES, 2)
    points = circle[value].reshape(len(value), LATENT_DIM)
    return on_grid(np.sqrt(knobs.facets) * points + np.sqrt(1 - knobs.facets) * normal)
