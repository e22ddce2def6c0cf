"""Tables of what encoders bought, made from the recorded results when the site is built: no number is typed twice.

A page asks for one by ``<!-- gains: FOLDER FOLDER … -->``, folders below results/. Each table.csv in them that has
muvcog-m beside vanilla gives a row for each dataset and baseline. ``<!-- claims: FOLDER … -->`` gives the verdicts on
what was declared there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

RESULTS = Path(__file__).parents[2] / "results"
ASKED = re.compile(r"<!-- (gains|claims): ([^>]+?) -->")
METRIC = "ndcg@10"
COSINE = "muvcog-m[score=cosine]"
MEANS = ("vanilla", "lstm", "random", "muvcog-m", COSINE, "meanpool")
"""Encoders whose mean is a column, in this order."""
NO_COMPETITOR = ("true-intents",)
"""Encoders that know the truth of a simulated corpus: nobody can have them."""


@dataclass(frozen=True)
class Compared:
    """An encoder's difference to a reference, with its interval."""

    delta: float
    low: float
    high: float

    @classmethod
    def of(cls, row: dict[str, str], low: str, high: str) -> Compared:
        return cls(float(row["delta"]), float(row[low]), float(row[high]))

    def __str__(self) -> str:
        said = f"{self.delta:+.3f} [{self.low:+.3f}, {self.high:+.3f}]".replace("-", "−")
        return f"**{said}**" if self.low > 0 or self.high < 0 else said


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts the tables where a page asks for them."""
    return expanded(markdown)


def expanded(markdown: str) -> str:
    """A page with its tables."""
    return ASKED.sub(lambda match: {"gains": table, "claims": claims}[match[1]](match[2].split()), markdown)


def table(folders: list[str]) -> str:
    """The table of some folders below results/, in Markdown."""
    names = [name.replace(COSINE, "…, cosine") for name in MEANS]
    head = ["results", "data, baseline", *names, "muvcog-m − vanilla", "against the strongest other"]
    lines = [row for folder in folders for file in sorted((RESULTS / folder).rglob("*.csv")) for row in _rows(file)]
    return "\n".join(["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *lines)])


def claims(folders: list[str]) -> str:
    """What was declared before the runs and what came out, of some folders below results/, in Markdown."""
    files = [file for folder in folders for file in sorted((RESULTS / folder).rglob("claims.md"))]
    tables = {file: re.findall(r"^\|.*$", file.read_text(encoding="utf-8"), re.MULTILINE) for file in files}
    head = next(iter(tables.values()))[:2]
    rows = [f"| [{_name(file)}]({_page(file)}) {row}" for file, lines in tables.items() for row in lines[2:]]
    return "\n".join([f"| results {head[0]}", f"|---{head[1]}", *rows])


def _rows(file: Path) -> Iterator[list[str]]:
    """A row for each dataset and baseline of a recorded table."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("metric") == METRIC and row.get("mean")]
    differences = _differences(file)
    where = f"[{_name(file.with_suffix(''))}]({_page(file.with_name('tables.md'))})"
    for dataset, baseline in dict.fromkeys((row["dataset"], row["baseline"]) for row in rows):
        cells = {row["encoder"]: row for row in rows if (row["dataset"], row["baseline"]) == (dataset, baseline)}
        if "muvcog-m" not in cells or not cells["muvcog-m"]["delta"]:
            continue
        means = [f"{float(cells[name]['mean']):.3f}" if name in cells else "" for name in MEANS]
        gained = str(Compared.of(cells["muvcog-m"], "ci_low", "ci_high"))
        strongest = differences.get((dataset, baseline), "")
        yield [where, f"{dataset}, {baseline}", *means, gained, strongest]


def _differences(file: Path) -> dict[tuple[str, str], str]:
    """By dataset and baseline, the difference to the encoder that was strongest on validation."""
    beside = file.with_name(f"{file.stem}-differences.csv")
    if not beside.exists():
        return {}
    with beside.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == METRIC and row["low"]]
    return {
        (row["dataset"], row["baseline"]): f"{row['encoder']} − {row['reference']}: {Compared.of(row, 'low', 'high')}"
        for row in rows
        if row["row"].endswith("strongest other") and row["reference"] not in NO_COMPETITOR
    }


def _name(file: Path) -> str:
    """The folder of a result, without what is the same in all names."""
    folder = str(file.parent.relative_to(RESULTS)).replace("-simulated", "")
    return folder if file.suffix else f"{folder}, {file.stem}"


def _page(file: Path) -> str:
    """The link to a page of results, from a page of docs/; links.py makes it one of the site."""
    return f"../results/{file.relative_to(RESULTS)}"
