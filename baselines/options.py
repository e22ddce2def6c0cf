"""The options of the built-in baselines. Imports no torch: they are listed, and checked, before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from bench.errors import BenchError
from bench.plugins.constraints import Above, AtLeast, AtMost, Below, Between

History = Literal["all", "earlier"]
ItemSide = Literal["title", "title+image"]


@dataclass(frozen=True)
class Bm25Options:
    """Options of ``bm25``; both defaults are the library's.

    Attributes:
        k1: saturation of term frequency: the larger, the more further occurrences of a word count.
        b: normalisation by title length, from 0 (none) to 1 (full).
    """

    k1: Annotated[float, AtLeast(0)] = 1.5
    b: Annotated[float, Between(0, 1)] = 0.75


@dataclass(frozen=True)
class SknnOptions:
    """Options of ``sknn``; the defaults are the paper's.

    Attributes:
        neighbours: k, the number of nearest sessions whose clicks are summed.
        sampled: m, the number of latest sessions with an item of this one, among which they are sought.
        decay: ``none``: all items that this session clicked weigh the same; ``linear``: the later, the more (V-SKNN).
    """

    neighbours: Annotated[int, Between(1, 100_000)] = 500
    sampled: Annotated[int, Between(1, 1_000_000)] = 1000
    decay: Literal["none", "linear"] = "none"

    def __post_init__(self) -> None:
        if self.neighbours > self.sampled:
            raise BenchError(
                f"neighbours = {self.neighbours} cannot be found among sampled = {self.sampled}",
                fix="raise sampled or lower neighbours",
            )


@dataclass(frozen=True)
class TranSearchOptions:
    """Options of ``transearch``.

    Attributes:
        mode: ``end`` or ``double`` for text and image, ``text`` or ``vis`` for one of them; ``linear``, ours: one
            linear layer of title and image in place of the feature layers.
        embed_size: d, the width of the space that users, queries and items share.
        dropout: in the feature layers.
        margin: m, by which a clicked candidate is to be nearer than an unclicked one.
        weight_decay: half of it times the squared weights is added to the loss.
        pretraining_epochs, pretraining_negatives: budget of the feature pretraining of mode ``double``.
        item_head: an encoder of the same run, such as ``muvcog-plus``, from whose pretrained projection of items the
            layer of mode ``linear`` starts; empty starts from random weights.
        fixed: whether the pretrained feature layers of mode ``double``, or the item head, are frozen.
    """

    mode: Literal["end", "double", "text", "vis", "linear"] = "end"
    embed_size: Annotated[int, Between(1, 100_000)] = 32
    dropout: Annotated[float, AtLeast(0), Below(1)] = 0.5
    margin: Annotated[float, Above(0)] = 1.0
    weight_decay: Annotated[float, AtLeast(0)] = 1e-4
    pretraining_epochs: Annotated[int, Between(1, 1_000_000)] = 20
    pretraining_negatives: Annotated[int, Between(1, 10_000)] = 20
    item_head: str = ""
    fixed: bool = False

    def __post_init__(self) -> None:
        if self.item_head and self.mode != "linear":
            raise BenchError(f"item_head is of mode=linear, not of mode={self.mode}", fix="set mode=linear as well")


@dataclass(frozen=True)
class AlstpOptions:
    """Options of ``alstp``.

    Attributes:
        num_steps: m, purchases in a window, and between updates of the long-term preference.
        global_dim: width of projections, states and the context.
        alpha: share of the old long-term preference in the new one.
        weight_decay: half of it times the squared weights is the penalty.
        longest_history: number of latest purchases that are read; earlier ones are left out.
        history: the purchases that are read: ``all``; or only those of ``earlier`` sessions, none of the session that
            the query is in.
        items: what an item is read by: its ``title``, as in the paper; or ``title+image``, an option of ours: the image
            vector, projected linearly to the width of a word vector, is added to the title's.
    """

    num_steps: Annotated[int, Between(1, 1_000_000)] = 4
    global_dim: Annotated[int, Between(1, 100_000)] = 64
    alpha: Annotated[float, Between(0, 1)] = 0.9
    weight_decay: Annotated[float, AtLeast(0)] = 1e-4
    longest_history: Annotated[int, Between(1, 1_000_000)] = 256
    history: History = "all"
    items: ItemSide = "title"


@dataclass(frozen=True)
class HscmOptions:
    """Options of ``hscm``.

    Attributes:
        hidden: d, a quarter of the context's width.
        dropout: of attention weights and of attended content.
        steps: number of earlier queries of the session that are read.
        longest: words read of a query or a title.
        clicked, unclicked: largest numbers of clicked and of unclicked items read of each query's feedback, from the
            top of the list.
        similar: number of semantic neighbours of a query, from which the walk through the click graph starts.
        pool: number of most similar reached queries, from which are drawn.
        threshold: least cosine of a query in the pool.
        cross_queries: number of queries of other sessions drawn for a query.
        cross_items: number of clicked items taken of a drawn query.
        suggestion: weight of the second task's loss; that of ranking is 1 - ``suggestion``.
        history: the feedback that is read: ``all``; or none of the session that the query is in (``earlier``), whose
            queries are read all the same, as is the feedback of other sessions.
        items: what an item is read by: its ``title``, as in the paper; or ``title+image``, an option of ours: the image
            vector, projected linearly to d, is added to the title's content.
    """

    hidden: Annotated[int, Between(1, 100_000)] = 32
    dropout: Annotated[float, AtLeast(0), Below(1)] = 0.1
    steps: Annotated[int, Between(0, 1_000_000)] = 6
    longest: Annotated[int, Between(1, 1_000_000)] = 32
    clicked: Annotated[int, Between(0, 1_000_000)] = 10
    unclicked: Annotated[int, Between(0, 1_000_000)] = 0
    similar: Annotated[int, Between(0, 1_000_000)] = 3
    pool: Annotated[int, Between(1, 1_000_000)] = 20
    threshold: Annotated[float, Between(0, 1)] = 0.8
    cross_queries: Annotated[int, Between(0, 1_000_000)] = 1
    cross_items: Annotated[int, Between(0, 1_000_000)] = 10
    suggestion: Annotated[float, AtLeast(0), Below(1)] = 0.1
    history: History = "all"
    items: ItemSide = "title"

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

    hidden: Annotated[int, Between(1, 100_000)] = 128


@dataclass(frozen=True)
class BoostedTreesOptions:
    """Options of ``xgboost``.

    Attributes:
        rounds: largest number of rounds; each grows one tree per class (one in all for two classes).
        depth: largest depth of a tree.
        shrinkage: factor of a tree's output (the library's ``learning_rate``).
        patience: rounds without a lower validation loss before training stops.
    """

    rounds: Annotated[int, Between(1, 1_000_000)] = 200
    depth: Annotated[int, Between(1, 30)] = 6
    shrinkage: Annotated[float, Above(0), AtMost(1)] = 0.3
    patience: Annotated[int, Between(1, 1_000_000)] = 10
