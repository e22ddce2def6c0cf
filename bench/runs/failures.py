"""What failed, for people: one line for all cells that failed for the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bench.runs.jobs import Cell

_BEHIND = re.compile(r"needs (pretrain|embed) .*?, which failed: ")
_STAGES = {"pretrain": "pretraining", "embed": "embedding"}
_LONGEST = 160  # of a reason; all of it is in the record


def root_reason(error: str) -> tuple[str, str]:
    """The stage and the reason at the root of an error: ``("pretraining", "the loss is nan")``.

    The stage is empty unless it was a job behind the failed one, which needed it, that broke.
    """
    stage = ""
    while (behind := _BEHIND.match(error)) is not None:
        stage, error = _STAGES[behind[1]], error[behind.end() :]
    return stage, error


def failure_lines(failed: Iterable[tuple[Cell, Mapping[str, Any]]]) -> list[str]:
    """One line for the cells of a task and a dataset that failed alike, with one of their keys.

    Args:
        failed: each failed cell and its record.
    """
    alike: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for cell, record in failed:
        reason = ": ".join(filter(None, root_reason(" ".join(str(record.get("error")).split()))))
        alike.setdefault((cell.task, cell.dataset, reason), {})[cell.key] = cell
    lines = []
    for (task, dataset, reason), cells in alike.items():
        first = next(iter(cells.values()))
        if len(cells) == 1:
            what = first.jobs[-1].title
        else:
            what = f"{task} {dataset} {_product(list(cells.values()))} ({len(cells)} cells)"
        short = reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
        lines.append(f"FAILED {what}: {short}  (bench show {first.key})")
    return lines


def _product(cells: list[Cell]) -> str:
    """Which cells they are: "transearch × 5 encoders × 5 seeds", names where there are few."""
    parts = []
    for kind, names in (
        ("baselines", [cell.baseline for cell in cells]),
        ("encoders", [cell.encoder for cell in cells]),
    ):
        distinct = list(dict.fromkeys(names))
        parts.append(" and ".join(distinct) if len(distinct) <= 2 else f"{len(distinct)} {kind}")
    corpora = sorted({cell.corpus_seed for cell in cells if cell.corpus_seed is not None})
    if corpora:
        named = f"corpus {corpora[0]}" if len(corpora) == 1 else f"corpora {', '.join(map(str, corpora))}"
        parts.append(named)
    seeds = len({cell.seed for cell in cells})
    return " × ".join([*parts, f"{seeds} seed{'s' * (seeds != 1)}{' in all' * (len(corpora) > 1)}"])
