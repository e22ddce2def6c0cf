"""The verdicts on claims as Markdown: a table, and below it every hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from bench.data.corpus import Corpus
from bench.evaluation.claims import Answer
from bench.printable import markdown_text
from bench.reports.fitting import print_paragraph
from bench.reports.labels import FEW_SEEDS, REPLICATES
from bench.reports.power_line import power_of
from bench.stats.outcome import Outcome
from bench.stats.rounding import written_deltas, written_interval, written_p, written_seeds

_EXPLANATION = (
    "A claim holds on a dataset where each of its hypotheses does, one-sided, at p < 0.05 after Holm; it is not tested "
    "where a result is missing. Effect, interval and p are those of the hypothesis that is nearest to failing."
)


def markdown_claims(answers: Sequence[Answer], corpora: Mapping[str, Corpus]) -> str:
    """The table of claims, its explanation, the data's caveats, and every hypothesis.

    Args:
        answers: the verdicts, in the order of the table.
        corpora: by dataset.
    """
    lines = [
        "| claim | what the paper says | dataset | verdict | effect [95 %] | p (Holm) | hypotheses |",
        "|---|---|---|---|---|---|---|",
    ]
    for answer in answers:
        dataset = _label(answer.dataset, corpora)
        effect = written_effect(answer.worst) if answer.worst is not None else ""
        p = written_p(answer.worst.p_adjusted) if answer.worst is not None else ""
        cells = (answer.claim, answer.says, dataset, answer.verdict, effect, p, str(len(answer.outcomes)))
        lines.append("| " + " | ".join(map(markdown_text, cells)) + " |")
    for note in claim_notes(answers, corpora):
        lines += ["", markdown_text(note)]
    for answer in answers:
        if answer.outcomes:
            head = markdown_text(f"{answer.claim}, {_label(answer.dataset, corpora)}: {answer.verdict}")
            lines += ["", f"**{head}**", ""]
            lines += [f"- {markdown_text(_single(outcome))}" for outcome in answer.outcomes]
    return "\n".join(lines) + "\n"


def print_claims(answers: Sequence[Answer], corpora: Mapping[str, Corpus], console: Console) -> None:
    """Both on a terminal: each claim in words, then its verdict on every dataset with the hypotheses behind it."""
    for claim, says in dict.fromkeys((answer.claim, answer.says) for answer in answers):
        print_paragraph(f"{claim}: {says}", console, style="bold")
        for answer in answers:
            if answer.claim != claim:
                continue
            effect = f": {written_effect(answer.worst)}, p {written_p(answer.worst.p_adjusted)}" if answer.worst else ""
            print_paragraph(f"{_label(answer.dataset, corpora)}: {answer.verdict}{effect}", console, indent=2)
            for outcome in answer.outcomes:
                print_paragraph(f"- {_single(outcome)}", console, indent=4, style="dim")
        console.print()
    for line in claim_notes(answers, corpora):
        print_paragraph(line, console)


def claim_notes(answers: Sequence[Answer], corpora: Mapping[str, Corpus]) -> list[str]:
    """How the verdicts are to be read, and what must be known of the data."""
    lines = [_EXPLANATION]
    if any(outcome.conditional for answer in answers for outcome in answer.outcomes):
        lines.append("One seed: all of this is conditional on one trained model.")
    if any(outcome.difference and outcome.difference.parts for answer in answers for outcome in answer.outcomes):
        lines.append(FEW_SEEDS)
    line = power_of(outcome for answer in answers for outcome in answer.outcomes)
    lines += [line] if line else []
    replicates = [len(o.difference.corpus_deltas) for a in answers for o in a.outcomes if o.difference is not None]
    if any(replicates):
        lines.append(f"Intervals and p are over {max(replicates)} corpora ({REPLICATES}).")
    datasets = dict.fromkeys(answer.dataset for answer in answers if answer.dataset is not None)
    notes = {note: None for name in datasets if name in corpora for note in corpora[name].info.caveats}
    return [*lines, *(f"Note: {note}" for note in notes)]


def _single(outcome: Outcome) -> str:
    """A hypothesis in a line: its effect, interval, p and verdict."""
    if outcome.difference is None:
        return f"{outcome.hypothesis}: not tested"
    margin = f", margin {outcome.hypothesis.margin:g}" if outcome.hypothesis.margin is not None else ""
    effect = written_effect(outcome)
    if outcome.difference.corpus_deltas:
        effect += f" (by corpus {written_deltas(outcome.difference.corpus_deltas)})"
    return f"{outcome.hypothesis}{margin}: {effect}, p {written_p(outcome.p_adjusted)}: {outcome.verdict()}"


def written_effect(outcome: Outcome) -> str:
    """The difference of a tested hypothesis with its interval, and that of every seed where these are few."""
    difference = outcome.difference
    assert difference is not None
    interval = written_interval(difference.delta, difference.low, difference.high)
    return "; ".join(filter(None, (interval, written_seeds(difference.by_seed))))


def _label(dataset: str | None, corpora: Mapping[str, Corpus]) -> str:
    if dataset is None:
        return "–"
    return corpora[dataset].info.label if dataset in corpora else dataset
