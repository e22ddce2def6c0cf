"""Intents: which leaf a session is about, and what its shopper wants at each step.

The first intent is drawn as an item is. From step to step it drifts; with ``reformulation`` > 0 a Markov chain moves it
besides. Its states are the kinds of reformulation that studies of product search tell apart (Hirsch et al., SIGIR 2020;
Su et al., WSDM 2018):

    refine      the same need, said more precisely
    generalise  the same need, said less precisely
    replace     another value of one facet: textual and visual latents of that facet are drawn anew
    pivot       another need in the same leaf: everything is drawn anew

How precisely is the weight of the intent in the choice of words (``Language.draw`` in ``language``). A product query
searches for what is like an item, so it never pivots: it replaces. The chain's probabilities are ours: the studies
count kinds of queries and not of needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.datasets.simulated.latents import FACETS, LATENT_DIM, Facets, draw_facets, latents_of
from bench.datasets.simulated.visits import Steps
from bench.datasets.simulated.worlds import Knobs

STAY, REFINE, GENERALISE, REPLACE, PIVOT = range(5)
CHAIN = np.array(
    [
        [0.40, 0.10, 0.35, 0.15],  # first move of a session
        [0.45, 0.10, 0.30, 0.15],  # after refine
        [0.35, 0.10, 0.35, 0.20],  # after generalise
        [0.30, 0.10, 0.45, 0.15],  # after replace
        [0.45, 0.05, 0.30, 0.20],  # after pivot
    ]
)
"""Probability of the next move (refine, generalise, replace, pivot) after each."""

PRECISION = np.array([1.0, 1.5, 0.5, 1.0, 1.0])
"""Weight of the intent in the words of a keyword query, by the move that led to it."""


@dataclass(frozen=True)
class Intents:
    """What the n sessions of a chunk are about.

    Attributes:
        leaf: (n,) leaf of each session.
        intent: (Q, LATENT_DIM) [a* ; u*] of each step, on the grid.
        precision: (Q,) weight of the intent in the words of each step.
        move: (Q,) STAY … PIVOT, how the intent of each step came about; STAY for first steps.
    """

    leaf: NDArray[np.int64]
    intent: NDArray[np.float32]
    precision: NDArray[np.float64]
    move: NDArray[np.int64]


def draw_intents(
    steps: Steps,
    leaf_start: NDArray[np.int64],
    drift: float,
    knobs: Knobs,
    rng: Generator,
    move_rng: Generator,
    facet_rng: Generator,
) -> Intents:
    """Draws the intents of a chunk, all sessions at once, step by step.

    Args:
        steps: of the chunk.
        leaf_start: (C + 1,) offsets of the leaves into the items; a leaf is wanted as often as it is large.
        drift: δ, the correlation of an intent with the next one is sqrt(1 - δ²).
        knobs: of the world.
        rng, move_rng, facet_rng: streams of intents, moves and facets.
    """
    lengths = np.diff(steps.offsets)
    leaf = np.searchsorted(leaf_start, rng.integers(leaf_start[-1], size=len(lengths)), side="right") - 1
    normal = rng.standard_normal((len(steps.product), LATENT_DIM))
    facets = draw_facets(facet_rng, len(steps.product), knobs)
    move = _moves(steps, knobs, move_rng)
    one = move_rng.integers(FACETS, size=len(move)) if knobs.reformulation else np.zeros_like(move)
    pair = np.arange(LATENT_DIM) % (2 * FACETS) // 2  # (LATENT_DIM,) facet of each dimension
    for position in range(1, int(lengths.max())):
        query = steps.offsets[:-1][lengths > position] + position
        anew = (move[query] == PIVOT)[:, None] | ((move[query] == REPLACE)[:, None] & (one[query, None] == pair))
        drifted = np.sqrt(1 - drift**2) * normal[query - 1] + drift * normal[query]  # x' = sqrt(1 - δ²) x + δ ε
        normal[query] = np.where(anew, normal[query], drifted)
        if facets is not None:
            _keep(facets, query, anew[:, : 2 * FACETS : 2])
    return Intents(leaf, latents_of(normal, facets, knobs), PRECISION[move], move)


def _keep(facets: Facets, query: NDArray[np.int64], anew: NDArray[np.bool_]) -> None:
    """Gives the steps ``query`` (n,) the facets of the steps before, but for those ``anew`` (n, FACETS)."""
    facets.value[query] = np.where(anew[:, None], facets.value[query], facets.value[query - 1])
    facets.follows[query] = np.where(anew, facets.follows[query], facets.follows[query - 1])


def _moves(steps: Steps, knobs: Knobs, rng: Generator) -> NDArray[np.int64]:
    """(Q,) move that leads to each step."""
    move = np.full(len(steps.product), STAY)
    if not knobs.reformulation:
        return move
    lengths = np.diff(steps.offsets)
    chained, draw = rng.random(len(move)) < knobs.reformulation, rng.random(len(move))
    cdf, last = CHAIN.cumsum(axis=1), np.full(len(lengths), STAY)  # last move of the chain, by session
    for position in range(1, int(lengths.max())):
        session = np.flatnonzero(lengths > position)
        session = session[chained[steps.offsets[session] + position]]
        query = steps.offsets[session] + position
        drawn = 1 + np.minimum((draw[query, None] >= cdf[last[session]]).sum(axis=1), CHAIN.shape[1] - 1)
        drawn[(drawn == PIVOT) & steps.product[query]] = REPLACE
        move[query] = last[session] = drawn
    return move
