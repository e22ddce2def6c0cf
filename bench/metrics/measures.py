"""Measures of rankings by the names that ``ir_measures`` gives them, such as ``nDCG@5``, and how a name is read.

Relevance is binary. Ties follow the one rule of :mod:`bench.metrics.ranking`: the expectation over their orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, quoted, shortened
from bench.metrics.cascade import expected_reciprocal_rank
from bench.metrics.precision import average_precision, expected_precision, expected_recall, relevance
from bench.metrics.query_auc import query_auc
from bench.metrics.ranking import Floats, TiedTop, expected_ndcg, hit_ratio, reciprocal_rank


@dataclass(frozen=True)
class RankedLists:
    """Q queries with their ranked candidates.

    Attributes:
        ties: the first K ranks.
        candidates: (Q,) how many candidates each query has, all of them among the K ranks; None where only the first K
            ranks are known.
        known: (Q, K) the chance that a relevant candidate holds each rank, where it is known better than from the
            ties: the last of the first K ranks may be tied with some below.
    """

    ties: TiedTop
    candidates: NDArray[np.int64] | None = None
    known: Floats | None = None

    @property
    def chances(self) -> Floats:
        """(Q, K) the chance that a relevant candidate holds each rank."""
        return relevance(self.ties) if self.known is None else self.known


@dataclass(frozen=True)
class Formula:
    """What a measure computes.

    Attributes:
        name: as ``ir_measures`` writes it, without a cut-off.
        help: one line.
        of_chances: to (Q,), from the chances (Q, at most k) that a relevant candidate holds each rank, the number (Q,)
            of relevant candidates, and k; None for a measure that needs more.
        of_top: from the top k to (Q,); None for a measure that needs less, and for that of whole lists.
        cut: whether a cut-off may, must or must not stand behind the name.
        aliases: other names.
        own: how metrics of tasks are called that are the same.
    """

    name: str
    help: str
    of_chances: Callable[[Floats, NDArray[np.int64], int], Floats] | None = None
    of_top: Callable[[TiedTop], Floats] | None = None
    cut: Literal["may", "must", "never"] = "may"
    aliases: tuple[str, ...] = ()
    own: str = ""

    @property
    def example(self) -> str:
        """How it is typed."""
        return {"may": f"{self.name}[@k]", "must": f"{self.name}@k", "never": self.name}[self.cut]


FORMULAS = (
    Formula("nDCG", "normalised discounted cumulative gain; 0 without a relevant candidate", expected_ndcg, own="ndcg"),
    Formula("AP", "average precision; its mean is MAP", of_top=average_precision, aliases=("MAP",)),
    Formula(
        "ERR", "expected reciprocal rank, a user stopping at half of the relevant ones", of_top=expected_reciprocal_rank
    ),
    Formula(
        "RR", "reciprocal rank of the first relevant candidate", of_top=reciprocal_rank, aliases=("MRR",), own="mrr"
    ),
    Formula("P", "precision", expected_precision, cut="must", aliases=("Precision",)),
    Formula("R", "recall", expected_recall, cut="must", aliases=("Recall",)),
    Formula(
        "Success",
        "1 with a relevant candidate in the top k: hit ratio",
        of_top=hit_ratio,
        cut="must",
        aliases=("HR",),
        own="hr",
    ),
    Formula("AUC", "area under the ROC curve within a query's list", cut="never"),
)
"""Every measure, without a cut-off."""

_DEEPEST = 1_000_000
"""Cut-off: no list of candidates is longer, and a discount for each rank takes memory."""

_BY_NAME = {name.lower(): formula for formula in FORMULAS for name in (formula.name, *formula.aliases)}


@dataclass(frozen=True)
class Measure:
    """A formula with its cut-off; None for all ranks."""

    formula: Formula
    k: int | None = None

    @property
    def name(self) -> str:
        """As ``ir_measures`` writes it: ``nDCG@5``."""
        return self.formula.name if self.k is None else f"{self.formula.name}@{self.k}"

    @property
    def own(self) -> str:
        """The metric of tasks that is the same: ``ndcg@5``; empty where none is."""
        return f"{self.formula.own}@{self.k}" if self.formula.own and self.k is not None else ""

    def of(self, lists: RankedLists) -> Floats:
        """(Q,) its values; NaN for a query that it is not defined for.

        Raises:
            BenchError: it needs ranks that the lists do not have.
        """
        width = lists.ties.best.shape[1]
        if lists.candidates is None and (self.k is None or self.k > width):
            needs = "all ranks" if self.k is None else f"{self.k} ranks"
            raise BenchError(f"{self.name} needs {needs}, and predictions have the first {width} only")
        k = width if self.k is None else self.k
        if self.formula.of_chances is not None:
            return self.formula.of_chances(lists.chances[:, :k], lists.ties.relevant, k)
        if self.formula.of_top is not None:
            return self.formula.of_top(lists.ties.cut(min(k, width)))  # nobody stands beyond them
        assert lists.candidates is not None  # without a cut-off, by the check above
        return query_auc(lists.ties, lists.candidates)


def measure_of(text: str, others: Iterable[str] = ()) -> Measure:
    """The measure of this name, in any case: ``nDCG@5``, ``map``, ``hr@10``.

    Args:
        text: what was typed.
        others: other names that were possible, for the error.

    Raises:
        BenchError: there is none, or its cut-off is wrong.
    """
    name, at, cut = text.strip().partition("@")
    formula = _BY_NAME.get(name.lower())
    if formula is None:
        written = [*(name for f in FORMULAS for name in (f.name, *f.aliases)), *others]
        known = {name.lower(): name for name in written}
        near = [known[one] for one in get_close_matches(name.lower(), known, cutoff=0.5)]
        fix = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(written, key=str.lower))}"
        raise BenchError(f"no metric is called {quoted(text)}", where="--metric", fix=fix)
    if (formula.cut == "must") > bool(at) or (formula.cut == "never" and at):
        what = "needs a cut-off" if formula.cut == "must" else "takes no cut-off"
        raise BenchError(
            f"{formula.name} {what}",
            where=f"--metric {text}",
            fix=f"such as {formula.name}{'@10' if formula.cut == 'must' else ''}",
        )
    if at and not (cut.isascii() and cut.isdigit() and len(cut) <= len(str(_DEEPEST)) and 0 < int(cut) <= _DEEPEST):
        fix = f"1 to {_DEEPEST:,}, such as {formula.name}@10"
        raise BenchError(f"{quoted(cut)} is no cut-off", where=f"--metric {shortened(text)}", fix=fix)
    return Measure(formula, int(cut) if at else None)
