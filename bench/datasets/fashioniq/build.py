"""From the files of multi-turn FashionIQ to a corpus.

A turn becomes two steps: a product step, the product on show with its attribute words and the vector that stands in
for its image; and a keyword step, the words of its captions. The click of a keyword step is the product that came
next. It stands at a random rank among others of the same category and part: a training session's from the products of
``split.CATEGORY.train.json``, a test session's from those of ``split.CATEGORY.val.json``, as in the retrieval pools of
FashionIQ's own evaluation. A product step leads to words, not to a list, so it has no impressions.
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

from bench.data.csr import Integers, take_rows
from bench.data.schema import KEYWORD, PRODUCT, TEST, TRAIN
from bench.data.splits import carve_validation, check_sample, check_share, downstream_sample
from bench.data.word_vectors import ppmi_svd_vectors
from bench.data.writer import IMAGE_DIM, CorpusWriter
from bench.datasets.fashioniq.candidates import candidate_lists
from bench.datasets.fashioniq.files import CATEGORIES, COMMIT, PARTS, REPOSITORY, located
from bench.datasets.fashioniq.products import Products, read_products
from bench.datasets.fashioniq.turns import Turns, read_turns
from bench.errors import BenchError

LICENCE = "none stated by the repository; FashionIQ itself: Community Data License Agreement (CDLA)"

_Ragged = tuple[NDArray[np.int64], Integers]
"""Lists of words as ``(offsets, rows of the vocabulary)``."""
_STEPS = 5


def build(
    folder: Path, name: str, source: str | Path, progress: Callable[[int, int], None], options: dict[str, Any]
) -> dict[str, int]:
    """Writes the corpus; see :func:`bench.datasets.fashioniq.make`."""
    seed, valid_share = options["seed"], options["valid_share"]
    if folder.exists():
        raise BenchError("is there already", where=str(folder), fix="choose another --out or remove it")
    check_share(valid_share)
    check_sample(options["downstream"])
    with located(source, folder, options["verify"]) as (root, sums), duckdb.connect() as connection:
        connection.execute("SET threads = 1")  # files of 4 MB, and row numbers must follow their order
        progress(1, _STEPS)
        turns = read_turns(root, connection)
        progress(2, _STEPS)
        products = read_products(root, turns, connection, IMAGE_DIM, seed)
    split = np.where(turns.session_part == 0, TRAIN, TEST).astype(np.int8)
    split = carve_validation(split, turns.session_category, valid_share, seed)
    progress(3, _STEPS)
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
        progress(4, _STEPS)
    progress(_STEPS, _STEPS)
    return report


def _write(writer: CorpusWriter, turns: Turns, products: Products, split: Integers, options: dict[str, Any]) -> None:
    category = turns.session_category[turns.session]
    shown, following = products.rows(category, turns.shown), products.rows(category, turns.following)
    spoken = turns.words
    vocabulary = pc.unique(pa.concat_arrays([spoken.flatten(), products.words.flatten()]))
    vocabulary = vocabulary.take(pc.sort_indices(vocabulary))
    said, worn = _rows(spoken, vocabulary), _rows(products.words, vocabulary)

    trained = split[turns.session] == TRAIN
    seen = np.unique(np.concatenate([shown[trained], following[trained]]))
    contexts = [
        _join(take_rows(*said, np.flatnonzero(trained)), int(trained.sum())),
        _join(take_rows(*worn, seen), len(seen)),
    ]
    offsets, words = _concatenate(contexts)
    writer.vocabulary(vocabulary, ppmi_svd_vectors(offsets, words, len(vocabulary), seed=options["seed"]))
    writer.images(products.images)
    names = pa.array(CATEGORIES)
    item_category = names.take(pa.array(products.category))
    item_id = pc.binary_join_element_wise(item_category, products.asin, "-")
    domain = pa.array(["fashion"]).take(pa.array(np.zeros(len(item_id), np.int64)))
    writer.items(item_id, worn, products.image, item_category, domain)
    sessions, steps = len(turns.session_id), 2 * len(turns.session)
    sample = downstream_sample(sessions, options["downstream"], seed=options["seed"])
    writer.sessions(turns.session_id, pa.nulls(sessions), pa.nulls(sessions), split, sample)

    # steps alternate: product, keyword
    session = np.repeat(turns.session, 2)
    first = np.searchsorted(session, np.arange(sessions))
    position = np.arange(steps) - first[session]
    kind = np.tile([PRODUCT, KEYWORD], len(turns.session))
    query_id = pc.binary_join_element_wise(
        turns.session_id.take(pa.array(session)), pa.array(position).cast(pa.string()), "-"
    )
    image = np.where(kind == PRODUCT, products.image[np.repeat(shown, 2)], -1)
    both = _concatenate([worn, said])
    step_list = np.column_stack([shown, len(products.asin) + np.arange(len(shown))]).ravel()
    words_of_steps = _join(take_rows(*both, step_list), steps)
    writer.queries(query_id, session, position, pa.nulls(steps), kind, words_of_steps, image)

    items, place = _impressions(turns, products, following, options)
    turn, length = np.arange(len(shown)), items.shape[1]
    clicked = np.arange(length) == place[:, None]
    writer.impressions(
        np.repeat(2 * turn + 1, length),
        items.ravel(),
        np.tile(np.arange(1, length + 1), len(shown)),
        clicked.ravel(),
        pa.nulls(items.size),
    )


def _impressions(
    turns: Turns, products: Products, following: NDArray[np.int64], options: dict[str, Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Items (T, candidates) of each turn's list, and the place (T,) of the click in it."""
    items = np.empty((len(following), options["candidates"]), dtype=np.int64)
    place = np.empty(len(following), dtype=np.int64)
    rng = np.random.default_rng([options["seed"], 1])  # a stream of its own: the projection has the plain seed
    for category, category_name in enumerate(CATEGORIES):
        for part, part_name in enumerate(PARTS):
            pool = np.flatnonzero((products.category == category) & products.in_part[:, part])
            mine = (turns.session_category == category) & (turns.session_part == part)
            chosen = np.flatnonzero(mine[turns.session])
            found = candidate_lists(
                pool, following[chosen], options["candidates"], rng, f"split.{category_name}.{part_name}.json"
            )
            items[chosen], place[chosen] = found
    return items, place


def _report(turns: Turns, products: Products) -> dict[str, int]:
    per_session = np.bincount(turns.session)
    asins, places = np.unique(products.asin.to_numpy(zero_copy_only=False), return_counts=True)
    without = pc.unique(products.asin.filter(pa.array(products.image < 0)))
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
        "products_without_attributes": len(without),
        "products_in_two_categories": int((places > 1).sum()),
        "products_with_differing_attributes": products.attributes_differ,
    }


def _caveats(candidates: int) -> list[str]:
    return [
        "the image vectors are stand-ins made from attribute words: results on them say nothing about vision",
        f"candidates are sampled: the product that came next and {candidates - 1} others of the same category",
        "sessions were chained by the dataset's authors from pairwise annotations; there are no users and no times",
    ]


def _rows(lists: pa.ListArray, vocabulary: pa.Array) -> _Ragged:
    """Lists of words as CSR ``(offsets, rows of the vocabulary)``."""
    lengths = np.asarray(pc.list_value_length(lists)).astype(np.int64)
    return np.concatenate([[0], np.cumsum(lengths)]), np.asarray(pc.index_in(lists.flatten(), vocabulary))


def _join(taken: tuple[Integers, NDArray[np.int64]], rows: int) -> _Ragged:
    """``(values, owner)`` of :func:`bench.data.csr.take_rows` as ``(offsets, values)`` of that many rows."""
    values, owner = taken
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=rows))]), values


def _concatenate(parts: list[_Ragged]) -> _Ragged:
    """CSR blocks one after the other."""
    (first, left), (second, right) = parts
    return np.concatenate([first, first[-1] + second[1:]]), np.concatenate([left, right])
