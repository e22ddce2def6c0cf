"""Finished vectors of a file in place of an encoder's: looked at before anything runs, and looked up in a job."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.vector_file import TRUTH, open_vector_file, read_vector_file
from bench.data.vector_parts import digest_of
from bench.errors import BenchError
from bench.plugins.specs import EncoderSpec, TaskSpec
from bench.plugins.vector_files import VectorFileSpec
from bench.runs.jobs import Job, Options


def check_vectors(corpus: Corpus, task: TaskSpec, encoders: Iterable[EncoderSpec], options: Options) -> None:
    """Looks whether files of finished vectors have one for each unit of the task on this corpus.

    Raises:
        BenchError: a file is not as it should be, or lacks a vector.
    """
    files = [encoder for encoder in encoders if isinstance(encoder, VectorFileSpec)]
    if not files:
        return
    queries = task.load()(**options["task", task.name]).units(corpus)
    for file in files:
        read_vector_file(Path(file.path)).require(corpus, queries, task.name)


def finished_vectors(
    job: Job, corpus: Corpus, queries: NDArray[np.int64], into: Path
) -> tuple[NDArray[np.float32], list[str]]:
    """(n, width) vectors of the prefixes that end with ``queries`` (n,), and what must be known about them.

    Args:
        job: names the file.
        corpus, queries: whose they are.
        into: the ``.npy`` file that they are written to, of which the result is a map.

    Raises:
        BenchError: the file is not the one that was planned with, or lacks a vector.
    """
    file, encoder = Path(job.vectors), job.config["encoder"]
    if digest_of(file) != encoder["options"]["sha256"]:
        raise BenchError("has changed since the run was planned", where=str(file), fix="run it again")
    read = open_vector_file(file)  # every row of it was looked at when the run was planned
    warnings = []
    if TRUTH in read.about:
        warnings.append(f"{encoder['name']} is what a simulated corpus hides from models: a ceiling, never a claim")
    return read.of_prefixes(corpus, queries, job.config["task"]["name"], into), warnings
