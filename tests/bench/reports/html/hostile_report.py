"""A small experiment whose names and words are hostile, and what tests of its report share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from bench.data.writer import CorpusWriter

HOSTILE = "</script><img src=x onerror=\"document.title='broken'\">'&\u202egpj"
"""Markup that runs where it is not escaped, quotes, and a mark that turns a line around."""
FILE = f"""
title = '''Ours {HOSTILE}'''
seeds = 2
champion = "lstm"
[settings]
ctr.epochs = 2
[labels]
lstm = '''LSTM {HOSTILE}'''
"ndcg@10" = "NDCG@10"
[claims]
C1 = '''it helps {HOSTILE}'''
[[part]]
id = "table2"
title = "Clicks"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["chance", "shown-order", "popularity", "transearch"]
encoders = ["vanilla", "lstm", "meanpool"]
metrics = ["ndcg@10", "mrr@10"]
layout = "table2"
[[part]]
id = "figure4"
title = "Clicks again"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["transearch"]
encoders = ["vanilla", "lstm"]
metrics = ["ndcg@10"]
layout = "bars"
[[family]]
name = "C1"
claim = "C1"
part = "table2"
hypotheses = [{{ encoder = "lstm", reference = "vanilla", alternative = "greater", baselines = ["transearch"] }}]
"""


class HostileWriter(CorpusWriter):
    """Writes words and caveats that nobody would want in a page."""

    def __init__(self, folder: Path, **about: Any) -> None:
        super().__init__(folder, **{**about, "caveats": [f"random {HOSTILE}"]})

    def vocabulary(self, words: Any, vectors: NDArray[np.float32]) -> None:
        super().vocabulary([f"{HOSTILE}{word}" for word in words], vectors)


@dataclass(frozen=True)
class Made:
    """The experiment's file, the store with its results, and its report."""

    experiment: Path
    store: Path
    report: Path


@dataclass(frozen=True)
class Opened:
    """A page with the report, and what happened while it was open that should not have."""

    page: Page
    complaints: list[str]
