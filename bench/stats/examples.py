"""What systems were scored on, and the proof that it is the same: asserted, never made so by leaving queries out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.stats.users import Users

_FIX = "compare systems of one corpus and one configuration of the task"


@dataclass(frozen=True, eq=False)
class Examples:
    """The queries (or sessions) of a test split, in the order of their ids. Systems may share one of these.

    Attributes:
        query: (Q,) ids, sorted, distinct.
        users: of the queries.
        candidates: (Q,) fingerprint of each query's candidate list (:func:`fingerprint_candidates`); None where a task
            has no lists.
        order: (Q,) where each stood in what was given.
    """

    query: NDArray[Any]
    users: Users
    candidates: NDArray[np.uint64] | None
    order: NDArray[np.int64]

    @classmethod
    def of(cls, query: ArrayLike, user: ArrayLike, candidates: NDArray[np.uint64] | None = None) -> Examples:
        """From columns (Q,) in any order.

        Raises:
            BenchError: a query stands there twice.
        """
        query = np.asarray(query)
        order = np.argsort(query, kind="stable")
        query = query[order]
        twice = np.flatnonzero(query[1:] == query[:-1])
        if len(twice):
            raise BenchError("a query was scored twice", where=str(query[twice[0]]))
        users = Users.of(np.asarray(user)[order])
        return cls(query, users, None if candidates is None else np.asarray(candidates)[order], order)

    def assert_same(self, other: Examples, where: str) -> None:
        """Checks that queries, users and candidate lists of two systems are the same; the error names ``where``."""
        if self is other:
            return
        if not np.array_equal(self.query, other.query):
            odd = np.setxor1d(self.query, other.query)
            raise BenchError(
                f"scored on different queries: {len(odd)} stand on one side only, the first {odd[0]}",
                where=where,
                fix=_FIX,
            )
        if not np.array_equal(self.users.labels[self.users.code], other.users.labels[other.users.code]):
            raise BenchError("a query has different users", where=where, fix=_FIX)
        if (self.candidates is None) != (other.candidates is None):
            raise BenchError("only one side has candidate lists", where=where, fix=_FIX)
        if self.candidates is not None and other.candidates is not None:
            odd = self.query[self.candidates != other.candidates]
            if len(odd):
                raise BenchError(
                    f"scored on different candidates: {len(odd)} queries, the first {odd[0]}", where=where, fix=_FIX
                )


@dataclass(frozen=True, eq=False)
class Scores:
    """One metric of one system.

    Attributes:
        values: (S, Q) for every seed, and every query in the order of ``examples.query``.
        examples: what was scored.
        seeds: (S,) the seeds' numbers.
    """

    values: NDArray[np.float64]
    examples: Examples
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, values: NDArray[np.float64], examples: Examples, seeds: tuple[int, ...] | None = None) -> Scores:
        """From ``values`` (S, Q) in the order that ``examples`` was made from.

        Raises:
            BenchError: a score is missing (NaN), or the numbers don't fit.
        """
        values = np.asarray(values, dtype=np.float64)
        seeds = tuple(range(len(values))) if seeds is None else seeds
        if values.shape != (len(seeds), len(examples.query)):
            raise BenchError(f"scores {values.shape} for {len(seeds)} seeds and {len(examples.query)} queries")
        if not np.isfinite(values).all():
            raise BenchError(f"{np.count_nonzero(~np.isfinite(values))} scores are missing or endless")
        return cls(values[:, examples.order], examples, seeds)

    @cached_property
    def sums(self) -> NDArray[np.float64]:
        """Sums (S, U) of the metric over the queries of each user."""
        return self.examples.users.sums(self.values)

    @property
    def mean(self) -> float:
        """The mean over seeds and queries."""
        return float(self.values.mean())


@dataclass(frozen=True, eq=False)
class Pair:
    """Two systems on the same examples, as user sums: all that the tests need.

    Attributes:
        sums: (S, U) sums of each user's differences.
        users: of the queries.
        dataset: whose users they are; users of two datasets are different people.
    """

    sums: NDArray[np.float64]
    users: Users
    dataset: str = ""

    @classmethod
    def of(cls, system: Scores, reference: Scores, dataset: str = "", where: str = "") -> Pair:
        """``system`` minus ``reference``.

        Raises:
            BenchError: queries, users, candidates or seeds differ; ``where`` says of what.
        """
        system.examples.assert_same(reference.examples, where)
        if sorted(system.seeds) != sorted(reference.seeds):
            raise BenchError(
                f"seeds {system.seeds} against {reference.seeds}", where=where, fix="run the missing cells"
            )
        mine, other = np.argsort(system.seeds), np.argsort(reference.seeds)
        return cls(system.sums[mine] - reference.sums[other], system.examples.users, dataset)

    @classmethod
    def from_differences(cls, differences: NDArray[np.float64], user: ArrayLike, dataset: str = "") -> Pair:
        """A pair from the differences (S, Q) of two systems and the user (Q,) of each query."""
        users = Users.of(user)
        return cls(users.sums(differences), users, dataset)


def fingerprint_candidates(query: ArrayLike, item: ArrayLike) -> tuple[NDArray[Any], NDArray[np.uint64]]:
    """Distinct queries (Q,), sorted, and a fingerprint (Q,) of each one's candidates whatever their order.

    Args:
        query: (N,) the query of each candidate.
        item: (N,) its item, a whole number.
    """
    code, ids = pd.factorize(np.asarray(query), sort=True)
    with np.errstate(over="ignore"):
        mixed = (np.asarray(item).astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64's finaliser
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    order = np.argsort(code, kind="stable")
    starts = np.searchsorted(code[order], np.arange(len(ids)))
    return ids, np.add.reduceat(mixed[order], starts) if len(ids) else np.empty(0, dtype=np.uint64)
