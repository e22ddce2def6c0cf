"""The control is the mean of what a session holds, and nothing else."""

from __future__ import annotations

import numpy as np
import torch

from bench.data.features import Dims
from bench.data.schema import KEYWORD, PRODUCT
from bench.testing.sessions import Step, batch_of, random_features, random_steps
from encoders.controls import MeanPool


def test_means_of_words_and_of_images() -> None:
    features = random_features(Dims(5, 7))
    sessions: list[list[Step]] = [
        random_steps(6),
        [],
        [(KEYWORD, [2, 2, 9], None)],
        [(PRODUCT, [], 3), (PRODUCT, [], 3), (PRODUCT, [], 8)],
    ]
    encoder = MeanPool(features.dims)
    found = encoder(batch_of(features, sessions)).numpy()
    assert found.shape == (4, encoder.output_dim) == (4, 12)
    for vector, session in zip(found, sessions, strict=True):
        words = [features.word_vectors[word].numpy() for _, said, _ in session for word in said]
        images = [features.images(torch.tensor([row]))[0].numpy() for _, _, row in session if row is not None]
        expected = [np.mean(rows, axis=0) if rows else np.zeros(width) for rows, width in ((words, 5), (images, 7))]
        np.testing.assert_allclose(vector, np.concatenate(expected), atol=1e-6)


def test_it_has_nothing_to_learn() -> None:
    assert not list(MeanPool(Dims()).parameters())
