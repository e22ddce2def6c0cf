"""The truth behind a simulated corpus: for references that say what was to be had, and never for a model.

The folder ``truth`` of a corpus holds what its shopper model knows and its tables do not: latents of items, intents of
queries, utilities of impressions. :func:`read_truth` opens it, except inside :func:`sealed`, where every cell, every
pretraining and every extraction of the harness runs; a task opens it for its references alone (:func:`unsealed`).
Inside ``sealed`` no file of the folder can be opened through Python's own functions either. That is a guard against
mistakes and short cuts; a plugin is code, and against one that means to cheat nothing inside a process helps.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.checksums import has_contents, has_digest
from bench.data.corpus import Corpus
from bench.data.npy import mapped
from bench.errors import BenchError
from bench.files import read_toml

FOLDER, FILE = "truth", "truth.toml"

_state = {"sealed": False, "watching": False}  # of the process and not of a thread: a model may start threads


@dataclass(frozen=True)
class Truth:
    """What a shopper model knows of a corpus with N items, Q queries and P impressions.

    Attributes:
        items: (N, d) float32 latents of the items, the textual ones first.
        intents: (Q, d) float32 latents of what each query was after; the shopper wants items like it.
        utilities: (P,) float32 utility of each impression for its shopper, its place included, noise not.
        text_dim: how many of the d dimensions are textual: the first half.
    """

    items: NDArray[np.float32]
    intents: NDArray[np.float32]
    utilities: NDArray[np.float32]
    text_dim: int


def has_truth(corpus: Corpus) -> bool:
    """Whether a corpus has one."""
    return (corpus.folder / FOLDER / FILE).exists()


def damaged_truth(corpus: Path) -> list[str]:
    """The files of the truth in the folder of a corpus that are not as they were written; read once per process."""
    file = corpus / FOLDER / FILE
    if not file.exists():
        return []
    try:
        known: dict[str, str] = read_toml(file)["checksums"]
    except (BenchError, KeyError):
        return [FILE]
    return [name for name, digest in known.items() if not has_contents(corpus / FOLDER / name, None, digest)]


def check_truth(corpus: Corpus) -> None:
    """Raises a BenchError where the truth that ``corpus.toml`` knows of is gone or another one.

    Its matrices are read when it is opened (:func:`read_truth`).
    """
    file = corpus.folder / FOLDER / FILE
    if corpus.info.truth and not has_digest(file, corpus.info.truth):
        raise BenchError(
            "not as it was written" if file.exists() else "is gone", where=str(file), fix="make the corpus again"
        )


def require_truth(corpus: Corpus) -> None:
    """Raises a BenchError where a corpus has none."""
    if not has_truth(corpus):
        raise BenchError(
            f"{corpus.info.name} has no known truth", where=str(corpus.folder), fix="only simulated corpora have one"
        )


def read_truth(corpus: Corpus) -> Truth:
    """Opens the truth of a corpus, memory-mapped; its files are compared with their checksums.

    Raises:
        BenchError: the corpus has none, its files are not those that were written, or a model is asking.
    """
    folder = corpus.folder / FOLDER
    if _state["sealed"]:
        raise BenchError("the truth of a simulated corpus is for references only", where=str(folder))
    require_truth(corpus)
    for name in damaged_truth(corpus.folder):
        raise BenchError("not as it was written", where=str(folder / name), fix="make the corpus again")
    arrays = {name: mapped(folder / f"{name}.npy") for name in ("items", "intents", "utilities")}
    return Truth(**arrays, text_dim=arrays["items"].shape[1] // 2)


@contextmanager
def sealed() -> Iterator[None]:
    """Whoever runs in this process during the block cannot open the truth of any corpus."""
    if not _state["watching"]:
        _state["watching"] = True
        sys.addaudithook(_refuse)  # told of every file that Python opens, as long as the process lives
    with _set(True):
        yield


@contextmanager
def unsealed() -> Iterator[None]:
    """Whoever runs in this process during the block may open it after all: a task's reference."""
    with _set(False):
        yield


@contextmanager
def _set(sealed: bool) -> Iterator[None]:
    before, _state["sealed"] = _state["sealed"], sealed
    try:
        yield
    finally:
        _state["sealed"] = before


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _state["sealed"] or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    folder = Path(os.path.realpath(os.fsdecode(arguments[0]))).parent
    if folder.name == FOLDER and (folder.parent / "corpus.toml").exists():
        raise BenchError("the truth of a simulated corpus is for references only", where=str(folder))
