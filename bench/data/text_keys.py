"""64-bit keys of texts, computed for a whole column at once: what stands for ids where there are too many to hold."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_WORD = 8  # bytes that are hashed together
_LONG = 512  # bytes: a longer text is no id, and is hashed by itself
_ALL = np.uint64(2**64 - 1)


def text_keys(texts: pa.Array, salt: int = 0) -> NDArray[np.uint64]:
    """(n,) keys of n texts, equal for equal texts.

    A key sums a hash of every eight bytes and their position, so that a loop runs over positions and not over texts.
    Two of n different texts share a key with a probability of about n²/2^65; who must be certain compares the texts of
    equal keys, or takes keys of two salts.

    Args:
        texts: strings without nulls.
        salt: another number gives keys that have nothing to do with these.
    """
    texts = texts.cast(pa.large_string())
    if not len(texts):
        return np.zeros(0, dtype=np.uint64)
    _, ends, data = texts.buffers()
    bounds = np.frombuffer(ends, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.zeros(int(bounds[-1] - bounds[0]) + _WORD, dtype=np.uint8)  # a word may go over the last text's end
    letters[:-_WORD] = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]
    word_at = np.ndarray((len(letters) - _WORD + 1,), "<u8", letters.data, strides=(1,))
    start, lengths = bounds[:-1] - bounds[0], np.diff(bounds)
    sums, rows = lengths.astype(np.uint64), np.flatnonzero(lengths <= _LONG)
    at, left, place = start[rows], lengths[rows], _mixed(np.array([salt << 32], dtype=np.uint64))
    while len(rows):
        going = left > 0
        if not going.all():
            rows, at, left = rows[going], at[going], left[going]
        words = word_at[at]
        if len(left) and left.min() < _WORD:  # the bytes that follow are another text's
            words &= _ALL >> (np.maximum(_WORD - left, 0) * 8).astype(np.uint64)
        sums[rows] += _mixed(words ^ place)  # modulo 2^64
        at, left, place = at + _WORD, left - _WORD, _mixed(place)
    keys = _mixed(sums)
    for row in np.flatnonzero(lengths > _LONG):
        text = letters[start[row] : start[row] + lengths[row]]
        digest = hashlib.blake2b(text.data, digest_size=_WORD, salt=salt.to_bytes(_WORD, "little")).digest()
        keys[row] = int.from_bytes(digest, "little")
    return keys


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes (n,) of 64-bit numbers (n,), by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
