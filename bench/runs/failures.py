"""What failed, for people: one line for all cells that failed for the same reason."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from bench.errors import BenchError
from bench.printable import one_line, said, visible
from bench.runs.jobs import Cell

_BEHIND = re.compile(r"needs (pretrain|embed) .*?, which failed: ")
_STAGES = {"pretrain": "pretraining", "embed": "embedding"}
_LONGEST = 160  # of a reason; all of it is in the record
_LONGEST_LINE, _LONGEST_TRACE = 2_000, 100_000  # characters in a record
_FRAMES = 100  # of a traceback, the last ones: a recursion without end has thousands


def failure_of(error: BaseException) -> dict[str, str]:
    """The status, the error in a line and the traceback of a job that raised, for its record.

    It may have been raised by a plugin: its text may raise, be endless, or hold what no file can.
    """
    line = said(error)
    line = line if isinstance(error, BenchError) else f"{type(error).__name__}: {line}"
    line = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}… ({len(line):,} characters)"
    trace = visible("".join(traceback.format_exception(error, limit=-_FRAMES)))
    if len(trace) > _LONGEST_TRACE:
        trace = f"{trace[: _LONGEST_TRACE // 2]}\n…\n{trace[-_LONGEST_TRACE // 2 :]}"
    return {"status": "failed", "error": line, "traceback": trace}


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
        reason = one_line(reason)
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
