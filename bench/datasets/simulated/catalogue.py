"""The catalogue: leaf categories, and items with latents, titles, images and quality.

Given its leaf, an item's textual latent a and visual latent u are standard normal, and independent but for the world's
``correlation``. The title depends on a alone and the image on u and a background alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.csr import offsets_of
from bench.data.writer import IMAGE_DIM, CorpusWriter
from bench.datasets.simulated.calibration import MIN_TITLE, Calibration
from bench.datasets.simulated.language import (
    BRANCH_LEAVES,
    CENTRE_DIM,
    SELLER,
    TEXT_DIM,
    VISUAL_DIM,
    Language,
    branch_of,
    leaf_name,
    make_language,
)
from bench.datasets.simulated.latents import LATENT_DIM, draw_facets, latents_of
from bench.datasets.simulated.randomness import latent, on_grid, stream
from bench.datasets.simulated.strings import numbered
from bench.datasets.simulated.worlds import Knobs
from bench.errors import BenchError

MAX_LEAVES = 40
LEAF_ZIPF = 0.8  # exponent of the leaves' popularity
CANDIDATES = 2  # the engine looks at this many times ``shown`` items: no leaf is smaller
CENTRE_SCALE = 0.7  # of the domain's and of the leaf's part of a leaf centre
IMAGE_SCALE, IMAGE_NOISE = 0.22, 1.0
BACKGROUND_DIM = 8
ITEM_BLOCK = 8_192  # items made together; part of the model, since each block has its own random streams


@dataclass(frozen=True)
class Catalogue:
    """N items, sorted by leaf. What grows with N lies on disk, mapped.

    Attributes:
        language: words and pools.
        leaf_start: (C + 1,) offsets of the leaves into the items.
        latents: (N, TEXT_DIM + VISUAL_DIM) float32, [a ; u] of each item.
        quality: (N,) float64, standard normal.
        word_offsets, words: titles as CSR.
        seen: (N, VISUAL_DIM) float32, u as it can be read from each image.
    """

    language: Language
    leaf_start: NDArray[np.int64]
    latents: NDArray[np.float32]
    quality: NDArray[np.float64]
    word_offsets: NDArray[np.int64]
    words: NDArray[np.int32]
    seen: NDArray[np.float32]


def make_catalogue(
    writer: CorpusWriter, name: str, seed: int, count: int, shown: int, calibration: Calibration, knobs: Knobs
) -> Catalogue:
    """Draws the items of a category, and writes vocabulary, items and images.

    Args:
        writer: the corpus, opened.
        name: the category.
        seed: of the corpus.
        count: N.
        shown: results per query, which decide the least size of a leaf.
        calibration: of the category.
        knobs: of the world.

    Raises:
        BenchError: ``count`` items are too few for one leaf.
    """
    sizes = leaf_sizes(name, count, CANDIDATES * shown)
    leaves, leaf_start = len(sizes), offsets_of(sizes)
    centres, branch_centres = _centres(name, seed, leaves, knobs.branches)
    text_centres, visual_centres = centres[:, :CENTRE_DIM], centres[:, CENTRE_DIM:]
    language = make_language(name, seed, text_centres, branch_centres[:, :CENTRE_DIM], knobs)
    writer.vocabulary(language.words, language.vectors)

    latents, seen = writer.mapped((count, LATENT_DIM), np.float32), writer.mapped((count, VISUAL_DIM), np.float32)
    quality, word_offsets = writer.mapped((count,), np.float64), writer.mapped((count + 1,), np.int64)
    titles = writer.mapped((count * (MIN_TITLE + calibration.title_spread),), np.int32)  # as if all were the longest
    direction = on_grid(stream("quality", seed=seed, category=name).standard_normal((LATENT_DIM,)))
    image_map, names = _image_map(), pa.array([leaf_name(name, number) for number in range(leaves)])
    for block, start in enumerate(range(0, count, ITEM_BLOCK)):
        rows = slice(start, min(start + ITEM_BLOCK, count))
        block_leaf = np.searchsorted(leaf_start, np.arange(rows.start, rows.stop), side="right") - 1
        size = len(block_leaf)
        rng = stream("latents", seed=seed, category=name, block=block)
        normal, facet_rng = latent(rng, (size, LATENT_DIM)), stream("facets", seed=seed, category=name, block=block)
        latents[rows] = latents_of(normal, draw_facets(facet_rng, size, knobs), knobs)
        # quality = (<w, x> / |w| + e) / sqrt(2): partly a matter of taste that all share, partly the item's own
        common = (latents[rows] @ direction) / np.sqrt(np.sum(np.square(direction)))
        quality[rows] = (common + rng.standard_normal(size)) / np.sqrt(2)

        rng = stream("titles", seed=seed, category=name, block=block)
        lengths = MIN_TITLE + rng.binomial(calibration.title_spread, calibration.title_chance, size)
        words = language.draw(block_leaf, latents[rows, :TEXT_DIM], lengths, rng)  # (size, longest)
        words = language.spell(words, SELLER, stream("title spellings", seed=seed, category=name, block=block))
        first_word, ends = word_offsets[start], offsets_of(lengths)
        word_offsets[start + 1 : rows.stop + 1] = first_word + ends[1:]
        block_words = titles[first_word : first_word + ends[-1]]
        block_words[:] = words[words >= 0]

        # image = 127 · clip(scale · (M [ν ; u] + background + e)), with nothing of the textual latent in it
        images = np.concatenate([visual_centres[block_leaf], latents[rows, TEXT_DIM:]], axis=1) @ image_map.T
        rng = stream("images", seed=seed, category=name, block=block)
        images += np.float32(IMAGE_NOISE) * rng.standard_normal(images.shape, dtype=np.float32)
        if knobs.nuisance:
            rng = stream("background", seed=seed, category=name, block=block)
            images += latent(rng, (size, BACKGROUND_DIM)) @ _background_map(knobs.nuisance).T
        stored = np.rint(np.clip(images * np.float32(IMAGE_SCALE), -1, 1) * 127).astype(np.int8)
        seen[rows] = read_images(stored)
        writer.images(stored)
        writer.items(
            numbered(f"{name}-i", np.arange(rows.start, rows.stop)),
            (ends, block_words),
            np.arange(rows.start, rows.stop),
            pa.DictionaryArray.from_arrays(pa.array(block_leaf), names).cast(pa.string()),
            pa.array([name]).take(pa.array(np.zeros(size, dtype=np.int8))),
        )
    return Catalogue(language, leaf_start, latents, quality, word_offsets, titles[: word_offsets[-1]], seen)


def leaf_sizes(name: str, count: int, smallest: int) -> NDArray[np.int64]:
    """(C,) numbers of items per leaf, which fall as a power of the leaf's rank.

    C is the largest number of leaves, up to MAX_LEAVES, of which each has at least ``smallest`` items.

    Args:
        name: the category, for the error.
        count: number of items.
        smallest: items that a leaf needs.

    Raises:
        BenchError: ``count`` is less than ``smallest``.
    """
    if count < smallest:
        raise BenchError(
            f"{count} items are too few for lists to be chosen from {smallest}",
            where=f"{name}.sessions",
            fix="raise sessions or lower shown",
        )
    for leaves in range(MAX_LEAVES, 0, -1):
        weights = np.arange(1, leaves + 1) ** -LEAF_ZIPF
        ends = np.rint(np.cumsum(weights) / weights.sum() * count).astype(np.int64)
        sizes: NDArray[np.int64] = np.diff(ends, prepend=0)
        if sizes.min() >= smallest:
            break
    return sizes


def _centres(name: str, seed: int, leaves: int, shared: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Textual and visual centres side by side: (leaves, 2 CENTRE_DIM) of the leaves, (branches, …) of the branches.

    A leaf's is the sum of a normal draw of the domain's and one of its own, of which the branch's draw makes up the
    share ``shared`` of the variance.
    """
    domain = stream("domain", category=name).standard_normal((1, 2 * CENTRE_DIM))
    own = stream("leaves", seed=seed, category=name).standard_normal((leaves, 2 * CENTRE_DIM))
    branches = -(-leaves // BRANCH_LEAVES)
    branch = stream("branches", seed=seed, category=name).standard_normal((branches, 2 * CENTRE_DIM))
    if shared:
        own = np.sqrt(1 - shared) * own + np.sqrt(shared) * branch[branch_of(np.arange(leaves), branches)]
    return on_grid(CENTRE_SCALE * (domain + own)), on_grid(CENTRE_SCALE * (domain + np.sqrt(shared) * branch))


def read_images(images: NDArray[np.int8]) -> NDArray[np.float32]:
    """(n, VISUAL_DIM) visual latents as images (n, IMAGE_DIM) show them, on the grid: u and the noise in it."""
    image_map = _image_map()[:, CENTRE_DIM:].astype(np.float64)  # (IMAGE_DIM, VISUAL_DIM), multiples of 1/64
    scale = 127 * IMAGE_SCALE * np.square(image_map).sum(axis=0)  # of <M_u, image> / u
    return on_grid((images.astype(np.float64) @ image_map) / scale)  # the products are exact in any order of addition


def _background_map(variance: float) -> NDArray[np.float32]:
    """(IMAGE_DIM, BACKGROUND_DIM) map of a background of ``variance`` times the variance of the visual latent."""
    scale = np.sqrt(variance * VISUAL_DIM / (CENTRE_DIM + VISUAL_DIM) / BACKGROUND_DIM)
    return on_grid(scale * stream("background map").standard_normal((IMAGE_DIM, BACKGROUND_DIM)))


def _image_map() -> NDArray[np.float32]:
    """(IMAGE_DIM, CENTRE_DIM + VISUAL_DIM) map M, rows of about unit length, on a grid that keeps products exact."""
    width = CENTRE_DIM + VISUAL_DIM
    return on_grid(stream("image map").standard_normal((IMAGE_DIM, width)) / np.sqrt(width))
