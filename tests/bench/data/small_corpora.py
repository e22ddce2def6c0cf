"""Where the tests find small corpora: the random ones that the conformance kit ships, and altered ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.testing.corpora import random_corpus

__all__ = ["Altered", "random_corpus"]


class Altered(Corpus):
    """A corpus with other columns than those on disk."""

    def __init__(self, corpus: Corpus, **columns: Any) -> None:
        super().__init__(corpus.folder)
        self._altered = replace(corpus.columns, **columns)

    @property
    def columns(self) -> Columns:
        """The altered ones."""
        return self._altered
