"""Slices of a test split, such as first queries or new users: each defined once, by a class whose fields are choices.

A slice is a property of a unit, its session and the training split, never of a score. It is chosen after the run, so
what is found in it is exploratory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.data.schema import PRODUCT, TRAIN
from bench.errors import BenchError, did_you_mean
from bench.evaluation.units import Units
from bench.plugins.constraints import Above, Below, Between
from bench.plugins.options import declared_options, read_options

Mask = NDArray[np.bool_]


class Definition(Protocol):
    """What a slice is: a dataclass of its choices that says which units it holds."""

    def holds(self, units: Units) -> Mask:
        """(n,) whether each unit is in it.

        Raises:
            BenchError: the corpus lacks what it needs.
        """
        ...


@dataclass(frozen=True)
class Everything:
    """The whole test split."""

    def holds(self, units: Units) -> Mask:
        """All of them."""
        return np.ones(len(units), dtype=bool)


@dataclass(frozen=True)
class FirstQuery:
    """Queries that are the first of their session: nothing stands before them to encode."""

    def holds(self, units: Units) -> Mask:
        """Those without a step before."""
        return np.equal(units.positions, 0)


@dataclass(frozen=True)
class LaterQueries:
    """Queries with steps before them in their session."""

    def holds(self, units: Units) -> Mask:
        """Those with a step before."""
        return units.positions > 0


@dataclass(frozen=True)
class KeywordTurns:
    """Keyword queries, which are typed."""

    def holds(self, units: Units) -> Mask:
        """Those whose query is no product query."""
        return np.asarray(units.corpus.columns.query_kind[units.queries] != PRODUCT)


@dataclass(frozen=True)
class ProductTurns:
    """Product queries ("search similar"), with or without an image."""

    def holds(self, units: Units) -> Mask:
        """Those whose query is a product query."""
        return np.asarray(units.corpus.columns.query_kind[units.queries] == PRODUCT)


@dataclass(frozen=True)
class ImageTurns:
    """Queries with an image."""

    def holds(self, units: Units) -> Mask:
        """Those whose query has an image."""
        return np.asarray(units.corpus.columns.query_image[units.queries] >= 0)


@dataclass(frozen=True)
class LongSessions:
    """Queries at which their session has many steps, themselves among them.

    Attributes:
        steps: the fewest.
    """

    steps: Annotated[int, Between(2, 1_000_000)] = 5

    def holds(self, units: Units) -> Mask:
        """Those with so many steps up to and including their query."""
        return units.positions + 1 >= self.steps


@dataclass(frozen=True)
class NewUsers:
    """Queries of users with no session, or few, in the training split.

    Attributes:
        sessions: a user with as many training sessions is not new.
    """

    sessions: Annotated[int, Between(1, 1_000_000)] = 1

    def holds(self, units: Units) -> Mask:
        """Those of users with fewer training sessions; sessions without a user are in neither slice."""
        known, trained = _training_sessions(units)
        return known & (trained < self.sessions)


@dataclass(frozen=True)
class ReturningUsers:
    """Queries of users with sessions in the training split.

    Attributes:
        sessions: the fewest training sessions.
    """

    sessions: Annotated[int, Between(1, 1_000_000)] = 1

    def holds(self, units: Units) -> Mask:
        """Those of users with as many training sessions."""
        known, trained = _training_sessions(units)
        return known & (trained >= self.sessions)


@dataclass(frozen=True)
class RareCategories:
    """Queries with a click on an item of a rare category, of those least clicked in training.

    Attributes:
        share: of all training clicks that the rare categories have together, at most.
    """

    share: Annotated[float, Above(0), Below(1)] = 0.2

    def holds(self, units: Units) -> Mask:
        """Those with such a click; items without a category have no rare one."""
        names = units.corpus.categories
        if not names:
            raise BenchError("the corpus has no categories", where=f"rare-categories on {units.corpus.info.name}")
        category = np.asarray(units.corpus.columns.item_category)
        trained = category[units.training_clicks]
        counts = np.bincount(trained[trained >= 0], minlength=len(names))
        ascending = np.argsort(counts, kind="stable")
        rare = np.zeros(len(names) + 1, dtype=bool)  # the last one for items without a category, whose code is -1
        rare[ascending] = np.cumsum(counts[ascending]) <= self.share * counts.sum()
        items, owner = units.clicked
        return np.bincount(owner[rare[category[items]]], minlength=len(units)) > 0


@dataclass(frozen=True)
class UnseenItems:
    """Queries with a click on an item that no training session clicked."""

    def holds(self, units: Units) -> Mask:
        """Those with such a click."""
        seen = np.zeros(len(units.corpus.columns.item_category), dtype=bool)
        seen[units.training_clicks] = True
        items, owner = units.clicked
        return np.bincount(owner[~seen[items]], minlength=len(units)) > 0


ALL = "all"
DEFINITIONS: dict[str, type[Definition]] = {
    ALL: Everything,
    "first-query": FirstQuery,
    "later-queries": LaterQueries,
    "keyword-turns": KeywordTurns,
    "product-turns": ProductTurns,
    "image-turns": ImageTurns,
    "long-sessions": LongSessions,
    "new-users": NewUsers,
    "returning-users": ReturningUsers,
    "rare-categories": RareCategories,
    "unseen-items": UnseenItems,
}
"""Every slice by its name."""


@dataclass(frozen=True)
class Slice:
    """A slice as it was asked for: ``long-sessions`` or ``long-sessions[steps=8]``."""

    name: str
    definition: Definition

    @property
    def meaning(self) -> str:
        """What it holds, with its choices."""
        return meaning_of(type(self.definition), vars(self.definition))


def meaning_of(kind: type[Definition], values: dict[str, object]) -> str:
    """One line about a slice, with its choices: ``Queries at which … (steps=5)``."""
    line = (kind.__doc__ or "").partition("\n")[0].rstrip(".")
    chosen = ", ".join(f"{key}={value}" for key, value in values.items())
    return f"{line} ({chosen})" if chosen else line


def slices_of(texts: Sequence[str]) -> list[Slice]:
    """The slices of these names, each once, the whole test split before them.

    Raises:
        BenchError: no such slice or choice, or a value that is not allowed.
    """
    return list({text: _slice(text) for text in (ALL, *texts)}.values())


def _slice(text: str) -> Slice:
    name, opened, rest = text.partition("[")
    if name not in DEFINITIONS:
        raise BenchError(f"no slice is called {name!r}", where="--slice", fix=did_you_mean(name, DEFINITIONS))
    kind = DEFINITIONS[name]
    if opened and not rest.endswith("]"):
        raise BenchError(f"{text!r} lacks a closing bracket", where="--slice", fix=f"such as {name}[key=value]")
    declared, given = declared_options(kind), {}
    for part in filter(None, (part.strip() for part in rest.removesuffix("]").split(","))):
        key, _, value = (side.strip() for side in part.partition("="))
        if key not in declared:
            fix = did_you_mean(key, declared) if declared else "it has no choices"
            raise BenchError(f"{name} has no choice {key!r}", where="--slice", fix=fix)
        given[key] = declared[key].parsed(value, "--slice", f"{name} {key}")
    return Slice(text, read_options(kind, given, text))


def _training_sessions(units: Units) -> tuple[Mask, NDArray[np.int64]]:
    """``(known, sessions)``: whether each unit has a user, and how many training sessions that one has."""
    columns = units.corpus.columns
    if not units.corpus.num_users:
        raise BenchError("the corpus has no users", where=f"slices of users on {units.corpus.info.name}")
    user, split = np.asarray(columns.session_user), np.asarray(columns.session_split)
    trained = np.bincount(user[(user >= 0) & (split == TRAIN)], minlength=units.corpus.num_users)
    mine = user[units.sessions]
    return mine >= 0, trained[np.maximum(mine, 0)]
