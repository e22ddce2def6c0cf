"""The frozen inputs of every model: word vectors and image vectors, looked up by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.data.csr import Integers, take_rows

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
        offsets = np.asarray(offsets)
        word, _ = take_rows(offsets, np.asarray(words), rows)
        counts = torch.from_numpy(offsets[rows + 1] - offsets[rows]).to(self.device)
        return self.word_means(torch.from_numpy(word.astype(np.int64)).to(self.device), counts)

    def word_means(self, words: Tensor, counts: Tensor) -> Tensor:
        """(n, dims.words) mean vector of the words of each of n runs, zero for one without words.

        Args:
            words: (W,) rows of words, one run after the other.
            counts: (n,) words in each run.
        """
        starts = counts.cumsum(0) - counts
        sums = F.embedding_bag(words, self.word_vectors, starts, mode="sum")
        return sums / counts.clamp(min=1).unsqueeze(1)

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
        from bench.kernels.image_rows import gather_scaled  # numba: only for whom looks images up

        if len(rows) and not -1 <= int(rows.min()) <= int(rows.max()) < len(images):
            raise IndexError(f"images have the rows 0 to {len(images) - 1}, not {int(rows.min())} to {int(rows.max())}")
        vectors = torch.empty(len(rows), self.dims.images)
        gather_scaled(images, rows.contiguous().numpy(), np.float32(_INT8_SCALE), vectors.numpy())
        return vectors
