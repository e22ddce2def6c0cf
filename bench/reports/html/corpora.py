"""The corpus as a report shows it: where it comes from, its statistics, how it is split, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.data.stats import Statistic, corpus_stats


@dataclass(frozen=True)
class CorpusFacts:
    """A corpus.

    Attributes:
        name: as tables print it.
        corpus: the corpus.
        statistics: of the paper's Table 1 and more.
        problems: what ``bench data validate`` finds, a line each; empty for a sound corpus.
        simulated: nobody's shopping: said loudly.
        split: how sessions were put into train, validation and test.
        source: how it was made, by option.
    """

    name: str
    corpus: Corpus
    statistics: list[Statistic]
    problems: list[str]
    simulated: bool
    split: str
    source: dict[str, str]

    @property
    def printed(self) -> bool:
        """Whether anything is published of it."""
        return any(statistic.published is not None for statistic in self.statistics)


_SPLITS = {
    "random": "at random, or as it came",
    "time": "by time: test sessions are later than training ones",
    "user": "by user: nobody is on two sides",
}


def corpus_facts(name: str, corpus: Corpus) -> CorpusFacts:
    """The facts of a corpus; its files are read and checked."""
    source = corpus.info.source.get("options", corpus.info.source)
    flat = {key: str(value) for key, value in source.items() if not isinstance(value, dict | list)}
    return CorpusFacts(
        name=name,
        corpus=corpus,
        statistics=corpus_stats(corpus),
        problems=[str(problem.error(corpus.folder.name)) for problem in problems(corpus.folder)],
        simulated=corpus.info.origin == "simulated",
        split=_SPLITS[corpus.info.split],
        source=flat,
    )


def statistic_rows(corpora: Sequence[CorpusFacts]) -> list[tuple[str, list[str]]]:
    """A row per statistic: its name, and for each corpus the value here and the published one."""
    rows = []
    for name in dict.fromkeys(statistic.statistic for facts in corpora for statistic in facts.statistics):
        texts = []
        for facts in corpora:
            known = next((one for one in facts.statistics if one.statistic == name), Statistic(name, None))
            texts.append(_written(known.value))
            texts += [_written(known.published)] if facts.printed else []
        rows.append((name, texts))
    return rows


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3f}"
