"""The products of multi-turn FashionIQ: attribute words, and vectors that stand in for the images.

The images themselves are not among the published files, so a product's image vector is a random projection of its
attributes (:func:`stand_in_vectors`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from bench.data.csr import Integers, offsets_of
from bench.datasets.fashioniq.files import CATEGORIES, PARTS
from bench.datasets.fashioniq.turns import WORD, Turns
from bench.errors import BenchError

GROUPS = 6
"""Attribute groups of a product: kind, print, material, fit, part, style. The files don't name them."""

_RMS = 32.0  # of a stand-in vector's int8 entries: four deviations fit below 127


@dataclass(frozen=True)
class Products:
    """N items, each a product in a category: a product of two categories is an item in each.

    Were it one item, a candidate's category could differ from its session's and give the click away.

    Attributes:
        category: (N,) index into ``CATEGORIES``, ascending; ``asin`` ascends within a category.
        asin: (N,) product ids.
        in_part: (N, 2) whether the item is in the training part and in the val part.
        words: (N,) lists of attribute words.
        image: (N,) row of ``images``; -1 for a product without attributes.
        images: (I, dim) int8 stand-in vectors.
        attributes_differ: number of products whose attributes are not the same in the two attribute files; the
            training file's are used.
    """

    category: NDArray[np.int64]
    asin: pa.Array
    in_part: NDArray[np.bool_]
    words: pa.ListArray
    image: NDArray[np.int64]
    images: NDArray[np.int8]
    attributes_differ: int

    def rows(self, category: Integers, asin: pa.Array) -> NDArray[np.int64]:
        """(n,) item rows of the products ``asin`` (n,) in ``category`` (n,); each must be an item."""
        return np.asarray(pc.index_in(_keys(category, asin), _keys(self.category, self.asin))).astype(np.int64)


def read_products(root: Path, turns: Turns, connection: duckdb.DuckDBPyConnection, dim: int, seed: int) -> Products:
    """Reads the products of ``image_splits/`` and of the turns, with the attributes of ``attr/``.

    Args:
        root: the folder of the files.
        turns: the turns, whose products are items even where ``image_splits/`` omits them.
        connection: a DuckDB connection for temporary tables.
        dim: width of the stand-in image vectors.
        seed: of their projection.

    Raises:
        BenchError: a file is not JSON in UTF-8, or not of the documented form.
    """
    _listed(root, turns, connection)
    _attributes(root, connection)
    items = connection.sql(
        """SELECT category, asin, bool_or(part = 0) AS train, bool_or(part = 1) AS val FROM listed
           GROUP BY ALL ORDER BY category, asin"""
    ).to_arrow_table()
    category, asin = items["category"].to_numpy().astype(np.int64), items["asin"].combine_chunks()
    # one row per distinct attribute of a product that is an item, in order of group and position
    attributes = connection.sql(
        """SELECT asin, dense_rank() OVER (ORDER BY asin) - 1 AS product,
                  dense_rank() OVER (ORDER BY grp, value) - 1 AS feature, words
           FROM attribute SEMI JOIN listed USING (asin) ORDER BY asin, grp, position"""
    ).to_arrow_table()
    product, feature = attributes["product"].to_numpy(), attributes["feature"].to_numpy()
    product_asin = attributes["asin"].combine_chunks().take(np.unique(product, return_index=True)[1])
    image = np.asarray(pc.fill_null(pc.index_in(asin, product_asin), -1))
    ((differ,),) = connection.execute("SELECT count(*) FROM differing SEMI JOIN listed USING (asin)").fetchall()
    return Products(
        category,
        asin,
        np.column_stack([items["train"].to_numpy(), items["val"].to_numpy()]),
        _item_words(attributes, product, image),
        image.astype(np.int64),
        stand_in_vectors(product, feature, dim, seed),
        differ,
    )


def stand_in_vectors(product: Integers, feature: Integers, dim: int, seed: int) -> NDArray[np.int8]:
    """Random Gaussian projections of the products' attributes, in place of image vectors.

    Products with similar attributes get similar vectors; the vectors say nothing else, and nothing of the pictures.

    Args:
        product: (n,) product code of each attribute, from 0, without gaps.
        feature: (n,) code of each attribute, a value within a group, from 0.
        dim: width of the vectors.
        seed: of the projection.

    Returns:
        (products, dim) int8, all of the same norm but for rounding.
    """
    shape = (int(product.max(initial=-1)) + 1, int(feature.max(initial=-1)) + 1)
    incidence = sparse.csr_matrix((np.ones(len(product)), (product, feature)), shape=shape)
    vectors = incidence @ np.random.default_rng(seed).standard_normal((shape[1], dim))  # (products, dim)
    vectors *= _RMS / np.sqrt((vectors**2).mean(axis=1, keepdims=True))
    rounded: NDArray[np.int8] = vectors.round().clip(-127, 127).astype(np.int8)
    return rounded


def _listed(root: Path, turns: Turns, connection: duckdb.DuckDBPyConnection) -> None:
    """Makes table ``listed`` (category, part, asin): one row per product and list, repeated where turns repeat it."""
    connection.execute("CREATE TEMP TABLE listed (category INT, part INT, asin VARCHAR)")
    for category, category_name in enumerate(CATEGORIES):
        for part, part_name in enumerate(PARTS):
            path = root / "image_splits" / f"split.{category_name}.{part_name}.json"
            products = pa.table({"asin": _typed(path, _json(path), pa.string())})
            connection.register("products", products)
            connection.execute(f"INSERT INTO listed SELECT {category}, {part}, asin FROM products")
            connection.unregister("products")
    session = turns.session
    for asin in (turns.shown, turns.following):
        columns = [pa.array(turns.session_category[session]), pa.array(turns.session_part[session]), asin]
        connection.register("products", pa.table(columns, names=["category", "part", "asin"]))
        connection.execute("INSERT INTO listed SELECT * FROM products")
        connection.unregister("products")


def _attributes(root: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Makes tables ``attribute`` (asin, grp, value, position, words) and ``differing`` (asin)."""
    tables = []
    for part, part_name in enumerate(PARTS):
        path = root / "attr" / f"asin2attr.all.{part_name}.new.json"
        parsed = _json(path)
        if not isinstance(parsed, dict):
            raise BenchError("not a JSON object", where=str(path), fix="fetch the file again")
        groups = _typed(path, list(parsed.values()), pa.list_(pa.list_(pa.string())))
        tables.append(pa.table({"asin": list(parsed), "part": np.full(len(parsed), part), "groups": groups}))
    connection.register("given", pa.concat_tables(tables))
    connection.execute(
        """CREATE TEMP TABLE differing AS
           SELECT asin FROM given GROUP BY asin HAVING count(DISTINCT groups) > 1"""
    )
    # A product of several categories has its six groups several times over; the same value twice counts once.
    connection.execute(
        f"""CREATE TEMP TABLE attribute AS
            WITH chosen AS (SELECT asin, arg_min(groups, part) AS groups FROM given GROUP BY asin),
            grouped AS (
                SELECT asin, unnest(groups) AS vals, generate_subscripts(groups, 1) - 1 AS i FROM chosen),
            single AS (
                SELECT asin, i % {GROUPS} AS grp, lower(trim(unnest(vals), E' \\n\\t')) AS value,
                       i // {GROUPS} * 1000 + generate_subscripts(vals, 1) AS position FROM grouped)
            SELECT asin, grp, value, min(position) AS position,
                   regexp_extract_all(value, '{WORD.replace("'", "''")}') AS words
            FROM single WHERE regexp_matches(value, '[a-z0-9]') GROUP BY ALL"""
    )
    connection.unregister("given")


def _item_words(attributes: pa.Table, product: Integers, image: Integers) -> pa.ListArray:
    """(N,) lists of the items' words: those of the product's attributes; an empty list without attributes."""
    words = attributes["words"].combine_chunks()
    lengths = np.zeros(int(product.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(lengths, product, np.asarray(pc.list_value_length(words)))
    lists = pa.ListArray.from_arrays(pa.array(offsets_of(lengths), pa.int32()), words.flatten())
    empty = pa.array([[]], lists.type)
    return pa.concat_arrays([lists, empty]).take(pa.array(np.where(image < 0, len(lists), image)))


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or not UTF-8
        raise BenchError(f"not JSON: {error}", where=str(path), fix="fetch the file again") from None
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(path), fix="fetch the file again") from None


def _typed(path: Path, values: object, kind: pa.DataType) -> pa.Array:
    """Parsed JSON as an Arrow array of type ``kind``.

    The type is inferred before it is compared, since Arrow would convert a string to a list of its letters.

    Raises:
        BenchError: the values are of another type, or one is null.
    """
    empty = (pa.null(), pa.list_(pa.null()), pa.list_(pa.list_(pa.null())))
    try:
        array = pa.array(values)
        if array.null_count == 0 and array.type in (kind, *empty):
            return array.cast(kind)
        reason = f"is of type {array.type}, expected {kind}" if array.null_count == 0 else "has a null"
    except (pa.ArrowException, TypeError, UnicodeError, OverflowError) as error:  # half a surrogate pair; 10**30
        reason = str(error)
    raise BenchError(f"not of the documented form: {reason}", where=str(path), fix="fetch the file again")


def _keys(category: Integers, asin: pa.Array) -> pa.Array:
    """``CATEGORY/ASIN``, which names an item."""
    return pc.binary_join_element_wise(pa.array(category).cast(pa.string()), asin, "/")
