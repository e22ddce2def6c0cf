"""Training and validation of a click model as one would write them down first: every batch is built whole and anew,
every prefix is encoded by torch's own LSTM, every shown item is encoded for each query that showed it.

The other side of the speed ratios, and one more oracle for the numbers; weights are those of models of the package.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.candidates import Candidates, all_candidates
from bench.data.corpus import Corpus
from bench.data.csr import take_rows
from bench.data.features import Features, segment_mean
from bench.kernels import reference
from bench.training.session_vectors import JoinedClickModel, TrainedAlong
from encoders.lstm import LstmEncoder


class PlainClicks:
    """Deals batches with everything in them.

    Args:
        corpus, features: the data.
        users: (S,) code of each session's user.
    """

    def __init__(self, corpus: Corpus, features: Features, users: NDArray) -> None:
        self.corpus, self.features, self.users = corpus, features, users
        columns = corpus.columns
        self.item_text = self._text(columns.item_word_offsets, columns.item_words, np.arange(len(columns.item_image)))

    def batch(self, queries: NDArray, candidates: Candidates) -> Any:
        """What a model reads of a :class:`bench.contracts.ClickBatch`, each of these looked up now."""
        columns = self.corpus.columns
        return SimpleNamespace(
            queries=torch.from_numpy(queries),
            sessions=SessionBatch.from_prefixes(self.corpus, queries, self.features),
            users=torch.from_numpy(self.users[columns.query_session[queries]]),
            query_text=self._text(columns.query_word_offsets, columns.query_words, queries),
            items=torch.from_numpy(candidates.items),
            item_text=self.item_text[torch.from_numpy(candidates.items)],
            item_images=self._images(columns.item_image[candidates.items]),
            shown=torch.from_numpy(candidates.shown),
            clicks=torch.from_numpy(candidates.clicked.astype(np.float32)),
        )

    def _text(self, offsets: NDArray, words: NDArray, rows: NDArray) -> Tensor:
        word, owner = (torch.from_numpy(found.astype(np.int64)) for found in take_rows(offsets, words, rows))
        return segment_mean(self.features.words(word), owner, len(rows))

    def _images(self, rows: NDArray) -> Tensor:
        found = torch.from_numpy(self.corpus.image_vectors[np.maximum(rows, 0)]).float().mul_(1 / 127)  # (B, K, d)
        return found * torch.from_numpy(rows >= 0).unsqueeze(-1) if (rows < 0).any() else found

    @torch.no_grad()
    def shown_scores(self, model: JoinedClickModel, queries: NDArray, size: int = 512) -> NDArray:
        """(Q, K) scores of all that these queries showed."""
        every, parts = all_candidates(self.corpus, queries), []
        for rows in np.split(np.arange(len(queries)), range(size, len(queries), size)):
            some = Candidates(every.items[rows], every.clicked[rows], every.shown[rows])
            parts.append(scores(model, self.batch(queries[rows], some)).numpy())
        return np.concatenate(parts)


def scores(model: JoinedClickModel, batch: Any) -> Tensor:
    """(B, K) of a batch, by the weights of a model."""
    assert isinstance(model.sessions, TrainedAlong)
    both = [model.model.context(batch), encoded(model.sessions.encoder, batch.sessions)]
    return model.model.match(model.join(torch.cat(both, dim=1)), model.model.items(batch))


def encoded(encoder: SessionEncoder, batch: SessionBatch) -> Tensor:
    """(B, width) of prefixes, each for itself; an LSTM with the images in its steps, or vanilla."""
    if not isinstance(encoder, LstmEncoder):
        return encoder(batch)
    assert encoder.project_image is not None
    words = batch.features.words(batch.words)
    projected = encoder.project_image(images_of(batch))
    steps = torch.cat(
        [
            segment_mean(words, batch.word_step, len(batch.step_kind)),
            F.one_hot(batch.step_kind, 2).float(),
            projected.new_zeros(len(batch.step_kind), projected.shape[1]).index_add(0, batch.image_step, projected),
        ],
        dim=1,
    )
    lengths, position = batch.num_steps, batch.step_position
    order = torch.argsort(lengths, descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    packed = torch.argsort(position * len(batch) + rank[batch.step_session])
    _, (last, _) = encoder.lstm(PackedSequence(steps[packed], torch.bincount(position)))
    return steps.new_zeros(len(batch), encoder.lstm.hidden_size).index_copy(0, order[: last.shape[1]], last[0])


def images_of(batch: SessionBatch) -> Tensor:
    """(M, width) image vectors of a batch, gathered, then converted."""
    return torch.from_numpy(np.asarray(batch.features._images)[batch.images.numpy()]).float().mul_(1 / 127)


@contextmanager
def torch_alone() -> Iterator[None]:
    """Kernels as torch has them, and torch's own dropout, until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_KERNELS", "reference")
        patch.setattr(reference, "dropped", F.dropout)
        yield
