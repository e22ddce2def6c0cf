"""Where the tests find the random corpora that the conformance kit ships."""

from __future__ import annotations

from bench.testing.corpora import random_corpus

__all__ = ["random_corpus"]
