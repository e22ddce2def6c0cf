"""From options to a corpus on disk: the catalogue, then the sessions in chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.data.csr import expand_ranges, offsets_of, take_rows
from bench.data.held_out import LEFT_OUT
from bench.data.mapped import pieces
from bench.data.published import CITATION
from bench.data.split_kinds import left_out_caveats
from bench.data.writer import CorpusWriter
from bench.datasets.simulated.calibration import calibrate
from bench.datasets.simulated.catalogue import Catalogue, make_catalogue
from bench.datasets.simulated.options import Options
from bench.datasets.simulated.shopping import Shopper, Shopping
from bench.datasets.simulated.strings import numbered
from bench.datasets.simulated.visits import SESSION_CHUNK, Steps, Visits, draw_steps, draw_visits

MODEL_VERSION = 2
"""Goes up with every change that gives other data for the same options."""

CAVEATS = (
    "simulated: sessions, clicks, words and image vectors come from a shopper model and say nothing of real shoppers",
    "sessions outside the downstream sample list clicked impressions only",
)


def generate(folder: str | Path, name: str, options: Options, progress: Callable[[int, int], None] | None) -> None:
    """Writes the corpus; see :func:`bench.datasets.simulated.make`. Memory is that of one chunk."""
    calibration = calibrate(name, options.shown)
    report = progress or (lambda done, total: None)
    source = {"dataset": name, "model_version": MODEL_VERSION, "calibrated_to": CITATION, "options": asdict(options)}
    source["knobs"] = asdict(options.knobs)
    with CorpusWriter(
        folder,
        name=name,
        origin="simulated",
        licence="Apache-2.0",
        caveats=CAVEATS,
        source=source,
        split=options.split,
    ) as writer:
        report(0, options.sessions)
        visits = draw_visits(name, options, calibration, writer.mapped)
        left_out = sum(int(np.count_nonzero(visits.split[piece] == LEFT_OUT)) for piece in pieces(options.sessions))
        writer.add_caveats(left_out_caveats(options.split, left_out))
        items = round(options.sessions * calibration.items_per_session)
        catalogue = make_catalogue(writer, name, options.seed, items, options.shown, calibration, options.knobs)
        writer.truth("items", catalogue.latents)
        shopper = Shopper(name, options, calibration, catalogue, visits.users, writer)
        for chunk, start in enumerate(range(0, options.sessions, SESSION_CHUNK)):
            rows = slice(start, min(start + SESSION_CHUNK, options.sessions))
            steps = draw_steps(name, options.seed, chunk, rows.stop - start, calibration)
            shopping = shopper.shop(chunk, steps, visits.user[rows], visits.downstream[rows])
            _write(writer, name, rows, visits, steps, shopping, catalogue)
            report(rows.stop, options.sessions)


def _write(
    writer: CorpusWriter,
    name: str,
    rows: slice,
    visits: Visits,
    steps: Steps,
    shopping: Shopping,
    catalogue: Catalogue,
) -> None:
    """Writes the sessions ``rows`` with their queries and impressions, but for those that no split may have."""
    number, first_query = np.arange(rows.start, rows.stop), writer.rows("queries")
    stays = visits.split[rows] != LEFT_OUT  # (n,)
    session = np.repeat(np.arange(len(number)), np.diff(steps.offsets))  # (Q,)
    asked = stays[session]  # (Q,)
    logged = asked[shopping.query]  # (P,)
    place = writer.rows("sessions") + np.cumsum(stays) - 1  # (n,) row in the corpus
    query = first_query + np.cumsum(asked) - 1  # (Q,) likewise
    writer.sessions(
        numbered(f"{name}-s", number[stays]),
        numbered(f"{name}-u", visits.user[rows][stays]),
        visits.start[rows][stays],
        visits.split[rows][stays],
        visits.downstream[rows][stays],
    )

    elapsed = np.cumsum(steps.gap) - steps.gap  # ms since the chunk's first query, as if sessions followed directly
    time = visits.start[rows][session] + elapsed - elapsed[steps.offsets[session]]
    position = np.arange(len(session)) - steps.offsets[session]
    offsets, words = _query_words(steps, shopping, catalogue)
    words, _ = take_rows(offsets, words, np.flatnonzero(asked))
    writer.queries(
        numbered(f"{name}-q", query[asked]),
        place[session[asked]],
        position[asked],
        time[asked],
        steps.product[asked].astype(np.int8),
        (offsets_of(np.diff(offsets)[asked]), words),
        shopping.source[asked],  # an item's image has the item's row
    )

    clicked = shopping.clicked[logged]
    clicked_at = pa.array((time[shopping.query] + shopping.wait)[logged], mask=~clicked)
    writer.impressions(query[shopping.query[logged]], shopping.item[logged], shopping.rank[logged], clicked, clicked_at)
    writer.truth("intents", shopping.intent[asked])
    writer.truth("utilities", shopping.utility[logged])


def _query_words(steps: Steps, shopping: Shopping, catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray]:
    """The words of all steps as CSR ``(offsets, word rows)``: a keyword query's own, a product query's title."""
    is_keyword = shopping.keywords >= 0
    item = shopping.source[steps.product]
    lengths = np.empty(len(steps.product), dtype=np.int64)
    lengths[~steps.product] = is_keyword.sum(axis=1)
    lengths[steps.product] = catalogue.word_offsets[item + 1] - catalogue.word_offsets[item]
    in_title, _ = expand_ranges(catalogue.word_offsets[item], catalogue.word_offsets[item + 1])
    words = np.empty(lengths.sum(), dtype=np.int32)
    of_product = np.repeat(steps.product, lengths)
    words[~of_product], words[of_product] = shopping.keywords[is_keyword], catalogue.words[in_title]
    return offsets_of(lengths), words
