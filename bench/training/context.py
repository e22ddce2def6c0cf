"""What the harness hands to whoever trains: data, seed, device, a place for the curve, and progress."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.batch import SessionBatch
from bench.data.clicks import Clicks
from bench.data.corpus import Corpus
from bench.data.csr import Integers
from bench.data.features import Features
from bench.progress import Progress, silent
from bench.training.random_stream import RandomStream
from bench.training.ranks import ALONE, Ranks


@dataclass
class TrainingContext:
    """One training run.

    Attributes:
        corpus: the data.
        seed: everything random follows from it.
        device: where to compute.
        progress: called with (steps done, steps planned).
        curve: what :meth:`record` collected; saved beside the weights.
        warnings: lines that the result must carry, such as that training ended on a plateau.
        pretrained: weights, by name, of the pretrained encoder that the baseline starts from; empty for none.
        checkpoint: file for the state of a pretraining under way, from which a killed one goes on; None keeps none.
        trajectory: file for the last state of a finished pretraining, from which the same one with more steps goes on;
            None keeps none.
        continued_from: the step at which a pretraining went on from the state of a shorter one; 0 if it did not.
        ranks: the processes that share a pretraining.
        read_ahead: whether another thread reads a pretraining's next batch meanwhile, to the same numbers; None does so
            where the device is no CPU: there a thread more would take a core from another worker.
        scratch: a folder on a disk, for what is too large for memory and lasts as long as the run.
    """

    corpus: Corpus
    seed: int
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Progress = silent
    curve: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    checkpoint: Path | None = None
    pretrained: dict[str, Tensor] = field(default_factory=dict)
    trajectory: Path | None = None
    continued_from: int = 0
    ranks: Ranks = ALONE
    read_ahead: bool | None = None
    scratch: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))

    @cached_property
    def features(self) -> Features:
        """Word and image vectors on the device."""
        return Features.of(self.corpus, self.device)

    @cached_property
    def clicks(self) -> Clicks:
        """Clicked items of every session."""
        return Clicks.of(self.corpus)

    def generator(self, purpose: str) -> np.random.Generator:
        """A stream of random numbers of its own for each purpose, so that adding one shifts no other."""
        return np.random.default_rng([self.seed, *purpose.encode()])

    def torch_generator(self, purpose: str) -> torch.Generator:
        """The same for torch, on the CPU."""
        return torch.Generator().manual_seed(int(self.generator(purpose).integers(2**62)))

    def random_stream(self, purpose: str) -> RandomStream:
        """The same for code that draws from torch's global generators."""
        return RandomStream(int(self.generator(purpose).integers(2**62)), self.device)

    def training_sessions(self, downstream: bool = False) -> NDArray[np.int64]:
        """Rows of the training sessions, never one of validation or test; with ``downstream``, those of the downstream
        sample alone, from which tasks take their training examples.
        """
        return self.corpus.session_rows("train", downstream or None)

    def validation_sessions(self, downstream: bool = False) -> NDArray[np.int64]:
        """Rows of the validation sessions; with ``downstream``, those of the downstream sample alone."""
        return self.corpus.session_rows("valid", downstream or None)

    def sessions(self, rows: Integers) -> SessionBatch:
        """A batch of whole sessions."""
        return SessionBatch.from_sessions(self.corpus, rows, self.features)

    def record(self, **values: Any) -> None:
        """Adds a row to the curve."""
        self.curve.append(values)
