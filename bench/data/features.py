"""The frozen inputs of every model: word vectors and image vectors, looked up by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.csr import Integers, take_rows
from bench.kernels import mean_rows
from bench.kernels.doors import loops_over_arrays

if TYPE_CHECKING:
    from bench.data.corpus import Corpus

_INT8_SCALE = 1.0 / 127.0  # as the authors of the released vectors divide them


def segment_mean(values: Tensor, segment: Tensor, segments: int) -> Tensor:
    """(segments, d) mean of the rows of ``values`` (n, d) in each segment, zero where a segment is empty.

    Args:
        values: the rows.
        segment: (n,) which segment each belongs to, in any order.
        segments: how many there are.
    """
    sums = values.new_zeros(segments, values.shape[1]).index_add_(0, segment, values)
    return sums / torch.bincount(segment, minlength=segments).clamp(min=1).unsqueeze(1)


@dataclass(frozen=True)
class Dims:
    """Widths of the input vectors.

    Attributes:
        words: width of a word vector.
        images: width of an image vector.
    """

    words: int = 50
    images: int = 512


class Features:
    """Word and image vectors. Words lie in memory; images stay memory-mapped on the CPU and are read row by row.

    Args:
        word_vectors: (V, dims.words) float32.
        image_vectors: (I, dims.images), int8 to be divided by 127, or float32.
        device: where looked-up vectors are put.
    """

    def __init__(
        self,
        word_vectors: Tensor,
        image_vectors: NDArray[np.int8 | np.float32] | Tensor,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.word_vectors = word_vectors.to(self.device)
        self._images = np.asarray(image_vectors) if isinstance(image_vectors, np.ndarray) else image_vectors
        if self.device.type != "cpu" and not isinstance(image_vectors, Tensor):
            self._images = torch.from_numpy(np.array(image_vectors)).to(self.device)
        self._int8: NDArray[np.int8] | None = None
        if isinstance(self._images, np.ndarray) and self._images.dtype == np.int8:
            self._int8 = self._images.view(np.int8)
        self.dims = Dims(word_vectors.shape[1], image_vectors.shape[1])

    @classmethod
    def of(cls, corpus: Corpus, device: torch.device | str = "cpu") -> Features:
        """The features of a corpus."""
        return cls(torch.from_numpy(np.array(corpus.word_vectors)), corpus.image_vectors, device)

    def words(self, ids: Tensor) -> Tensor:
        """Vectors (n, dims.words) of the words with these rows (n,)."""
        return self.word_vectors.index_select(0, ids)

    def mean_words(self, offsets: Integers, words: Integers, rows: Integers) -> Tensor:
        """(n, dims.words) mean vector of the words of each of these rows (n,), zero without words.

        Args:
            offsets, words: the words of all rows as CSR, such as those of a corpus's queries or items.
            rows: which of them.
        """
        word, owner = take_rows(np.asarray(offsets), np.asarray(words), rows)
        ids = torch.from_numpy(word.astype(np.int64)).to(self.device)
        return self.word_means(ids, torch.from_numpy(owner).to(self.device), len(rows))

    def word_means(self, words: Tensor, owner: Tensor, owners: int) -> Tensor:
        """(owners, dims.words) mean vector of each owner's words, zero for one without.

        Args:
            words: (W,) rows of words.
            owner: (W,) whose each word is, 0 … owners - 1, ascending.
            owners: how many there are.
        """
        return mean_rows(self.word_vectors, words, owner, owners)

    def images(self, rows: Tensor) -> Tensor:
        """Vectors (n, dims.images), float32, of the images with these rows (n,)."""
        if isinstance(self._images, Tensor):
            vectors = self._images.index_select(0, rows)
        elif self._int8 is not None:
            return self._scaled(self._int8, rows)
        else:
            vectors = torch.from_numpy(self._images[rows.numpy()])
        return vectors.float().mul_(_INT8_SCALE) if vectors.dtype == torch.int8 else vectors.float()

    def images_or_zero(self, rows: Tensor) -> Tensor:
        """Vectors (…, dims.images), float32, of the images with these rows (…), zero where there is none: -1."""
        if not len(self._images):
            return self.word_vectors.new_zeros(*rows.shape, self.dims.images)
        if self._int8 is not None:
            return self._scaled(self._int8, rows.flatten()).view(*rows.shape, self.dims.images)
        vectors = self.images(rows.clamp(min=0).flatten()).view(*rows.shape, self.dims.images)
        if bool((rows < 0).any()):
            vectors *= (rows >= 0).unsqueeze(-1)
        return vectors

    def _scaled(self, images: NDArray[np.int8], rows: Tensor) -> Tensor:
        """(n, dims.images) of these rows (n,); one of -1 is zero."""
        known, scale = rows.contiguous().numpy(), np.float32(_INT8_SCALE)
        vectors = torch.empty(len(rows), self.dims.images)
        loops = loops_over_arrays("bench.kernels.image_rows")
        if loops is not None:
            found = loops.gather_scaled(images, known, scale, vectors.numpy())
        else:
            strange = np.flatnonzero((known < -1) | (known >= len(images)))
            found = int(strange[0]) if len(strange) else len(known)
            vectors[:found] = torch.from_numpy(images[known[:found]] * scale * (known[:found, None] >= 0))
        if found < len(known):
            raise IndexError(f"images have the rows 0 to {len(images) - 1}, not {known[found]}")
        return vectors
