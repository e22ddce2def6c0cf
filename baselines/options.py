"""The options of the built-in baselines. Imports no torch: they are listed, and checked, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from bench.errors import BenchError
from bench.plugins.constraints import Above, AtLeast, AtMost, Below, Between


@dataclass(frozen=True)
class Bm25Options:
    """Options of ``bm25``; both defaults are the library's.

    Attributes:
        k1: how soon further occurrences of a word stop counting.
        b: how much long titles are marked down.
    """

    k1: Annotated[float, AtLeast(0)] = 1.5
    b: Annotated[float, Between(0, 1)] = 0.75


@dataclass(frozen=True)
class TranSearchOptions:
    """Options of ``transearch``.

    Attributes:
        mode: ``end`` or ``double`` for text and image, ``text`` or ``vis`` for one of them.
        embed_size: d, the width of the space that users, queries and items share.
        dropout: in the feature layers.
        margin: m, by which a clicked candidate shall be nearer than an unclicked one.
        weight_decay: half of it times the squared weights is added to the loss.
        pretraining_epochs, pretraining_negatives: budget of the feature pretraining of mode ``double``.
        fixed: the feature layers of mode ``double`` are not trained on.
    """

    mode: Literal["end", "double", "text", "vis"] = "end"
    embed_size: Annotated[int, AtLeast(1)] = 32
    dropout: Annotated[float, AtLeast(0), Below(1)] = 0.5
    margin: Annotated[float, Above(0)] = 1.0
    weight_decay: Annotated[float, AtLeast(0)] = 1e-4
    pretraining_epochs: Annotated[int, AtLeast(1)] = 20
    pretraining_negatives: Annotated[int, Between(1, 10_000)] = 20
    fixed: bool = False


@dataclass(frozen=True)
class AlstpOptions:
    """Options of ``alstp``.

    Attributes:
        num_steps: m, purchases in a window, and between updates of the long-term preference.
        global_dim: width of projections, states and the context.
        alpha: share of the old long-term preference in the new one.
        weight_decay: half of it times the squared weights is the penalty.
        longest_history: purchases before the latest so many are forgotten.
    """

    num_steps: Annotated[int, AtLeast(1)] = 4
    global_dim: Annotated[int, AtLeast(1)] = 64
    alpha: Annotated[float, Between(0, 1)] = 0.9
    weight_decay: Annotated[float, AtLeast(0)] = 1e-4
    longest_history: Annotated[int, AtLeast(1)] = 256


@dataclass(frozen=True)
class HscmOptions:
    """Options of ``hscm``.

    Attributes:
        hidden: d, a quarter of the context's width.
        dropout: of attention weights and of attended content.
        steps: earlier queries of the session that are looked at.
        longest: words kept of a query or a title.
        clicked, unclicked: clicked and unclicked shown items that are kept of each query's feedback, from the top of
            the list, at most.
        similar: semantic neighbours of a query, from which the walk through the click graph starts.
        pool: most similar queries among those reached that one is drawn from.
        threshold: least cosine of a query in the pool.
        cross_queries: queries of other sessions drawn for each query.
        cross_items: clicked items of each drawn query.
        suggestion: weight of the second task; that of ranking is 1 less it.
    """

    hidden: Annotated[int, AtLeast(1)] = 32
    dropout: Annotated[float, AtLeast(0), Below(1)] = 0.1
    steps: Annotated[int, AtLeast(0)] = 6
    longest: Annotated[int, AtLeast(1)] = 32
    clicked: Annotated[int, AtLeast(0)] = 10
    unclicked: Annotated[int, AtLeast(0)] = 0
    similar: Annotated[int, AtLeast(0)] = 3
    pool: Annotated[int, AtLeast(1)] = 20
    threshold: Annotated[float, Between(0, 1)] = 0.8
    cross_queries: Annotated[int, AtLeast(0)] = 1
    cross_items: Annotated[int, AtLeast(0)] = 10
    suggestion: Annotated[float, AtLeast(0), Below(1)] = 0.1

    def __post_init__(self) -> None:
        if self.cross_queries > self.pool:
            raise BenchError(
                f"cross_queries = {self.cross_queries} cannot be drawn from a pool of {self.pool}",
                fix="raise pool or lower cross_queries",
            )


@dataclass(frozen=True)
class FeedForwardOptions:
    """Options of ``ffn``.

    Attributes:
        hidden: width of the hidden layer.
    """

    hidden: Annotated[int, AtLeast(1)] = 128


@dataclass(frozen=True)
class BoostedTreesOptions:
    """Options of ``xgboost``.

    Attributes:
        rounds: at most so many; each grows one tree per class (one in all for two classes).
        depth: of a tree, at most.
        shrinkage: what a tree's step is multiplied by (the library's ``learning_rate``).
        patience: rounds without a better validation loss before it stops.
    """

    rounds: Annotated[int, AtLeast(1)] = 200
    depth: Annotated[int, Between(1, 30)] = 6
    shrinkage: Annotated[float, Above(0), AtMost(1)] = 0.3
    patience: Annotated[int, AtLeast(1)] = 10
