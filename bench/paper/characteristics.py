"""Figure 2: distributions of session length and of clicks per query, counted from the corpora."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.data.clicks import clicks_per_query
from bench.data.columns import Columns
from bench.data.corpus import Corpus
from bench.data.csr import Integers, expand_ranges
from bench.data.published import CITATION, PUBLISHED, SHARE_OVER_TEN_STEPS
from bench.figures.drawing import Drawing
from bench.figures.style import COLOURS, COLUMN, MARKERS, light_grid, new_figure, printed, style

LONGEST = 10
"""Larger session lengths and numbers of clicks share one bin, as in the paper's figure."""

_LENGTHS, _CLICKS = "session length", "clicks per query"
_MULTI_MODAL, _TEXTUAL = "with image queries", "without image queries"


def count_characteristics(corpus: Corpus) -> pd.DataFrame:
    """Both distributions as a table of panel, sessions (with or without image queries), value, more, share, mean, n.

    Lengths are those of all sessions. Clicks are counted in the downstream sample, whose impressions are complete, over
    the queries that have impressions. Rows of sessions without image queries exist only where the corpus keeps such.
    """
    columns = corpus.columns
    lengths = np.diff(columns.session_queries)
    textual = _without_images(columns)
    clicks, owner = _clicks_per_query(corpus)
    rows = []
    for name, selected in ((_MULTI_MODAL, ~textual), (_TEXTUAL, textual)):
        rows += _shares(_LENGTHS, name, lengths[selected], 1)
        rows += _shares(_CLICKS, name, clicks[selected[owner]], 0)
    return pd.DataFrame(rows)


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
        for sessions in (_MULTI_MODAL, _TEXTUAL)
        if len(_line(numbers, name, sessions, _LENGTHS))
    ]
    with style():
        figure = new_figure(COLUMN, 3.3 + 0.14 * len(series))
        panels = figure.subplots(2, 1)
        for axes, panel, letter in zip(panels, (_LENGTHS, _CLICKS), "ab", strict=True):
            light_grid(axes, "y")
            for name, sessions in series:
                number = list(corpora).index(name)
                line = _line(numbers, name, sessions, panel)
                axes.plot(
                    line["value"],
                    100 * line["share"],
                    "-" if sessions == _MULTI_MODAL else "--",
                    color=COLOURS[number % len(COLOURS)],
                    marker=MARKERS[number % len(MARKERS)],
                    markerfacecolor="white" if sessions == _TEXTUAL else None,
                )
            axes.set_title(f"({letter}) {panel}")
            axes.set_ylim(bottom=0)
            least = 1 if panel == _LENGTHS else 0
            axes.set_xticks(range(least, LONGEST + 2), [*map(str, range(least, LONGEST + 1)), f">{LONGEST}"])
            axes.set_xlabel("queries in the session" if panel == _LENGTHS else "clicked items")
            axes.set_ylabel("% of sessions" if panel == _LENGTHS else "% of queries")
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
        for panel, unit in ((_LENGTHS, "queries a session"), (_CLICKS, "clicks a query"))
        if len(line := _line(numbers, dataset, sessions, panel))
    ]
    return f"{printed(name)}{', no images' if sessions == _TEXTUAL else ''}: {', '.join(means)}"


def _caption(corpora: Mapping[str, Corpus], numbers: pd.DataFrame) -> tuple[str, ...]:
    long = numbers[(numbers["panel"] == _LENGTHS) & numbers["more"] & (numbers["sessions"] == _MULTI_MODAL)]
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
    if not (numbers["sessions"] == _TEXTUAL).any():
        sentences.append(
            "The paper's figure compares them with purely textual sessions, which these corpora leave out, as the "
            "paper's own data do."
        )
    return tuple(sentences)


def _without_images(columns: Columns) -> NDArray[np.bool_]:
    """(S,) whether a session has no image query."""
    images = np.concatenate([[0], np.cumsum(columns.query_image >= 0)])
    without: NDArray[np.bool_] = np.diff(images[columns.session_queries]) == 0
    return without


def _clicks_per_query(corpus: Corpus) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Clicks (n,) on each query of the downstream sample that has impressions, and rows (n,) of its session."""
    columns, sessions = corpus.columns, corpus.session_rows(downstream=True)
    queries, owner = expand_ranges(columns.session_queries[sessions], columns.session_queries[sessions + 1])
    has_impressions = np.diff(columns.query_impressions)[queries] > 0
    return clicks_per_query(columns)[queries[has_impressions]], sessions[owner[has_impressions]]


def _shares(panel: str, sessions: str, counts: Integers, least: int) -> list[dict[str, object]]:
    """A row per bin, ``least`` … LONGEST and one for more, with its share of ``counts`` (n,); none without counts."""
    if not len(counts):
        return []
    binned = np.bincount(np.minimum(counts, LONGEST + 1), minlength=LONGEST + 2)[least:]
    return [
        {
            "panel": panel,
            "sessions": sessions,
            "value": value,
            "more": value > LONGEST,
            "share": count / len(counts),
            "mean": float(counts.mean()),
            "n": len(counts),
        }
        for value, count in enumerate(binned.tolist(), start=least)
    ]
