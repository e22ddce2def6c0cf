"""What is clicked: how much each shown item suits the shopper, and how far down the list she looks.

Without a cascade she looks at the whole list, and lower places cost utility. With one she looks at the first item, and
at each next one with probability γ = ``cascade`` (Craswell et al., WSDM 2008), at as many items at least as she clicks;
her n clicks are the n of largest utility among those she has looked at.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.datasets.simulated.language import TEXT_DIM, VISUAL_DIM
from bench.datasets.simulated.latents import LATENT_DIM
from bench.datasets.simulated.options import Options
from bench.datasets.simulated.randomness import gumbel


def click_utility(
    options: Options,
    latents: NDArray[np.float32],
    quality: NDArray[np.float64],
    intent: NDArray[np.float32],
    taste: NDArray[np.float32],
) -> NDArray[np.float64]:
    """(n, K) utilities of shown items for the shopper, without noise.

    Args:
        options: the weights of its terms.
        latents, quality: (n, K, LATENT_DIM) and (n, K) of the shown items, the top first.
        intent, taste: (n, LATENT_DIM) of the query and of the user, on the grid.
    """
    wanted = np.zeros((len(latents), LATENT_DIM, 3), dtype=np.float32)
    wanted[:, :TEXT_DIM, 0], wanted[:, TEXT_DIM:, 1] = intent[:, :TEXT_DIM], intent[:, TEXT_DIM:]
    wanted[:, :, 2] = taste
    agreement = np.matmul(latents, wanted)  # (n, K, 3): <a*, a_i>, <u*, u_i>, <t, [a_i ; u_i]>
    scale = np.sqrt([TEXT_DIM, VISUAL_DIM, LATENT_DIM])
    knobs = options.knobs
    weights = np.array([knobs.text_signal, knobs.visual_signal, options.user_signal]) / scale
    rank = np.arange(1, latents.shape[1] + 1)
    position_signal = 0.0 if knobs.cascade else options.position_signal
    utility: NDArray[np.float64] = options.item_signal * quality - position_signal * np.log2(rank)
    for part, weight in enumerate(weights):
        utility += weight * agreement[:, :, part].astype(np.float64)
    return utility


def choose(
    utility: NDArray[np.float64], counts: NDArray[np.int64], options: Options, rng: Generator, depth_rng: Generator
) -> NDArray[np.bool_]:
    """(n, K) mask of the items that are clicked.

    Args:
        utility: (n, K) without noise, the top of the list first.
        counts: (n,) clicks on each list.
        options: the scale of the noise, and the cascade.
        rng: the random stream of the noise.
        depth_rng: that of how far down shoppers look.
    """
    rank = np.arange(1, utility.shape[1] + 1)
    # Where utilities tie (no signal, no noise), the higher rank wins.
    noisy = utility + options.noise * gumbel(rng, utility.shape) - 1e-9 * rank
    if options.knobs.cascade:
        depth = np.maximum(depth_rng.geometric(1 - options.knobs.cascade, len(utility)), counts)
        noisy[rank > depth[:, None]] = -np.inf
    return _largest(noisy, counts)


def log_examination(options: Options, shown: int) -> NDArray[np.float64]:
    """(K,) what a place costs an item in the logarithm of its odds: that of being looked at, on the utility's scale."""
    gamma = options.knobs.cascade
    per_place = (options.noise or 1.0) * float(np.log(gamma)) if gamma else 0.0
    return per_place * np.arange(shown, dtype=np.float64)


def _largest(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, K) mask of the ``counts[i]`` largest values of each row i."""
    ordered = np.sort(-values, axis=1)
    threshold = -ordered[np.arange(len(values)), np.maximum(counts, 1) - 1]
    largest: NDArray[np.bool_] = values >= threshold[:, None]
    return largest & (counts > 0)[:, None]
