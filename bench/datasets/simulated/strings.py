"""Identifiers of rows as Arrow strings."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from bench.data.csr import Integers


def numbered(prefix: str, numbers: Integers) -> pa.Array:
    """(n,) ``prefix`` and each of ``numbers`` (n,) in nine digits, such as ``beauty-s000000017``."""
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(prefix, digits, "")
