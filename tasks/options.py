"""The options of the built-in tasks. Imports no torch: they are listed, and checked, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from bench.errors import BenchError
from bench.plugins.constraints import Above, Between, OrInfinite

DrawnBy = Literal["queries", "sessions"]


@dataclass(frozen=True)
class FittingOptions:
    """Budget of a supervised training (:class:`bench.training.fitting.FittingConfig`).

    Attributes:
        epochs: passes over the training examples, at most.
        patience: epochs without a better validation value before it stops.
        clip: largest norm of the gradient; inf clips nothing.
        batches: what a batch is drawn of: ``queries``, each by itself, or whole ``sessions`` with all their examples,
            as many examples a batch on average. Then an encoder that is trained along and causal, such as ``lstm``,
            goes through a session once for all its queries. It is another training: other batches, other numbers.
    """

    epochs: Annotated[int, Between(1, 1_000_000)] = 30
    patience: Annotated[int, Between(1, 1_000_000)] = 4
    clip: Annotated[float, Above(0), OrInfinite()] = 5.0
    batches: DrawnBy = "queries"


@dataclass(frozen=True)
class ClickPredictionOptions(FittingOptions):
    """Options of ``ctr``.

    Attributes:
        negatives: unclicked items per query and epoch; 0 trains on all shown items.
        min_user_sessions: training sessions of a user, in all, before the model learns the user.
        labels: downstream sessions whose clicks are labels, of the training and the validation split together and in
            the proportion of the two, drawn by the seed, so that fewer are part of more; 0 takes all. The test split
            stays whole, and so does what is pretrained.
    """

    negatives: Annotated[int, Between(0, 10_000)] = 5
    min_user_sessions: Annotated[int, Between(1, 1_000_000_000)] = 2
    labels: Annotated[int, Between(0, 1_000_000_000)] = 0

    def __post_init__(self) -> None:
        if self.labels == 1:
            what = "one labelled session cannot be in the training and in the validation split"
            raise BenchError(what, where="labels of ctr", fix="2 or more, or 0 for all")


@dataclass(frozen=True)
class QuerySuggestionOptions(FittingOptions):
    """Options of ``suggest``: those of every supervised training."""


@dataclass(frozen=True)
class IntentOptions:
    """Options of ``intent``.

    Attributes:
        label: what a session is classified by: ``domain`` (beauty, clothes …), ``leaf``, or ``auto``: domain where the
            corpus has items of more than one, else leaf.
    """

    label: Literal["auto", "domain", "leaf"] = "auto"
