"""What stored predictions ranked, read back: the candidates of each unit with their scores, as flat rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.csr import expand_ranges, offsets_of
from bench.errors import BenchError
from bench.metrics.classification import PROBABILITY
from bench.metrics.measures import Measure, RankedLists
from bench.metrics.precision import relevance
from bench.metrics.ranking import Floats, TiedTop, tied_top

Answers = NDArray[np.int64]
"""(Q,) how many candidates of each unit are relevant, at any rank."""

_CELLS = 2_000_000  # of padded lists held at a time


@dataclass(frozen=True)
class Rankings:
    """The ranked candidates of Q units, as CSR in the order of the units.

    Attributes:
        offsets: (Q + 1,).
        scores, relevant: (n,) of each candidate.
        depth: of how many ranks the candidates are known; None where all are.
        answers: (Q,) with a depth: relevant candidates at any rank.
        ndcg: (Q,) with a depth: NDCG at it, as the task scored it when it knew how many candidates are tied with the
            last one. It tells the chance that one of these is relevant.
    """

    offsets: NDArray[np.int64]
    scores: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    depth: int | None = None
    answers: Answers | None = None
    ndcg: Floats | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def measured(self, *measures: Measure) -> list[Floats]:
        """(Q,) values of each measure; lists are sorted once for all of them.

        Raises:
            BenchError: one needs ranks that are not known.
        """
        blocks = [[measure.of(lists) for measure in measures] for lists in self._blocks()]
        return [np.concatenate([np.empty(0), *of_measure]) for of_measure in zip(*blocks, strict=True)]

    def tied_to_last(self, k: int) -> NDArray[np.bool_]:
        """(Q,) whether the candidate at rank k has the score of the last one that is known."""
        assert self.depth is not None
        return np.concatenate(
            [np.empty(0, bool), *(of.ties.best[:, k - 1] == of.ties.best[:, -1] for of in self._blocks())]
        )

    def _blocks(self) -> Iterator[RankedLists]:
        """All units, so many at a time as padded lists fit."""
        lengths = np.diff(self.offsets)
        width = int(max(self.depth or 1, lengths.max(initial=1)))
        size = max(1, _CELLS // width)
        for start in range(0, len(lengths), size):
            mine = lengths[start : start + size]
            stop = start + len(mine)
            rows, owner = expand_ranges(self.offsets[start:stop], self.offsets[start + 1 : stop + 1])
            place = rows - self.offsets[start:stop][owner]
            shape = (len(mine), width)
            scores, relevant, shown = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, bool)
            scores[owner, place], relevant[owner, place] = self.scores[rows], self.relevant[rows]
            shown[owner, place] = True
            ties = tied_top(scores, relevant, shown, width)
            if self.depth is None:
                yield RankedLists(ties, mine)
                continue
            assert self.answers is not None
            ties = replace(ties, relevant=self.answers[start:stop]).cut(self.depth)
            ndcg = None if self.ndcg is None else self.ndcg[start:stop]
            yield RankedLists(ties, known=None if ndcg is None else _chances(ties, ndcg))


def _chances(ties: TiedTop, ndcg: Floats) -> Floats:
    """(Q, k) the chance that a relevant candidate holds each rank, that of the last tie from what NDCG@k leaves to it.

    The tie goes on below rank k, nobody knows how far; its ranks share what the others do not explain of the gain.
    """
    k = ties.best.shape[1]
    chances, last = relevance(ties), ties.best == ties.best[:, -1:]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.clip(ties.relevant, 1, k) - 1]
    left = ndcg * ideal - (discount * chances * ~last).sum(1)
    share = np.clip(left / (discount * last).sum(1), 0.0, 1.0)
    return np.where(last, share[:, None], chances)


def read_rankings(folder: Path, units: NDArray[Any], answers: Callable[[], Answers]) -> Rankings | None:
    """The rankings in the ``predictions.parquet`` of a cell; None where it holds none.

    It holds rankings in one of three forms: all candidates (columns ``unit``, ``clicked``, ``score``), the first ranks
    (``unit``, ``rank``, ``relevant``, ``score``), or the classes of a classifier, with the true one the only relevant
    one (``unit``, ``label`` and ``p:NAME`` of each class).

    Args:
        folder: of the cell.
        units: (Q,) sorted ids of what was scored.
        answers: counts their relevant candidates, where only first ranks are stored.

    Raises:
        BenchError: predictions of other units.
    """
    file = folder / "predictions.parquet"
    names = pq.read_schema(file).names
    classes = [name for name in names if name.startswith(PROBABILITY)]
    if {"unit", "label"} <= set(names) and classes:
        return _of_classes(file, units, classes)
    relevant = "clicked" if "clicked" in names else "relevant"
    if not {"unit", relevant, "score"} <= set(names):
        return None
    table = pq.read_table(file, columns=["unit", relevant, "score"], read_dictionary=["unit"])
    place = _places(table["unit"].combine_chunks(), units, file)
    order = np.argsort(place, kind="stable")
    lengths = np.bincount(place, minlength=len(units))
    scores, hits = table["score"].to_numpy()[order].astype(np.float64), table[relevant].to_numpy()[order].astype(bool)
    if "rank" not in names:
        return Rankings(offsets_of(lengths), scores, hits)
    return Rankings(offsets_of(lengths), scores, hits, int(lengths.max(initial=1)), answers())


def _of_classes(file: Path, units: NDArray[Any], classes: list[str]) -> Rankings:
    table = pq.read_table(file, columns=["unit", "label", *classes], read_dictionary=["unit"])
    order = np.argsort(_places(table["unit"].combine_chunks(), units, file), kind="stable")
    scores = np.stack([table[name].to_numpy() for name in classes], axis=1)[order]  # (Q, C)
    relevant = table["label"].to_numpy()[order, None] == np.arange(len(classes))
    return Rankings(np.arange(len(units) + 1) * len(classes), scores.ravel().astype(np.float64), relevant.ravel())


def _places(unit: Any, units: NDArray[Any], file: Path) -> NDArray[np.int64]:
    """(n,) the place in ``units`` of each row's unit, from a dictionary array."""
    ids = unit.dictionary.to_pandas().to_numpy()
    place = np.searchsorted(units, ids)
    if len(ids) != len(units) or not np.array_equal(units[np.minimum(place, len(units) - 1)], ids):
        raise BenchError("predictions of other units than the scores", where=str(file), fix="run the cell again")
    return np.asarray(place[unit.indices.to_numpy()], dtype=np.int64)
