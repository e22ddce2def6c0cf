"""Budget and optimiser of a pretraining, as options that an encoder may declare. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from bench.plugins.constraints import Above, Between, OrInfinite
from bench.plugins.options import declared_options

Steps = Annotated[int, Between(0, 1_000_000_000)]
BatchSize = Annotated[int, Between(1, 1_000_000)]
LearningRate = Annotated[float, Above(0)]
Schedule = Literal["constant", "cosine"]
Clip = Annotated[float, Above(0), OrInfinite()]


@dataclass(frozen=True)
class PretrainingConfig:
    """Budget and optimiser of a pretraining.

    The options of an encoder inherit from it, and may state another default (``steps: Steps = 400``).

    Attributes:
        steps: optimiser steps; a budget in steps, since an epoch of a small corpus is too short to leave the plateau. 0
            leaves the first weights, for an untrained control.
        batch_size: sessions a step, of all processes together.
        learning_rate: of Adam, after the warm-up.
        warmup: steps over which the learning rate rises linearly.
        schedule: of the learning rate after that: ``constant``, or ``cosine`` down to 0 at the last step.
        clip: largest norm of the gradient.
        patience: validations without a better value after which it stops; 0 never stops before the last step.
        precision: ``float32``, or ``bfloat16`` for the matrix products (weights and their updates stay float32).
        validate_every: steps between validations.
        validation_sessions: held-out sessions of a validation, at most.
        negatives_from: where several processes share a batch, sessions are contrasted with those of ``all`` of them,
            as one process would, or only with those of their own, their ``rank``'s.
    """

    steps: Steps = 1000
    batch_size: BatchSize = 256
    learning_rate: LearningRate = 0.005
    warmup: Annotated[int, Between(0, 1_000_000_000)] = 100
    schedule: Schedule = "constant"
    clip: Clip = 5.0
    patience: Annotated[int, Between(0, 1_000_000)] = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    validate_every: Annotated[int, Between(1, 1_000_000_000)] = 100
    validation_sessions: Annotated[int, Between(0, 1_000_000_000)] = 1024
    negatives_from: Literal["all", "rank"] = "all"

    def __post_init__(self) -> None:
        for name, option in declared_options(type(self)).items():
            option.checked(getattr(self, name))

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PretrainingConfig:
        """The configuration among an encoder's options."""
        return cls(**{f.name: options[f.name] for f in fields(cls) if f.name in options})

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 1."""
        if step <= self.warmup:
            return self.learning_rate * step / self.warmup
        if self.schedule == "constant":
            return self.learning_rate
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
