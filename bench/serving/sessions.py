"""Sessions as plain Python, such as they come as JSON, and as the :class:`SessionBatch` that an encoder sees."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.features import Features
from bench.data.schema import KINDS
from bench.errors import BenchError, did_you_mean


class Step(TypedDict, total=False):
    """One step of a session. Every key may be missing.

    Attributes:
        words: of the query, cut as the corpus's words were; words that the encoder does not know count as none.
        image: the vector of the image query, on the scale of the corpus's (its 8-bit entries divided by 127).
        kind: ``keyword`` or ``product``; by default ``product`` where there is an image.
    """

    words: Sequence[str]
    image: Sequence[float] | None
    kind: str


Session = Sequence[Step]
"""The steps of a session so far, the current query last."""

_KEYS = ("words", "image", "kind")


def session_batch(
    sessions: Sequence[Session], rows: Mapping[str, int], word_vectors: Tensor, width: int
) -> SessionBatch:
    """The batch of sessions that are given as plain Python.

    Images with equal vectors are one image, as in a corpus, where a step names an image by its row.

    Args:
        sessions: B sessions.
        rows: row in ``word_vectors`` by word.
        word_vectors: (V, dims.words).
        width: of an image vector.

    Raises:
        BenchError: something is not a session, with its place: ``session 0, step 2``.
    """
    _check_sessions(sessions)
    steps = list(chain.from_iterable(sessions))
    step_session = np.repeat(np.arange(len(sessions)), [len(session) for session in sessions])
    words = [step.get("words") or () for step in steps]
    images = [step.get("image") for step in steps]
    image_step = np.array([number for number, image in enumerate(images) if image is not None], dtype=np.int64)
    vectors, image_row = _distinct(_image_vectors(images, image_step, width, step_session))
    kinds = [step.get("kind") for step in steps]
    default = [KINDS[image is not None] for image in images]
    kind = [KINDS.index(given or instead) for given, instead in zip(kinds, default, strict=True)]
    word_step = np.repeat(np.arange(len(steps)), [len(some) for some in words])
    word = np.fromiter(map(rows.get, chain.from_iterable(words), repeat(-1)), dtype=np.int64, count=len(word_step))
    known = word >= 0
    arrays = (step_session, np.array(kind, dtype=np.int64), word[known], word_step[known], image_row, image_step)
    return SessionBatch(
        Features(word_vectors, torch.from_numpy(vectors)),
        len(sessions),
        *(torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)) for array in arrays),
    )


def _check_sessions(sessions: object) -> None:
    """Looks at the form of what may have come from anywhere; numbers of images are looked at together, later."""
    for number, session in enumerate(_listed(sessions, "sessions")):
        for position, step in enumerate(_listed(session, f"session {number}")):
            where = f"session {number}, step {position}"
            if not isinstance(step, Mapping):
                raise BenchError("is not a step", where=where, fix='such as {"words": ["red", "lipstick"]}')
            for key in step:
                if key not in _KEYS:
                    raise BenchError(f"unknown key {str(key)[:40]!r}", where=where, fix=did_you_mean(str(key), _KEYS))
            words = _listed(step.get("words") or (), f"{where}, words")
            if not set(map(type, words)) <= {str}:
                raise BenchError("words are strings", where=where)
            if step.get("kind") not in (None, *KINDS):
                raise BenchError(f"{str(step['kind'])[:40]!r} is no kind of step", where=where, fix=" or ".join(KINDS))


def _listed(values: object, where: str) -> Sequence[object]:
    """The values, if they are a list of something."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise BenchError("is not a list", where=where, fix="sessions are lists of steps, words are lists of strings")
    return values


def _image_vectors(
    images: Sequence[Sequence[float] | None], step: np.ndarray, width: int, session: np.ndarray
) -> np.ndarray:
    """(M, width) float32 of the images that are there.

    Raises:
        BenchError: one is of another width, or holds what is no finite number.
    """
    vectors = np.zeros((len(step), width), dtype=np.float32)
    for row, at in enumerate(step.tolist()):
        where = f"session {session[at]}, step {at - int(np.searchsorted(session, session[at]))}, image"
        try:
            vector = np.asarray(images[at])
        except ValueError:
            vector = np.empty(0, dtype=object)
        if vector.dtype.kind not in "fiu" or vector.shape != (width,):
            raise BenchError(f"is not a vector of {width} numbers", where=where)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            vectors[row] = vector
        if not math.isfinite(float(vectors[row].sum(dtype=np.float64))):
            raise BenchError("holds a number that is not finite", where=where)
    return vectors


def _distinct(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of (M, d), and for each row its place among them, (M,)."""
    if len(vectors) < 2:
        return vectors, np.arange(len(vectors))
    found, row = np.unique(vectors, axis=0, return_inverse=True)
    return found, row.reshape(-1)
