"""From measured rows to a table, to fits of time and memory, and to what the paper's Clothes would cost."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from bench.data.published import PUBLISHED

COMMANDS = ("make", "stats", "validate", "ingest", "pretrain", "slice")
_GROWING = COMMANDS[:4]  # the others do a given number of steps or prefixes


@dataclass(frozen=True)
class Row:
    """One measured command at one size; see ``watched.Cost``."""

    command: str
    sessions: int
    processor_s: float
    anonymous_mb: float
    disk_mb: float
    commit: str
    machine: str


@dataclass(frozen=True)
class Fit:
    """How a command grows.

    Attributes:
        exponent: of processor time in sessions, between the smaller and the largest size: what does not grow, such as
            starting Python, is taken off first, or it would hide what grows faster than the data.
        seconds: of processor per session, between these two.
        bytes_each: of memory per session, likewise.
    """

    exponent: float
    seconds: float
    bytes_each: float


def read_rows(file: Path) -> list[Row]:
    """The measured rows; of a command and a size that stand there twice, that of less time: others took the rest."""
    if not file.exists():
        return []
    with file.open(newline="") as opened:
        rows = [
            Row(
                one["command"],
                int(one["sessions"]),
                *(float(one[name]) for name in ("processor_s", "anonymous_mb", "disk_mb")),
                one["commit"],
                one["machine"],
            )
            for one in csv.DictReader(opened)
        ]
    rows.sort(key=lambda row: -row.processor_s)
    return list({(row.command, row.sessions): row for row in rows}.values())


def fit(rows: list[Row]) -> Fit:
    """The growth of one command over its sizes, of which there are three or more.

    Time is ``a + b n**e``: for each exponent e from 0.5 to 1.5 the least squares of relative errors give a and b >= 0.
    """
    rows = sorted(rows, key=lambda row: row.sessions)
    sessions = np.array([row.sessions for row in rows], dtype=float)
    seconds, memory = (np.array([getattr(row, name) for row in rows]) for name in ("processor_s", "anonymous_mb"))
    best = (np.inf, 1.0)
    for exponent in np.arange(0.5, 1.5, 0.005):
        terms = np.stack([1 / seconds, sessions**exponent / seconds], axis=1)  # (n, 2) relative to what was measured
        solved, *_ = np.linalg.lstsq(terms, np.ones(len(rows)), rcond=None)
        error = float(np.square(terms @ solved - 1).sum())
        if solved.min() >= 0 and error < best[0] - 1e-12:
            best = (error, float(exponent))
    ahead = sessions[-1] - sessions[-2]
    return Fit(best[1], (seconds[-1] - seconds[-2]) / ahead, (memory[-1] - memory[-2]) * 2**20 / ahead)


def report(rows: list[Row]) -> str:
    """Markdown: the table, the fits and the projection."""
    table = [
        [row.command, f"{row.sessions:,}", row.processor_s, row.anonymous_mb, row.disk_mb]
        for name in COMMANDS
        for row in sorted((row for row in rows if row.command == name), key=lambda row: row.sessions)
    ]
    head = ["command", "sessions", "processor, s", "memory of its own, MB", "corpus on disk, MB"]
    text = [
        "# Measured",
        "",
        "Made by `measure.py` from `measured.csv`, on simulated `beauty`.",
        "",
        tabulate(table, head, tablefmt="github", floatfmt=("", "", ".1f", ".0f", ".0f")),
        "",
    ]
    of = {name: [row for row in rows if row.command == name] for name in COMMANDS}
    fits = {name: fit(measured) for name, measured in of.items() if len(measured) > 2}
    lines = [
        [name, f"{max(row.sessions for row in of[name]):,}", _said(one, of[name]), 1e6 * one.seconds, one.bytes_each]
        for name, one in fits.items()
        if name in _GROWING
    ]
    head = ["command", "up to, sessions", "exponent of time", "processor, s per million", "memory, bytes per session"]
    text += ["## Growth", "", tabulate(lines, head, tablefmt="github", floatfmt=("", "", ".2f", ".0f", ".0f")), ""]
    return "\n".join(text + _projection(of, fits))


def _said(one: Fit, rows: list[Row]) -> str:
    """The exponent; of a time that has hardly grown there is none."""
    seconds = [row.processor_s for row in rows]
    return f"{one.exponent:.2f}" if max(seconds) > 2 * min(seconds) else "hardly grows"


def _projection(of: dict[str, list[Row]], fits: dict[str, Fit]) -> list[str]:
    """What the paper's Clothes would take, by its number of queries beside that of ``beauty``."""
    beauty, clothes = PUBLISHED["beauty"], PUBLISHED["clothes"]
    steps = [(one["keyword_queries"] + one["product_queries"]) / one["sessions"] for one in (beauty, clothes)]
    sessions, longer = clothes["sessions"], steps[1] / steps[0]
    lines = []
    for name in COMMANDS:
        if name not in fits:
            continue
        last = max(of[name], key=lambda row: row.sessions)
        more = max(sessions - last.sessions, 0)
        grows = name in _GROWING
        hours = (last.processor_s + (more * fits[name].seconds if grows else 0)) * (longer if grows else 1) / 3600
        memory = last.anonymous_mb + max(fits[name].bytes_each, 0) * more / 2**20
        disk = last.disk_mb / last.sessions * sessions / 1024 if name in ("make", "ingest") else None
        lines.append([name, f"{hours:.2f}", f"{memory / 1024:.1f}", "" if disk is None else f"{disk:.0f}"])
    words = clothes["product_queries"] * clothes["mean_product_words"]
    words += clothes["keyword_queries"] * clothes["mean_keyword_words"]
    queries = clothes["keyword_queries"] + clothes["product_queries"]
    rows = [
        ["image_vectors.npy, int8 × 512, an image for each item", clothes["items"] * 512],
        ["the same, an image for each image query", clothes["product_queries"] * 512],
        ["columns/query_words.npy, int32", words * 4],
        ["columns of queries: session, time, kind, image, two offsets", queries * (8 + 8 + 1 + 4 + 8 + 8)],
        ["columns of clicked impressions: item, rank, clicked", clothes["clicks"] * (4 + 4 + 1)],
        ["columns of sessions", sessions * (8 + 8 + 1 + 1 + 8)],
    ]
    parts = [[name, f"{size / 1e9:.1f}"] for name, size in rows]
    return [
        "## Clothes, projected",
        "",
        f"{sessions:,} sessions, {queries:,.0f} queries, {words / 1e6:,.0f} million words,",
        f"{clothes['clicks']:,} clicks.",
        "Nobody has run this: time and memory go on from the two largest sizes, time by queries, disk by sessions. Of",
        "what ingestion takes at both of them, 2 GB are DuckDB's limit, beyond which it spills to disk.",
        "",
        tabulate(lines, ["command", "processor, hours", "memory, GB", "disk, GB"], tablefmt="github", stralign="right"),
        "",
        "What lies mapped on disk, from the counts alone:",
        "",
        tabulate(parts, ["file", "GB"], tablefmt="github"),
        "",
    ]
