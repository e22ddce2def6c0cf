"""Exported encoders for tests, and the sessions of a corpus as a user would write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from command_line import bench_here
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.schema import KINDS


def small_corpus(folder: Path) -> Corpus:
    return random_corpus(folder / "small", sessions=40)


def export(encoder: str, corpus: Corpus, to: Path, *more: object) -> Path:
    """Exports an encoder with hardly any pretraining."""
    few = [] if encoder in ("random", "meanpool", "word2vec") else ["--set", "steps=2", "--set", "batch_size=16"]
    named = ("export", encoder, "--dataset", corpus.folder, "--out", to.parent / "runs", "--device", "cpu")
    ran = bench_here(*named, *few, "--to", to, *more)
    assert ran.code == 0, ran.err
    return to


def plain_sessions(corpus: Corpus) -> list[list[dict[str, Any]]]:
    """Every session of a corpus as lists of steps with words and image vectors, one by one."""
    columns, words = corpus.columns, corpus.strings("vocabulary", "word").to_pylist()
    images = np.asarray(corpus.image_vectors, dtype=np.float32) / 127
    sessions = []
    for first, last in zip(columns.session_queries, columns.session_queries[1:], strict=False):
        steps = []
        for query in range(first, last):
            run = columns.query_words[columns.query_word_offsets[query] : columns.query_word_offsets[query + 1]]
            image = int(columns.query_image[query])
            steps.append(
                {
                    "words": [words[row] for row in run],
                    "kind": KINDS[columns.query_kind[query]],
                    "image": images[image].tolist() if image >= 0 else None,
                }
            )
        sessions.append(steps)
    return sessions
