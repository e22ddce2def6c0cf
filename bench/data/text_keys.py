"""64-bit keys of texts, computed for a whole column at once: what stands for ids where there are too many to hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.data.csr import offsets_of

_WORD = 8  # bytes that are hashed together


def text_keys(texts: pa.Array, salt: int = 0) -> NDArray[np.uint64]:
    """(n,) keys of n texts, equal for equal texts.

    A key sums a hash of every eight bytes and their position, so that no loop runs over texts. Two of n different texts
    share a key with a probability of about n²/2^65; who must be certain compares the texts of equal keys, or takes keys
    of two salts.

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
    lengths = np.diff(bounds)
    offsets = offsets_of((lengths + _WORD - 1) // _WORD)  # of each text's words
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))  # of each word in its text
    at = np.repeat(bounds[:-1] - bounds[0], np.diff(offsets)) + _WORD * place
    words = np.ndarray((len(letters) - _WORD + 1,), "<u8", letters.data, strides=(1,))[at]
    beyond = np.maximum(_WORD * (place + 1) - np.repeat(lengths, np.diff(offsets)), 0).astype(np.uint64)
    words &= np.uint64(2**64 - 1) >> (np.uint64(8) * beyond)  # the bytes that follow are another text's
    position = _mixed(np.arange(int(place.max(initial=-1)) + 1).astype(np.uint64) + np.uint64(salt << 32))
    sums = np.zeros(len(words) + 1, dtype=np.uint64)
    np.cumsum(_mixed(words ^ position[place]), out=sums[1:])  # modulo 2^64
    return _mixed(sums[offsets[1:]] - sums[offsets[:-1]] + lengths.astype(np.uint64))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes (n,) of 64-bit numbers (n,), by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
