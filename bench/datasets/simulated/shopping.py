"""The shopper model: intents, keyword queries, results, clicks, and the clicked item that becomes the next query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.data.writer import CorpusWriter
from bench.datasets.simulated.calibration import Calibration
from bench.datasets.simulated.catalogue import Catalogue
from bench.datasets.simulated.choices import choose, click_utility, log_examination
from bench.datasets.simulated.engine import Engine, read_titles, read_words
from bench.datasets.simulated.intents import Intents, draw_intents
from bench.datasets.simulated.language import SHOPPER, TEXT_DIM
from bench.datasets.simulated.latents import LATENT_DIM
from bench.datasets.simulated.options import Options
from bench.datasets.simulated.randomness import latent, stream
from bench.datasets.simulated.visits import Steps, keyword_lengths

_USERS = 65_536
"""Users whose tastes are drawn at once; however many, the draws are the same."""


@dataclass(frozen=True)
class Shopping:
    """The queries and impressions of the Q steps of a chunk.

    Attributes:
        keywords: (keyword queries, longest) word rows of the keyword queries, -1 after the end.
        source: (Q,) the item that a product query searches from, -1 for keyword queries.
        query: (P,) step of each logged impression, ascending.
        item, rank, clicked: (P,) of each logged impression; rank 1 is the top.
        wait: (P,) ms from the query to the click, -1 where there is none.
        intent: (Q, LATENT_DIM) [a* ; u*] of each step; nobody but a reference may know it.
        utility: (P,) float32, utility of each logged impression, its place included and the noise not; likewise.
    """

    keywords: NDArray[np.int32]
    source: NDArray[np.int64]
    query: NDArray[np.int64]
    item: NDArray[np.int64]
    rank: NDArray[np.int32]
    clicked: NDArray[np.bool_]
    wait: NDArray[np.int64]
    intent: NDArray[np.float32]
    utility: NDArray[np.float32]


class Shopper:
    """Simulates chunks of sessions, one after the other.

    Args:
        name, options, calibration: of the category.
        catalogue: its items.
        users: number of users; each has a taste.
        writer: of the corpus, which what grows with items and users lies beside.
    """

    def __init__(
        self,
        name: str,
        options: Options,
        calibration: Calibration,
        catalogue: Catalogue,
        users: int,
        writer: CorpusWriter,
    ) -> None:
        self._name, self._options, self._calibration, self._catalogue = name, options, calibration, catalogue
        self._engine = Engine(catalogue, options.shown, options.knobs.engine == "observed", writer)
        self._taste, rng = writer.mapped((users, LATENT_DIM), np.float32), self._stream("users", 1)
        for start in range(0, users, _USERS):
            self._taste[start : start + _USERS] = latent(rng, self._taste[start : start + _USERS].shape)

    def shop(self, chunk: int, steps: Steps, user: NDArray[np.int64], everything: NDArray[np.bool_]) -> Shopping:
        """Simulates the n sessions of a chunk, all sessions at once, step by step.

        Args:
            chunk: the chunk's number, which names its random streams.
            steps: its steps.
            user: (n,) user of each session.
            everything: (n,) whether all shown items are logged, or only the clicked ones.
        """
        engine_rng, click_rng, time_rng = (self._stream(p, chunk) for p in ("engine", "clicks", "click times"))
        depth_rng, place = self._stream("depths", chunk), log_examination(self._options, self._options.shown)
        intents = draw_intents(
            steps,
            self._catalogue.leaf_start,
            self._options.drift,
            self._options.knobs,
            *(self._stream(purpose, chunk) for purpose in ("intents", "moves", "session facets")),
        )
        leaf, intent = intents.leaf, intents.intent
        keywords = self._keywords(chunk, steps, intents)
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
            )  # (n', shown)
            clicked = choose(utility, steps.clicks[query], self._options, click_rng, depth_rng)
            click_time = time_rng.random(items.shape)  # as a share of the time until the next query

            last_clicked = items[np.arange(len(items)), np.argmax(np.where(clicked, click_time, -1.0), axis=1)]
            leads_on = position + 1 < lengths[session]  # and to a product query
            leads_on[leads_on] = steps.product[query[leads_on] + 1]
            source[query[leads_on] + 1] = last_clicked[leads_on]

            row, column = np.nonzero(clicked | everything[session][:, None])
            wait = 1 + (click_time[row, column] * (steps.gap[query[row]] - 1)).astype(np.int64)
            is_clicked = clicked[row, column]
            value = (utility + place)[row, column].astype(np.float32)
            logged.append(
                (query[row], items[row, column], column + 1, is_clicked, np.where(is_clicked, wait, -1), value)
            )

        query, item, rank, clicked, wait, value = (np.concatenate(column) for column in zip(*logged, strict=True))
        order = np.argsort(query * shown + rank - 1)
        return Shopping(
            keywords,
            source,
            query[order],
            item[order],
            rank[order].astype(np.int32),
            clicked[order],
            wait[order],
            intent,
            value[order],
        )

    def _stream(self, purpose: str, chunk: int) -> Generator:
        return stream(purpose, seed=self._options.seed, category=self._name, block=chunk)

    def _keywords(self, chunk: int, steps: Steps, intents: Intents) -> NDArray[np.int32]:
        """(keyword queries, longest) word rows of the chunk's keyword queries, drawn for their textual intents."""
        query = np.flatnonzero(~steps.product)
        query_leaf = np.repeat(intents.leaf, np.diff(steps.offsets))[query]
        counts = keyword_lengths(self._name, self._options.seed, chunk, len(query), self._calibration)
        rng, language = self._stream("keywords", chunk), self._catalogue.language
        precision = intents.precision[query] if self._options.knobs.reformulation else None
        meanings = language.draw(query_leaf, intents.intent[query, :TEXT_DIM], counts, rng, precision)
        return language.spell(meanings, SHOPPER, self._stream("spellings", chunk))

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
        reading[is_product, TEXT_DIM:] = self._engine.visual(item)
        return reading
