"""The products that a session touched: those that were clicked in it, and those that it searched from.

A product query names no item, only its image. So a product is known by its image: a clicked item and a product query
with one image row are one product, and so are two items with one. An item without an image is a product of its own,
which only a click can touch; in a corpus without images, products are the clicked items.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.columns import Columns
from bench.data.csr import Integers


class Products:
    """The products of items and of queries.

    Args:
        columns: of the corpus.
    """

    def __init__(self, columns: Columns) -> None:
        self._of_item, self._of_query = np.asarray(columns.item_image), np.asarray(columns.query_image)
        self._images = max(int(self._of_item.max(initial=-1)), int(self._of_query.max(initial=-1))) + 1

    def touched(
        self, items: Integers, item_owner: Integers, queries: Integers, query_owner: Integers
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """``(products, owner)``, (n,) both: those of clicked items, then those of queries with an image.

        Args:
            items, item_owner: (clicks,) clicked items, and the session, 0 … B - 1, of each.
            queries, query_owner: (T,) rows of all queries of these sessions, and the session of each.
        """
        image, searched = self._of_item[items].astype(np.int64), self._of_query[queries].astype(np.int64)
        known = searched >= 0
        products = np.concatenate([np.where(image >= 0, image, self._images + items), searched[known]])
        return products, np.concatenate([item_owner, query_owner[known]])
