"""The shopper model: intents, keyword queries, results, clicks, and the clicked item that becomes the next query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.data.csr import Integers
from bench.datasets.simulated.calibration import Calibration
from bench.datasets.simulated.catalogue import Catalogue
from bench.datasets.simulated.engine import Engine, read_titles, read_words
from bench.datasets.simulated.language import TEXT_DIM, VISUAL_DIM
from bench.datasets.simulated.options import Options
from bench.datasets.simulated.randomness import gumbel, latent, on_grid, stream
from bench.datasets.simulated.visits import Steps, keyword_lengths

LATENT_DIM = TEXT_DIM + VISUAL_DIM


@dataclass(frozen=True)
class Shopping:
    """The queries and impressions of the Q steps of a chunk.

    Attributes:
        keywords: (keyword queries, longest) word rows of the keyword queries, -1 after the end.
        source: (Q,) the item that a product query searches from, -1 for keyword queries.
        query: (P,) step of each logged impression, ascending.
        item, rank, clicked: (P,) of each logged impression; rank 1 is the top.
        wait: (P,) ms from the query to the click, -1 where there is none.
    """

    keywords: NDArray[np.int32]
    source: NDArray[np.int64]
    query: NDArray[np.int64]
    item: NDArray[np.int64]
    rank: NDArray[np.int32]
    clicked: NDArray[np.bool_]
    wait: NDArray[np.int64]


class Shopper:
    """Simulates chunks of sessions, one after the other.

    Args:
        name, options, calibration: of the category.
        catalogue: its items.
        users: number of users; each has a taste.
    """

    def __init__(self, name: str, options: Options, calibration: Calibration, catalogue: Catalogue, users: int) -> None:
        self._name, self._options, self._calibration, self._catalogue = name, options, calibration, catalogue
        self._engine = Engine(catalogue, options.shown)
        self._taste = latent(stream("users", seed=options.seed, category=name, block=1), (users, LATENT_DIM))

    def shop(self, chunk: int, steps: Steps, user: NDArray[np.int64], everything: NDArray[np.bool_]) -> Shopping:
        """Simulates the n sessions of a chunk, all sessions at once, step by step.

        Args:
            chunk: the chunk's number, which names its random streams.
            steps: its steps.
            user: (n,) user of each session.
            everything: (n,) whether all shown items are logged, or only the clicked ones.
        """
        engine_rng, click_rng, time_rng = (self._stream(p, chunk) for p in ("engine", "clicks", "click times"))
        leaf, intent = self._intents(steps, self._stream("intents", chunk))
        keywords = self._keywords(chunk, steps, leaf, intent)
        keyword_row = np.cumsum(~steps.product) - 1
        source = np.full(len(steps.product), -1, dtype=np.int64)
        used = np.full((len(user), int(np.diff(steps.offsets).max())), -1, dtype=np.int64)  # source by position
        taste, shown = self._taste[user], self._options.shown
        logged: list[tuple[NDArray[Any], ...]] = []

        lengths = np.diff(steps.offsets)
        longest_first = np.argsort(-lengths, kind="stable")
        for position in range(int(lengths.max())):
            session = longest_first[: np.count_nonzero(lengths > position)]  # (n',) those with a step at this position
            query = steps.offsets[session] + position
            reading = self._read(query, steps.product, source, keywords, keyword_row)
            used[session, position] = source[query]
            searched = used[session, : position + 1]
            items = self._engine.search(leaf[session], reading, searched, engine_rng)  # (n', shown)
            utility = click_utility(
                self._options,
                self._catalogue.latents[items],
                self._catalogue.quality[items],
                intent[query],
                taste[session],
                click_rng,
            )
            clicked = _largest(utility, steps.clicks[query])
            click_time = time_rng.random(items.shape)  # as a share of the time until the next query

            last_clicked = items[np.arange(len(items)), np.argmax(np.where(clicked, click_time, -1.0), axis=1)]
            leads_on = position + 1 < lengths[session]  # and to a product query
            leads_on[leads_on] = steps.product[query[leads_on] + 1]
            source[query[leads_on] + 1] = last_clicked[leads_on]

            row, column = np.nonzero(clicked | everything[session][:, None])
            wait = 1 + (click_time[row, column] * (steps.gap[query[row]] - 1)).astype(np.int64)
            is_clicked = clicked[row, column]
            logged.append((query[row], items[row, column], column + 1, is_clicked, np.where(is_clicked, wait, -1)))

        query, item, rank, clicked, wait = (np.concatenate(column) for column in zip(*logged, strict=True))
        order = np.argsort(query * shown + rank - 1)
        return Shopping(
            keywords, source, query[order], item[order], rank[order].astype(np.int32), clicked[order], wait[order]
        )

    def _stream(self, purpose: str, chunk: int) -> Generator:
        return stream(purpose, seed=self._options.seed, category=self._name, block=chunk)

    def _intents(self, steps: Steps, rng: Generator) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Leaf (n,) of each session and intent [a* ; u*] (Q, LATENT_DIM) of each step."""
        lengths = np.diff(steps.offsets)
        start, items = self._catalogue.leaf_start, self._catalogue.leaf_start[-1]
        leaf = np.searchsorted(start, rng.integers(items, size=len(lengths)), side="right") - 1  # as popular as large
        intent = rng.standard_normal((len(steps.product), LATENT_DIM))
        stay, drift = np.sqrt(1 - self._options.drift**2), self._options.drift
        for position in range(1, int(lengths.max())):
            query = steps.offsets[:-1][lengths > position] + position
            intent[query] = stay * intent[query - 1] + drift * intent[query]  # x' = sqrt(1 - δ²) x + δ ε
        return leaf, on_grid(intent)

    def _keywords(self, chunk: int, steps: Steps, leaf: Integers, intent: NDArray[np.float32]) -> NDArray[np.int32]:
        """(keyword queries, longest) word rows of the chunk's keyword queries, drawn for their textual intents."""
        query = np.flatnonzero(~steps.product)
        query_leaf = np.repeat(leaf, np.diff(steps.offsets))[query]
        counts = keyword_lengths(self._name, self._options.seed, chunk, len(query), self._calibration)
        rng = self._stream("keywords", chunk)
        return self._catalogue.language.draw(query_leaf, intent[query, :TEXT_DIM], counts, rng)

    def _read(
        self,
        query: NDArray[np.int64],
        product: NDArray[np.bool_],
        source: NDArray[np.int64],
        keywords: NDArray[np.int32],
        keyword_row: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """(n, LATENT_DIM) [r_text ; r_visual] of the queries ``query`` (n,), as the engine reads them."""
        reading = np.zeros((len(query), LATENT_DIM), dtype=np.float32)
        is_product = product[query]
        keyword_query, item = query[~is_product], source[query[is_product]]
        words = keywords[keyword_row[keyword_query]]
        reading[~is_product, :TEXT_DIM] = read_words(self._catalogue.language.meanings, words)
        reading[is_product, :TEXT_DIM] = read_titles(self._catalogue, item)
        reading[is_product, TEXT_DIM:] = self._catalogue.latents[item, TEXT_DIM:]
        return reading


def click_utility(
    knobs: Options,
    latents: NDArray[np.float32],
    quality: NDArray[np.float64],
    intent: NDArray[np.float32],
    taste: NDArray[np.float32],
    rng: Generator,
) -> NDArray[np.float64]:
    """(n, K) utilities of shown items for the shopper, noise included.

    Args:
        knobs: the weights of its terms.
        latents, quality: (n, K, LATENT_DIM) and (n, K) of the shown items, the top first.
        intent, taste: (n, LATENT_DIM) of the query and of the user, on the grid.
        rng: the random stream of the noise.
    """
    wanted = np.zeros((len(latents), LATENT_DIM, 3), dtype=np.float32)
    wanted[:, :TEXT_DIM, 0], wanted[:, TEXT_DIM:, 1] = intent[:, :TEXT_DIM], intent[:, TEXT_DIM:]
    wanted[:, :, 2] = taste
    agreement = np.matmul(latents, wanted)  # (n, K, 3): <a*, a_i>, <u*, u_i>, <t, [a_i ; u_i]>
    scale = np.sqrt([TEXT_DIM, VISUAL_DIM, LATENT_DIM])
    weights = np.array([knobs.text_signal, knobs.visual_signal, knobs.user_signal]) / scale
    rank = np.arange(1, latents.shape[1] + 1)
    utility = knobs.item_signal * quality - knobs.position_signal * np.log2(rank)
    for part, weight in enumerate(weights):
        utility += weight * agreement[:, :, part].astype(np.float64)
    # Where utilities tie (no signal, no noise), the higher rank wins.
    return utility + knobs.noise * gumbel(rng, utility.shape) - 1e-9 * rank


def _largest(values: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, K) mask of the ``counts[i]`` largest values of each row i."""
    ordered = np.sort(-values, axis=1)
    threshold = -ordered[np.arange(len(values)), np.maximum(counts, 1) - 1]
    largest: NDArray[np.bool_] = values >= threshold[:, None]
    return largest & (counts > 0)[:, None]
