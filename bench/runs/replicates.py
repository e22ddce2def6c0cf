"""Corpora as replicates: a simulated dataset made with several corpus seeds, each with model seeds of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.errors import BenchError
from bench.plugins.specs import DatasetSpec

MOST_SEEDS = 1_000
"""Of a run, for each corpus: more is a slip of the finger, and would plan for hours."""

MOST_CORPORA = 100
"""Of a run, for each dataset."""

OPTION = "seed"
"""The option of a simulated dataset that draws another world."""


def corpus_seeds(number: int | None) -> tuple[int | None, ...]:
    """The corpus seeds 1 … ``number``; one None where corpora are no replicates, and the dataset's options decide.

    Raises:
        BenchError: too many, or fewer than two: one corpus has nothing to be compared with.
    """
    if number is None:
        return (None,)
    if not 2 <= number <= MOST_CORPORA:
        fix = f"2 to {MOST_CORPORA}; 5 or more for a claim about the simulated world"
        raise BenchError(f"{number} corp{'us' if number == 1 else 'ora'}", where="--corpus-seeds", fix=fix)
    return tuple(range(1, number + 1))


def model_seeds(corpus_seed: int | None, seeds: int) -> range:
    """The seeds of the models on a corpus: 0 … ``seeds`` - 1; on corpus c of several, as many from (c - 1) · 1,000 on.

    Seeds are nested in corpora: a start that models of all corpora shared would be a part of every corpus's difference,
    and the corpora no independent draws. Corpus 1 has the cells of a run on it alone, and a further corpus or seed
    leaves those of the others as they are.
    """
    first = 0 if corpus_seed is None else (corpus_seed - 1) * MOST_SEEDS
    return range(first, first + seeds)


def of_model_seed(seed: int) -> tuple[int, int]:
    """The corpus seed whose models have this seed in a run over corpora, and how many seeds precede it there."""
    corpora, before = divmod(seed, MOST_SEEDS)
    return corpora + 1, before


def check_replicable(name: str, spec: DatasetSpec | None, where: str) -> None:
    """Looks whether a dataset can be drawn again.

    Raises:
        BenchError: it is a log, or the folder of one corpus.
    """
    if spec is None or spec.fetched or OPTION not in spec.settable:
        raise BenchError(
            f"{name} is not simulated: it has one corpus, and no option {OPTION!r} to draw others with",
            where=where,
            fix="leave corpus seeds out, or name simulated datasets only",
        )


def replicate_options(spec: DatasetSpec | None, options: Mapping[str, Any], corpus_seed: int | None) -> dict[str, Any]:
    """The options of the corpus with this seed; as they are without one.

    Raises:
        BenchError: a seed was set as well.
    """
    if spec is None or corpus_seed is None:
        return dict(options)
    if options[OPTION] != spec.defaults[OPTION]:
        raise BenchError(
            f"{spec.name}.{OPTION}={options[OPTION]} is set, but corpus seeds are 1, 2, …",
            where="--corpus-seeds",
            fix=f"leave {OPTION} out, or --corpus-seeds",
        )
    return {**options, OPTION: corpus_seed}
