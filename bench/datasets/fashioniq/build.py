"""The corpus of multi-turn FashionIQ: how turns become steps, impressions and clicks.

A turn becomes two steps. The first is a product query: the product on show, with its attribute words and the vector
that stands in for its image. The second is a keyword query: the words of the turn's captions. The click of a keyword
query is the product of the next turn, at a random rank among sampled products of the same category and part. A training
session's candidates come from ``split.CATEGORY.train.json``, a test session's from ``split.CATEGORY.val.json``, as in
the retrieval pools of FashionIQ's own evaluation (Wu et al., CVPR 2021). A product query has no impressions, since its
answer was a caption and not a list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bench.data.csr import Integers, offsets_of, take_rows
from bench.data.making import check_free
from bench.data.schema import KEYWORD, PRODUCT, TEST, TRAIN
from bench.data.splits import carve_validation, check_sample, check_share, downstream_sample
from bench.data.word_vectors import ppmi_svd_vectors
from bench.data.writer import IMAGE_DIM, CorpusWriter
from bench.datasets.fashioniq.candidates import candidate_lists
from bench.datasets.fashioniq.files import CATEGORIES, COMMIT, PARTS, REPOSITORY, located
from bench.datasets.fashioniq.products import Products, read_products
from bench.datasets.fashioniq.turns import Turns, read_turns

LICENCE = "none stated by the repository; FashionIQ itself: Community Data License Agreement (CDLA)"

_STAGES = 5  # that progress counts


def build(
    folder: Path, name: str, source: str | Path, progress: Callable[[int, int], None], options: dict[str, Any]
) -> dict[str, int]:
    """Writes the corpus; see :func:`bench.datasets.fashioniq.make`."""
    seed, valid_share = options["seed"], options["valid_share"]
    check_free(folder)
    check_share(valid_share)
    check_sample(options["downstream"])
    with located(source, folder, options["verify"]) as (root, sums), duckdb.connect() as connection:
        connection.execute("SET threads = 1")  # files of 4 MB, and row numbers must follow their order
        progress(1, _STAGES)
        turns = read_turns(root, connection)
        progress(2, _STAGES)
        products = read_products(root, turns, connection, IMAGE_DIM, seed)
    split = np.where(turns.session_part == 0, TRAIN, TEST).astype(np.int8)
    split = carve_validation(split, turns.session_category, valid_share, seed)
    progress(3, _STAGES)
    report = _report(turns, products)
    writer = CorpusWriter(
        folder,
        name=name,
        origin="real",
        licence=LICENCE,
        caveats=_caveats(options["candidates"]),
        source={"repository": REPOSITORY, "commit": COMMIT, "files": sums, "options": options, "report": report},
    )
    with writer:
        _write(writer, turns, products, split, options)
        progress(4, _STAGES)
    progress(_STAGES, _STAGES)
    return report


def _write(writer: CorpusWriter, turns: Turns, products: Products, split: Integers, options: dict[str, Any]) -> None:
    """Writes all tables: vocabulary, images, items, sessions, queries, impressions."""
    category = turns.session_category[turns.session]
    shown, following = products.rows(category, turns.shown), products.rows(category, turns.following)
    vocabulary = pc.unique(pa.concat_arrays([turns.words.flatten(), products.words.flatten()]))
    vocabulary = vocabulary.take(pc.sort_indices(vocabulary))
    captions, titles = _word_rows(turns.words, vocabulary), _word_rows(products.words, vocabulary)

    # word vectors come from training turns only: their captions, and the products on either side of them
    trained = split[turns.session] == TRAIN
    trained_products = np.unique(np.concatenate([shown[trained], following[trained]]))
    offsets, words = _concatenate(_select(captions, np.flatnonzero(trained)), _select(titles, trained_products))
    writer.vocabulary(vocabulary, ppmi_svd_vectors(offsets, words, len(vocabulary), seed=options["seed"]))
    writer.images(products.images)
    item_category = pa.array(CATEGORIES).take(pa.array(products.category))
    item_id = pc.binary_join_element_wise(item_category, products.asin, "-")
    domain = pa.array(["fashion"]).take(pa.array(np.zeros(len(item_id), np.int64)))
    writer.items(item_id, titles, products.image, item_category, domain)
    sessions, steps = len(turns.session_id), 2 * len(turns.session)
    sample = downstream_sample(sessions, options["downstream"], seed=options["seed"])
    writer.sessions(turns.session_id, pa.nulls(sessions), pa.nulls(sessions), split, sample)

    # steps alternate: product, keyword
    session = np.repeat(turns.session, 2)
    session_start = np.searchsorted(session, np.arange(sessions))
    position = np.arange(steps) - session_start[session]
    kind = np.tile([PRODUCT, KEYWORD], len(turns.session))
    query_id = pc.binary_join_element_wise(
        turns.session_id.take(pa.array(session)), pa.array(position).cast(pa.string()), "-"
    )
    image = np.where(kind == PRODUCT, products.image[np.repeat(shown, 2)], -1)
    step_text = np.column_stack([shown, len(products.asin) + np.arange(len(shown))]).ravel()  # row of titles, captions
    step_words = _select(_concatenate(titles, captions), step_text)
    writer.queries(query_id, session, position, pa.nulls(steps), kind, step_words, image)

    candidates, clicked_column = _candidates(turns, products, following, options)
    keyword_query, length = 2 * np.arange(len(shown)) + 1, candidates.shape[1]
    clicked = np.arange(length) == clicked_column[:, None]  # (T, length)
    writer.impressions(
        np.repeat(keyword_query, length),
        candidates.ravel(),
        np.tile(np.arange(1, length + 1), len(shown)),
        clicked.ravel(),
        pa.nulls(candidates.size),
    )


def _candidates(
    turns: Turns, products: Products, following: NDArray[np.int64], options: dict[str, Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Candidate lists (T, candidates) of the T turns, and the column (T,) of the clicked product in each."""
    candidates = np.empty((len(following), options["candidates"]), dtype=np.int64)
    clicked_column = np.empty(len(following), dtype=np.int64)
    rng = np.random.default_rng([options["seed"], 1])  # a stream of its own: the projection has the plain seed
    for category, category_name in enumerate(CATEGORIES):
        for part, part_name in enumerate(PARTS):
            pool = np.flatnonzero((products.category == category) & products.in_part[:, part])
            in_pool = (turns.session_category == category) & (turns.session_part == part)  # (S,)
            turn = np.flatnonzero(in_pool[turns.session])
            candidates[turn], clicked_column[turn] = candidate_lists(
                pool, following[turn], options["candidates"], rng, f"split.{category_name}.{part_name}.json"
            )
    return candidates, clicked_column


def _report(turns: Turns, products: Products) -> dict[str, int]:
    """Counts of sessions, turns and products, by what is said of them."""
    per_session = np.bincount(turns.session)
    asins, categories = np.unique(products.asin.to_numpy(zero_copy_only=False), return_counts=True)
    without_attributes = pc.unique(products.asin.filter(pa.array(products.image < 0)))
    train = turns.session_part == 0
    return {
        "sessions_train": int(train.sum()),
        "sessions_val": int((~train).sum()),
        "sessions_with_one_turn": int((per_session == 1).sum()),
        "turns": len(turns.session),
        "turns_without_words": int((np.asarray(pc.list_value_length(turns.words)) == 0).sum()),
        "turns_without_two_captions": int((turns.captions != 2).sum()),
        "turns_that_stay_on_the_product": int(np.asarray(pc.equal(turns.shown, turns.following)).sum()),
        "products": len(asins),
        "products_without_attributes": len(without_attributes),
        "products_in_two_categories": int((categories > 1).sum()),
        "products_with_differing_attributes": products.attributes_differ,
    }


def _caveats(candidates: int) -> list[str]:
    return [
        "the image vectors are stand-ins made from attribute words: results on them say nothing about vision",
        f"candidates are sampled: the product that came next and {candidates - 1} others of the same category",
        "sessions were chained by the dataset's authors from pairwise annotations; there are no users and no times",
    ]


def _word_rows(lists: pa.ListArray, vocabulary: pa.Array) -> tuple[Integers, Integers]:
    """Lists of words as CSR ``(offsets, rows of the vocabulary)``."""
    lengths = np.asarray(pc.list_value_length(lists)).astype(np.int64)
    return offsets_of(lengths), np.asarray(pc.index_in(lists.flatten(), vocabulary))


def _select(texts: tuple[Integers, Integers], rows: Integers) -> tuple[Integers, Integers]:
    """The CSR rows ``rows`` of ``(offsets, values)``, in that order, as ``(offsets, values)`` again."""
    values, owner = take_rows(*texts, rows)
    return offsets_of(np.bincount(owner, minlength=len(rows))), values


def _concatenate(upper: tuple[Integers, Integers], lower: tuple[Integers, Integers]) -> tuple[Integers, Integers]:
    """The rows of two CSR matrices, ``(offsets, values)`` each, one below the other."""
    (upper_offsets, upper_values), (lower_offsets, lower_values) = upper, lower
    offsets = np.concatenate([upper_offsets, upper_offsets[-1] + lower_offsets[1:]])
    return offsets, np.concatenate([upper_values, lower_values])
