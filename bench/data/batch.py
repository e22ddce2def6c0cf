"""``SessionBatch``: sessions or session prefixes as flat tensors, the one thing that an encoder sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.data.csr import Integers
from bench.data.features import Features, segment_mean
from bench.data.step_rows import covered_runs, gathered_steps
from bench.kernels.copies import copied

if TYPE_CHECKING:
    from bench.data.corpus import Corpus


@dataclass(frozen=True)
class SessionBatch:
    """B sessions of T steps, W words and M images altogether; all tensors int64, ascending in session and step.

    A step is one keyword query, or one product query with its image query. A batch is made from whole sessions or from
    prefixes, which end with a given query: neither takes anything that lies after it, and no constructor takes clicks.

    Attributes:
        features: where the vectors of words and images are looked up.
        num_sessions: B.
        step_session: (T,) the session of each step, 0 … B - 1.
        step_kind: (T,) ``schema.KEYWORD`` or ``schema.PRODUCT``.
        words: (W,) row of each word in the vocabulary.
        word_step: (W,) the step of each word, 0 … T - 1.
        images: (M,) row of each image.
        image_step: (M,) the step of each image.
    """

    features: Features
    num_sessions: int
    step_session: Tensor
    step_kind: Tensor
    words: Tensor
    word_step: Tensor
    images: Tensor
    image_step: Tensor

    def __len__(self) -> int:
        return self.num_sessions

    # ---- making one ------------------------------------------------------------------------------------------------

    @classmethod
    def from_sessions(cls, corpus: Corpus, sessions: Integers, features: Features) -> SessionBatch:
        """Whole sessions, by their rows (B,)."""
        starts = corpus.columns.session_queries
        return cls.from_ranges(corpus, starts[sessions], starts[np.asarray(sessions) + 1], features)

    @classmethod
    def from_prefixes(cls, corpus: Corpus, queries: Integers, features: Features) -> SessionBatch:
        """For each query row (B,), its session up to and including that query."""
        queries = np.asarray(queries)
        columns = corpus.columns
        starts = np.asarray(columns.session_queries)[np.asarray(columns.query_session)[queries]]
        return cls.from_ranges(corpus, starts, queries + 1, features)

    @classmethod
    def covering(cls, corpus: Corpus, queries: Integers, features: Features) -> tuple[SessionBatch, Tensor]:
        """Of each run of queries (B,) of one session, the longest of the prefixes that end with them; and the step (B,)
        that each query is in the batch.
        """
        starts, ends, step = covered_runs(corpus.columns, queries)
        return cls.from_ranges(corpus, starts, ends, features), torch.from_numpy(step).to(features.device)

    @classmethod
    def from_ranges(cls, corpus: Corpus, starts: Integers, ends: Integers, features: Features) -> SessionBatch:
        """A session of each range of query rows, from its first row (B,) to before its end (B,)."""
        arrays = gathered_steps(corpus.columns, starts, ends)
        return cls(features, len(starts), *(copied(array, features.device) for array in arrays))

    @classmethod
    def from_steps(
        cls, corpus: Corpus, steps: Integers, session: Integers, num_sessions: int, features: Features
    ) -> SessionBatch:
        """Sessions that nobody had, for controls: any query rows ``steps`` (T,), and the session of each, ascending."""
        _, *arrays = gathered_steps(corpus.columns, steps, np.asarray(steps) + 1)
        arrays = [np.asarray(session, np.int64), *arrays]
        return cls(features, num_sessions, *(copied(array, features.device) for array in arrays))

    @staticmethod
    def cat(batches: Sequence[SessionBatch]) -> SessionBatch:
        """One batch of the sessions of several, in their order; all look up the same features."""
        first_session = np.cumsum([0, *(len(b) for b in batches)])
        first_step = np.cumsum([0, *(len(b.step_kind) for b in batches)])
        return SessionBatch(
            batches[0].features,
            int(first_session[-1]),
            torch.cat([b.step_session + int(s) for b, s in zip(batches, first_session, strict=False)]),
            torch.cat([b.step_kind for b in batches]),
            torch.cat([b.words for b in batches]),
            torch.cat([b.word_step + int(s) for b, s in zip(batches, first_step, strict=False)]),
            torch.cat([b.images for b in batches]),
            torch.cat([b.image_step + int(s) for b, s in zip(batches, first_step, strict=False)]),
        )

    # ---- views -----------------------------------------------------------------------------------------------------

    def text_only(self) -> SessionBatch:
        """The batch without images; no step is left out."""
        none = self.images.new_empty(0)
        return replace(self, images=none, image_step=none)

    def without_steps(self, masked: Tensor) -> SessionBatch:
        """The batch without the steps marked in ``masked``, (T,) bool, nor their words and images.

        The steps around a masked one become neighbours. A session may be left without steps.
        """
        kept = ~masked
        number = kept.cumsum(0) - 1  # (T,) number of each kept step
        # rows once, and not a mask each time: on a GPU every mask waits for the host
        steps, words, images = (
            torch.nonzero(one).squeeze(1) for one in (kept, kept[self.word_step], kept[self.image_step])
        )
        return replace(
            self,
            step_session=self.step_session[steps],
            step_kind=self.step_kind[steps],
            words=self.words[words],
            word_step=number[self.word_step[words]],
            images=self.images[images],
            image_step=number[self.image_step[images]],
        )

    # ---- what encoders ask for -------------------------------------------------------------------------------------

    @property
    def num_steps(self) -> Tensor:
        """(B,) number of steps of each session."""
        return torch.bincount(self.step_session, minlength=self.num_sessions)

    @property
    def first_step(self) -> Tensor:
        """(B,) the number of each session's first step; for a session without steps, the number it would have."""
        return self.num_steps.cumsum(0) - self.num_steps

    @property
    def step_position(self) -> Tensor:
        """(T,) position of each step in its session, from 0."""
        return torch.arange(len(self.step_session), device=self.device) - self.first_step[self.step_session]

    @property
    def device(self) -> torch.device:
        """The device of all tensors."""
        return self.step_session.device

    def step_text(self) -> Tensor:
        """(T, dims.words) mean word vector of each step, zero without words."""
        return self.features.word_means(self.words, self.word_step, len(self.step_kind))

    def step_images(self) -> Tensor:
        """(T, dims.images) image vector of each step, zero without an image."""
        return segment_mean(self.features.images(self.images), self.image_step, len(self.step_kind))

    def mean_text(self) -> Tensor:
        """(B, dims.words) mean word vector of each session, zero without words."""
        session = self.step_session[self.word_step]
        return self.features.word_means(self.words, session, len(self))

    def mean_text_of(self, kind: int) -> Tensor:
        """(B, dims.words) mean vector of the words of each session's steps of this kind, zero without any."""
        chosen = self.step_kind[self.word_step] == kind  # (W,)
        session = self.step_session[self.word_step[chosen]]
        return self.features.word_means(self.words[chosen], session, len(self))

    def mean_images(self) -> Tensor:
        """(B, dims.images) mean image vector of each session, zero without images."""
        return segment_mean(self.features.images(self.images), self.step_session[self.image_step], len(self))
