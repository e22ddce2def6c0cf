"""64-bit keys of texts, computed for a whole column at once: what stands for ids where there are too many to hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.csr import offsets_of


def text_keys(texts: pa.Array) -> NDArray[np.uint64]:
    """(n,) keys of n texts, equal for equal texts.

    A key sums a hash of each byte and its position, so that no loop runs over texts. Two of n different texts share a
    key with a probability of about n²/2^65; who must be certain compares the texts of equal keys.

    Args:
        texts: strings without nulls.
    """
    texts = texts.cast(pa.large_string())
    if not len(texts):
        return np.zeros(0, dtype=np.uint64)
    _, ends, data = texts.buffers()
    bounds = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]].astype(np.uint64)
    lengths = np.diff(bounds)
    offsets = offsets_of(lengths)
    position = (np.arange(len(letters)) - np.repeat(offsets[:-1], lengths)).astype(np.uint64)
    sums = np.zeros(len(letters) + 1, dtype=np.uint64)
    np.cumsum(_mixed((position << np.uint64(8)) | letters), out=sums[1:])  # modulo 2^64
    return _mixed(sums[offsets[1:]] - sums[offsets[:-1]] + lengths.astype(np.uint64))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes (n,) of 64-bit numbers (n,), by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
