"""Figure 2: distributions of session length and of clicks per query, drawn."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.data.characteristics import CLICKS, LENGTHS, LONGEST, MULTI_MODAL, TEXTUAL, count_characteristics
from bench.data.corpus import Corpus
from bench.data.published import CITATION, PUBLISHED, SHARE_OVER_TEN_STEPS
from bench.figures.drawing import Drawing
from bench.figures.style import COLOURS, COLUMN, MARKERS, light_grid, new_figure, printed, style


def draw_characteristics(corpora: Mapping[str, Corpus], names: Mapping[str, str] | None = None) -> Drawing:
    """Two panels with a line per dataset, and a dashed one for the sessions without image queries where there are any.

    Args:
        corpora: by dataset.
        names: printed names of datasets; by default those of tables.
    """
    names = names or {name: corpus.info.label for name, corpus in corpora.items()}
    tables = {name: count_characteristics(corpus) for name, corpus in corpora.items()}
    numbers = pd.concat([table.assign(dataset=name) for name, table in tables.items()], ignore_index=True)
    numbers = numbers[["dataset", *numbers.columns.drop("dataset")]]
    series = [
        (name, sessions)
        for name in corpora
        for sessions in (MULTI_MODAL, TEXTUAL)
        if len(_line(numbers, name, sessions, LENGTHS))
    ]
    with style():
        figure = new_figure(COLUMN, 3.3 + 0.14 * len(series))
        panels = figure.subplots(2, 1)
        for axes, panel, letter in zip(panels, (LENGTHS, CLICKS), "ab", strict=True):
            light_grid(axes, "y")
            for name, sessions in series:
                number = list(corpora).index(name)
                line = _line(numbers, name, sessions, panel)
                axes.plot(
                    line["value"],
                    100 * line["share"],
                    "-" if sessions == MULTI_MODAL else "--",
                    color=COLOURS[number % len(COLOURS)],
                    marker=MARKERS[number % len(MARKERS)],
                    markerfacecolor="white" if sessions == TEXTUAL else None,
                )
            axes.set_title(f"({letter}) {panel}")
            axes.set_ylim(bottom=0)
            least = 1 if panel == LENGTHS else 0
            axes.set_xticks(range(least, LONGEST + 2), [*map(str, range(least, LONGEST + 1)), f">{LONGEST}"])
            axes.set_xlabel("queries in the session" if panel == LENGTHS else "clicked items")
            axes.set_ylabel("% of sessions" if panel == LENGTHS else "% of queries")
        labels = [_label(numbers, name, names[name], sessions) for name, sessions in series]
        figure.legend(panels[0].get_lines(), labels, loc="outside lower center", ncols=1)
    return Drawing(
        "figure2", "Figure 2. Session length and clicks per query", figure, numbers, _caption(corpora, numbers)
    )


def _line(numbers: pd.DataFrame, dataset: str, sessions: str, panel: str) -> pd.DataFrame:
    """The rows of one line of one panel, by value."""
    of_line = (numbers["dataset"] == dataset) & (numbers["sessions"] == sessions) & (numbers["panel"] == panel)
    return numbers[of_line].sort_values("value")


def _label(numbers: pd.DataFrame, dataset: str, name: str, sessions: str) -> str:
    """The legend's entry of a line in both panels: the dataset's printed name and the two means."""
    means = [
        f"{line['mean'].iloc[0]:.1f} {unit}"
        for panel, unit in ((LENGTHS, "queries a session"), (CLICKS, "clicks a query"))
        if len(line := _line(numbers, dataset, sessions, panel))
    ]
    return f"{printed(name)}{', no images' if sessions == TEXTUAL else ''}: {', '.join(means)}"


def _caption(corpora: Mapping[str, Corpus], numbers: pd.DataFrame) -> tuple[str, ...]:
    long = numbers[(numbers["panel"] == LENGTHS) & numbers["more"] & (numbers["sessions"] == MULTI_MODAL)]
    shares = ", ".join(f"{row.dataset} {row.share:.1%}" for row in long.itertuples())
    published = {
        name: paper["clicks"] / (paper["keyword_queries"] + paper["product_queries"])
        for name, corpus in corpora.items()
        if (paper := PUBLISHED.get(corpus.info.name.removeprefix("mmsession-"))) is not None
    }
    sentences = [
        "Length counts steps: a keyword query, or a product query with its image query. Clicks are counted in the "
        "downstream sample over queries that have impressions. The legend gives means.",
        f"More than ten queries: {shares}; the paper says {SHARE_OVER_TEN_STEPS:.0%} of its multi-modal sessions.",
    ]
    if published:
        means = ", ".join(f"{name} {value:.2f}" for name, value in published.items())
        sentences.append(f"Clicks per query in the paper's data: {means} ({CITATION}).")
    if not (numbers["sessions"] == TEXTUAL).any():
        sentences.append(
            "The paper's figure compares them with purely textual sessions, which these corpora leave out, as the "
            "paper's own data do."
        )
    return tuple(sentences)
