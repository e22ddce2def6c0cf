"""The answer first: for every baseline and dataset, whether the encoder helps, how much, how surely, and at what cost.

Which encoder is asked about was decided before the test split was looked at: the experiment's champion, or else the
encoder that was strongest on validation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from bench.evaluation.experiment import Part
from bench.evaluation.stored import Place
from bench.evaluation.tests import Results
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.reports.ceilings_line import CEILING, CHANCE, SHOWN
from bench.reports.html.costs import Cost, cost_of
from bench.reports.labels import dataset_label
from bench.stats.banerjee import FEWEST_SEEDS
from bench.stats.marks import dagger
from bench.stats.outcome import Outcome
from bench.stats.rounding import written_interval, written_p

Word = Literal["helps", "hurts", "not certain", "no result"]


@dataclass(frozen=True)
class Finding:
    """One encoder on one baseline and dataset, against the reference (or the strongest other encoder).

    Attributes:
        task, dataset, baseline, encoder, reference, metric: printed names.
        word: the answer; ``helps`` and ``hurts`` only where p < 0.05 after Holm, with five seeds or corpora.
        difference: with its 95 % interval; empty without a result.
        relative: the same in per cent of the reference's mean; None where that is 0.
        share: of what there was to gain between the reference and the ceiling; None on a corpus without a ceiling.
        p: after Holm, written.
        cost, reference_cost: seconds of both; None where no cell is done.
        levels: means by what they are of: chance, order shown, reference, encoder, ceiling.
        place: the system.
    """

    task: str
    dataset: str
    baseline: str
    encoder: str
    reference: str
    metric: str
    word: Word
    difference: str
    relative: float | None
    share: float | None
    p: str
    cost: Cost | None
    reference_cost: Cost | None
    levels: dict[str, float]
    place: Place


def findings_of(results: Results) -> list[Finding]:
    """The findings of all parts, a comparison that two parts share once."""
    found: dict[tuple[str, ...], Finding] = {}
    for part in results.experiment.parts:
        for dataset in part.datasets:
            for baseline in part.baselines:
                outcome = _asked(results, part, dataset, baseline)
                if outcome is not None:
                    h = outcome.hypothesis
                    key = (part.task, h.dataset, h.baseline, h.encoder, h.reference)
                    found.setdefault(key, _finding(results, part, outcome))
    return list(found.values())


def headline(findings: list[Finding]) -> tuple[Word, str]:
    """One word and one sentence for all findings of a task."""
    if not any(finding.word != "no result" for finding in findings):
        return "no result", "Nothing has been computed yet."
    count = {word: sum(finding.word == word for finding in findings) for word in get_args(Word)}
    encoders = " / ".join(dict.fromkeys(finding.encoder for finding in findings))
    references = " or ".join(dict.fromkeys(finding.reference for finding in findings))
    of = f"{len(findings)} comparisons" if len(findings) > 1 else "1 comparison"
    sentence = f"{encoders} is better than {references} in {count['helps']} of {of}, worse in {count['hurts']}"
    sentence += f", not certain in {count['not certain']}" if count["not certain"] else ""
    sentence += f"; {count['no result']} have no result yet." if count["no result"] else "."
    if count["helps"] and not count["hurts"]:
        return "helps", sentence
    if count["hurts"] and not count["helps"]:
        return "hurts", sentence
    return "not certain", sentence


def certainty(results: Results) -> str:
    """How sure the answers can be with this many seeds, in a sentence."""
    replicates = results.experiment.corpus_seeds or results.experiment.seeds
    what = "corpora" if results.experiment.corpus_seeds else "seeds"
    if replicates == 1:
        return "One seed: all of this is about one trained model, and nothing is called certain."
    if replicates < FEWEST_SEEDS:
        return f"{replicates} {what} are fewer than {FEWEST_SEEDS}, so nothing here is called certain, whatever its p."
    return (
        f"Better and worse mean p < 0.05 over users and {replicates} {what}, after Holm's correction for everything "
        "that was declared before the run."
    )


def _asked(results: Results, part: Part, dataset: str, baseline: str) -> Outcome | None:
    """The outcome that answers for a baseline: the champion's, else that of the strongest on validation."""
    primary, champion = part.metrics[0], results.experiment.champion
    others = [name for name in part.encoders if name != REFERENCE and name not in part.controls]
    if champion in part.encoders:
        encoder: str | None = champion
    else:
        encoder = others[0] if len(others) == 1 else results.strongest(part.id, dataset, baseline)
    if encoder is None:
        return None
    place = (part.id, dataset, baseline, encoder, primary)
    return results.outcome(*place) or results.against_strongest(*place)


def _finding(results: Results, part: Part, outcome: Outcome) -> Finding:
    h, label = outcome.hypothesis, results.experiment.label
    place = (part.id, h.dataset, h.baseline, h.encoder)
    other = (part.id, h.dataset, h.baseline, h.reference)
    difference = outcome.difference
    means = {
        "reference": _mean(results, other, h.metric),
        "encoder": _mean(results, place, h.metric),
        **{name: _mean(results, (part.id, h.dataset, name, REFERENCE), h.metric) for name in (CHANCE, SHOWN, CEILING)},
    }
    levels = {name: mean for name, mean in means.items() if mean is not None}
    start, ceiling = levels.get("reference"), levels.get(CEILING)
    share = None
    to_gain = h.reference == REFERENCE and "encoder" in levels
    if to_gain and start is not None and ceiling is not None and ceiling > start:
        share = (levels["encoder"] - start) / (ceiling - start)
    word: Word = "no result"
    if difference is not None:
        sure = dagger(outcome.p_adjusted, difference.replicates)
        word = ("helps" if difference.delta > 0 else "hurts") if sure else "not certain"
    return Finding(
        task=registry().get("task", part.task).help.partition(";")[0],
        dataset=dataset_label(results, h.dataset),
        baseline=label(h.baseline),
        encoder=label(h.encoder),
        reference="no session vector" if h.reference == REFERENCE else label(h.reference),
        metric=label(h.metric),
        word=word,
        difference=written_interval(difference.delta, difference.low, difference.high) if difference else "",
        relative=difference.delta / start if difference and start else None,
        share=share,
        p=written_p(outcome.p_adjusted),
        cost=cost_of(results, place),
        reference_cost=cost_of(results, other),
        levels=levels,
        place=place,
    )


def _mean(results: Results, place: Place, metric: str) -> float | None:
    values = results.seed_values(*place, metric)
    return float(values.mean()) if len(values) else None
