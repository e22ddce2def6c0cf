"""The options of the simulated datasets: defaults and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from bench.data.published import PUBLISHED
from bench.errors import BenchError, did_you_mean
from bench.plugins.constraints import Between
from bench.plugins.options import read_options


@dataclass(frozen=True)
class Options:
    """Options of a simulated corpus.

    Attributes:
        sessions: number of sessions, at least 100.
        downstream: how many of them, drawn at random, list every shown item; the others list clicked items only.
        shown: results per query.
        seed: a corpus is a function of its name and its options, and of nothing else.
        test_share, valid_share: shares of all sessions.
        text_signal, visual_signal: weight of the textual and of the visual intent in a click.
        user_signal, item_signal, position_signal: weight of the user's taste, the item's quality, the rank.
        noise: scale of the Gumbel noise of a click; 1 is Plackett–Luce, 0 always clicks the best.
        drift: how far the intent moves in a step: its correlation with the next one is sqrt(1 - drift²).
    """

    sessions: Annotated[int, Between(100, 100_000_000)] = 40_000
    downstream: Annotated[int, Between(1, 100_000_000)] = 4_000
    shown: Annotated[int, Between(10, 500)] = 40
    seed: Annotated[int, Between(0, 2**63 - 1)] = 1
    test_share: Annotated[float, Between(0.01, 0.9)] = 0.2
    valid_share: Annotated[float, Between(0.01, 0.9)] = 0.1
    text_signal: Annotated[float, Between(0, 10)] = 2.0
    visual_signal: Annotated[float, Between(0, 10)] = 2.0
    user_signal: Annotated[float, Between(0, 10)] = 0.5
    item_signal: Annotated[float, Between(0, 10)] = 0.5
    position_signal: Annotated[float, Between(0, 10)] = 0.25
    noise: Annotated[float, Between(0, 10)] = 1.0
    drift: Annotated[float, Between(0, 1)] = 0.15

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
