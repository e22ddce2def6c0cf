"""The options of the simulated datasets: defaults and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from bench.data.published import PUBLISHED
from bench.data.split_kinds import SplitKind
from bench.datasets.simulated.worlds import WORLDS, Knobs
from bench.errors import BenchError, did_you_mean
from bench.plugins.constraints import Between
from bench.plugins.options import read_options

Own = Literal["world"]
"""Stands for the value that the world of the corpus gives a knob."""


@dataclass(frozen=True)
class Options:
    """Options of a simulated corpus.

    Attributes:
        sessions: number of sessions, at least 100.
        downstream: how many of them, drawn at random, list every shown item; the others list clicked items only.
        shown: results per query.
        seed: a corpus is a function of its name and its options, and of nothing else.
        test_share, valid_share: shares of all sessions.
        split: ``random``, by session; ``time``, training before validation before test, where sessions that reach into
            the next period are left out; ``user``, all sessions of a user in one split.
        text_signal, visual_signal: weight of the textual and of the visual intent in a click.
        user_signal, item_signal, position_signal: weight of the user's taste, the item's quality, the rank.
        noise: scale of the Gumbel noise of a click; 1 is Plackett–Luce, 0 always clicks the best.
        drift: how far the intent moves in a step: its correlation with the next one is sqrt(1 - drift²).
        world: which values text_signal, visual_signal and the knobs below have unless they are set. 1: text_signal and
            visual_signal 2.0, engine latents, all others off. 2: text_signal and visual_signal 3.0, gap 0.7, nuisance
            4.0, correlation 0.3, reformulation 0.2, facets 0.6, cascade 0.99, engine observed, branches 0.7.
        gap: vocabulary gap between shoppers and sellers: how little the vectors of a meaning's word forms share.
        nuisance: variance of the images' background, as a multiple of that of what shoppers look for in them.
        correlation: between the textual and the visual latents of an item, and of an intent.
        reformulation: share of steps in which a Markov chain of reformulations moves the intent besides its drift.
        facets: share of the latents' variance that discrete attributes make up.
        cascade: probability that a shopper looks at the next result; 0: looks at all, and position_signal counts.
        engine: what the search engine reads: the items' latents, or their titles and images as they are observed.
        branches: share of a leaf's words and of its centre that it shares with the leaves of its branch.
    """

    sessions: Annotated[int, Between(100, 100_000_000)] = 40_000
    downstream: Annotated[int, Between(1, 100_000_000)] = 4_000
    shown: Annotated[int, Between(10, 500)] = 40
    seed: Annotated[int, Between(0, 2**63 - 1)] = 1
    test_share: Annotated[float, Between(0.01, 0.9)] = 0.2
    valid_share: Annotated[float, Between(0.01, 0.9)] = 0.1
    split: SplitKind = "random"
    text_signal: Annotated[float, Between(0, 10)] | Own = "world"
    visual_signal: Annotated[float, Between(0, 10)] | Own = "world"
    user_signal: Annotated[float, Between(0, 10)] = 0.5
    item_signal: Annotated[float, Between(0, 10)] = 0.5
    position_signal: Annotated[float, Between(0, 10)] = 0.25
    noise: Annotated[float, Between(0, 10)] = 1.0
    drift: Annotated[float, Between(0, 1)] = 0.15
    world: Literal[1, 2] = 2
    gap: Annotated[float, Between(0, 1)] | Own = "world"
    nuisance: Annotated[float, Between(0, 20)] | Own = "world"
    correlation: Annotated[float, Between(0, 1)] | Own = "world"
    reformulation: Annotated[float, Between(0, 1)] | Own = "world"
    facets: Annotated[float, Between(0, 1)] | Own = "world"
    cascade: Annotated[float, Between(0, 0.999)] | Own = "world"
    engine: Literal["latents", "observed"] | Own = "world"
    branches: Annotated[float, Between(0, 1)] | Own = "world"

    def __post_init__(self) -> None:
        if self.downstream > self.sessions:
            raise BenchError(
                f"downstream = {self.downstream} is more than sessions = {self.sessions}",
                fix="lower downstream or raise sessions",
            )
        if self.test_share + self.valid_share > 0.95:
            raise BenchError(
                f"test_share + valid_share = {self.test_share + self.valid_share:g} leaves too little to train on",
                fix="make them add up to 0.95 at most",
            )

    @property
    def knobs(self) -> Knobs:
        """The values of the world's knobs: what is set, and otherwise the world's own."""
        own = asdict(WORLDS[self.world])
        given = {field.name: getattr(self, field.name) for field in fields(Knobs)}
        return Knobs(**{name: own[name] if value == "world" else value for name, value in given.items()})


DEFAULTS: dict[str, Any] = asdict(Options())
"""Every option with its default."""


def resolve(name: str, given: Mapping[str, Any]) -> Options:
    """The options of a dataset, with defaults for those that are not given.

    Args:
        name: the dataset.
        given: values by option.

    Raises:
        BenchError: an unknown dataset or option, a wrong type, a value out of range, or values that don't go together.
    """
    if name not in PUBLISHED:
        raise BenchError(f"no simulated dataset {name!r}", fix=did_you_mean(name, PUBLISHED))
    return read_options(Options, given, name)
