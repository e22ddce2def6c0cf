"""Experiments whose cells stand in a store already, with scores that a test chose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.evaluation.experiment import Experiment, Part
from bench.evaluation.tests import Results
from bench.metrics.classification import metrics_of_predictions
from bench.runs.jobs import Cell, Job
from bench.runs.store import Store, write_record
from bench.stats.family import Family, declare_families

QUERIES, USERS, ITEMS = 60, 15, 4
UNITS = np.array([f"q{number}" for number in range(QUERIES)])
OWNERS = np.array([f"u{number % USERS}" for number in range(QUERIES)])
LIFT = {"vanilla": 0.0, "lstm": 0.3, "muvcog-m": 0.35, "random": 0.02, "meanpool": 0.1}


def values(encoder: str, seed: int, metric: str = "ndcg@10") -> np.ndarray:
    """(Q,) what the cell of this encoder and seed scored."""
    rng = np.random.default_rng([seed, *f"{encoder} {metric}".encode()])
    return rng.random(QUERIES) * 0.2 + LIFT.get(encoder, 0.1)


class Stored:
    """Cells written into a store, and the results read from them.

    Args:
        folder: of the store and of the corpus.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "runs")
        self.corpus: Corpus = random_corpus(folder / "small", sessions=20)
        self.cells: dict[str, list[Cell]] = {}

    def cell(self, part: Part, dataset: str, baseline: str, encoder: str, seed: int, key: str = "") -> Path:
        """Plans a cell; returns where its result belongs."""
        key = key or f"{part.task}-{dataset}-{baseline}-{encoder}-{seed}"
        config = {"encoder": {"name": encoder}, "seed": seed}
        job = Job("cells", key, config, str(self.corpus.folder), (), f"{part.task} {dataset} {encoder} seed {seed}")
        self.cells.setdefault(part.id, []).append(Cell(dataset, part.task, baseline, encoder, seed, (job,)))
        return self.store.folder("cells", key)

    def ranked(
        self, part: Part, encoder: str, seed: int, baseline: str = "b", dataset: str = "d", item: int = 0, **more: Any
    ) -> None:
        """A finished ctr cell; its rows stand in a random order, as if another process had written them."""
        rng = np.random.default_rng([seed, *encoder.encode()])
        folder = self.cell(part, dataset, baseline, encoder, seed, **more)
        frames = [
            pd.DataFrame({"unit": UNITS, "user": OWNERS, "metric": metric, "value": values(encoder, seed, metric)})
            for metric in part.metrics
        ]
        items = np.tile(np.arange(ITEMS), QUERIES)
        items[0] += item
        predictions = pd.DataFrame({"unit": np.repeat(UNITS, ITEMS), "item": items.astype(np.int32)})
        curve = pd.DataFrame({"epoch": [1, 2], "train_loss": [1.0, 0.5], "valid": [0.1, LIFT.get(encoder, 0.1)]})
        with self.store.publish("cells", folder.name) as writing:
            pd.concat(frames).sample(frac=1, random_state=seed).to_parquet(writing / "scores.parquet")
            predictions.iloc[rng.permutation(len(predictions))].to_parquet(writing / "predictions.parquet")
            curve.to_parquet(writing / "curve.parquet")
            write_record(writing, "cells", {"status": "done", "key": folder.name, "warnings": []})

    def classified(self, part: Part, encoder: str, seed: int, right: float, baseline: str = "b") -> None:
        """A finished intent cell that is right about this share of the units, of three classes."""
        rng = np.random.default_rng([seed, *encoder.encode(), 7])
        folder = self.cell(part, "d", baseline, encoder, seed)
        label = np.arange(QUERIES) % 3
        scores = rng.random((QUERIES, 3))
        scores[np.arange(QUERIES), label] += np.where(rng.random(QUERIES) < right, 1.0, -1.0)
        predictions = pd.DataFrame({"unit": UNITS, "user": OWNERS, "label": label, "predicted": scores.argmax(1)})
        predictions = predictions.assign(**{f"p:{name}": scores[:, code] for code, name in enumerate("abc")})
        hits = (predictions["label"] == predictions["predicted"]).astype(float)
        long = pd.DataFrame({"unit": UNITS, "user": OWNERS, "metric": "accuracy", "value": hits})
        order = rng.permutation(QUERIES)
        with self.store.publish("cells", folder.name) as writing:
            long.to_parquet(writing / "scores.parquet")
            predictions.iloc[order].to_parquet(writing / "predictions.parquet")
            pd.DataFrame({"epoch": [1], "valid": [right]}).to_parquet(writing / "curve.parquet")
            record = {"status": "done", "key": folder.name, "pooled": metrics_of_predictions(predictions)}
            write_record(writing, "cells", record)

    def failed(self, part: Part, encoder: str, seed: int, error: str, baseline: str = "b") -> None:
        """A cell that failed."""
        folder = self.cell(part, "d", baseline, encoder, seed)
        with self.store.publish("cells", folder.name) as writing:
            write_record(writing, "cells", {"status": "failed", "key": folder.name, "error": error})

    def results(self, *parts: Part, families: tuple[Family, ...] = (), **more: Any) -> Results:
        """Results of an experiment of these parts, with the protocol's families and these."""
        named: dict[str, str] = {}
        declared: list[Family] = []
        for part in parts:
            both = declare_families(
                part.task, part.datasets, part.baselines, part.encoders, part.metrics[0], part.metrics[1:]
            )
            for family, kind in zip(both, ("primary", "secondary"), strict=True):
                if len(family):
                    declared.append(Family(f"{part.id} {kind}", family.hypotheses))
                    named[declared[-1].name] = part.id
        seeds = more.pop("seeds", None) or len({cell.seed for cells in self.cells.values() for cell in cells})
        experiment = Experiment(
            "test", "A test", seeds, parts, families=(*declared, *families), family_parts=named, **more
        )
        return Results(experiment, self.cells, self.store)


def part_of(*encoders: str, **changes: Any) -> Part:
    """A part of ctr on one dataset and one baseline."""
    settled: dict[str, Any] = {
        "id": "table2",
        "title": "Clicks",
        "task": "ctr",
        "datasets": ("d",),
        "baselines": ("b",),
        "metrics": ("ndcg@10", "mrr@10"),
        "layout": "table2",
    }
    return Part(encoders=encoders, **{**settled, **changes})
