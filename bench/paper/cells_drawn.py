"""What figures read from stored cells: their seconds, their learning curves, and how they ranked one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bench.data.corpus import Corpus
from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results
from bench.figures.ranks import AS_SHOWN
from bench.paper.case import Case
from bench.plugins.specs import REFERENCE
from bench.runs.jobs import Cell
from bench.runs.store import Store


def costs(results: Results, parts: Sequence[Part], cells: Mapping[str, Sequence[Cell]], store: Store) -> pd.DataFrame:
    """A row per system of these parts that is finished, as :func:`bench.figures.cost.draw_cost` takes them.

    Baselines that read no session vector have ``vanilla`` alone and are left out. Of a system that stands in several
    parts the first counts.
    """
    rows: dict[tuple[str, str, str, str], dict[str, object]] = {}
    for part in parts:
        seconds = _seconds(cells[part.id], store)
        metric = part.metrics[0]
        for (dataset, baseline, encoder), mean in seconds.items():
            outcome = results.outcome(part.id, dataset, baseline, encoder, metric)
            if encoder != REFERENCE and (outcome is None or outcome.difference is None):
                continue
            difference = outcome.difference if outcome is not None else None
            rows.setdefault(
                (dataset, baseline, encoder, metric),
                {
                    "dataset": dataset,
                    "baseline": baseline,
                    "encoder": encoder,
                    "metric": metric,
                    "seconds": mean,
                    "delta": difference.delta if difference is not None else 0.0,
                    "low": difference.low if difference is not None else np.nan,
                    "high": difference.high if difference is not None else np.nan,
                },
            )
    table = pd.DataFrame(list(rows.values()))
    if not len(table):
        return table
    compared = set(table.loc[table["encoder"] != REFERENCE, "baseline"])
    return table[table["baseline"].isin(compared)].reset_index(drop=True)


def _seconds(cells: Sequence[Cell], store: Store) -> dict[tuple[str, str, str], float]:
    """Mean over seeds of the seconds of all jobs of a cell, by dataset, baseline and encoder; of finished systems."""
    found: dict[tuple[str, str, str], list[float | None]] = {}
    for cell in cells:
        records = [store.read(job.kind, job.key) for job in cell.jobs]
        done = all(record is not None and record.get("status") == "done" for record in records)
        total = sum(float(record["seconds"]) for record in records if record is not None) if done else None
        found.setdefault((cell.dataset, cell.baseline, cell.encoder), []).append(total)
    return {
        system: float(np.mean([s for s in seconds if s is not None]))
        for system, seconds in found.items()
        if all(s is not None for s in seconds)
    }


def learning_curves(cells: Sequence[Cell], store: Store) -> pd.DataFrame:
    """The validation metric by epoch of cells whose models were trained, a row per epoch: dataset, baseline, encoder,
    seed, epoch, valid."""
    frames = []
    for cell in cells:
        job = cell.jobs[-1]
        file = store.folder(job.kind, job.key) / "curve.parquet"
        if not store.is_done(job.kind, job.key) or not file.exists():
            continue
        frame = pd.read_parquet(file)
        if len(frame) and {"epoch", "valid"} <= set(frame.columns):
            frame["dataset"], frame["baseline"], frame["encoder"] = cell.dataset, cell.baseline, cell.encoder
            frames.append(frame.assign(seed=cell.seed)[["dataset", "baseline", "encoder", "seed", "epoch", "valid"]])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def ranks_of(case: Case, corpus: Corpus, cells: Sequence[Cell], names: Mapping[str, str], store: Store) -> pd.DataFrame:
    """How the models of cells ranked the candidates of a session, as :func:`bench.figures.ranks.draw_ranks` takes it.

    Empty where a cell's predictions do not hold the session's query.
    """
    columns = corpus.columns
    start, end = (int(row) for row in columns.query_impressions[case.query : case.query + 2])
    place = {int(item): rank for rank, item in enumerate(columns.impression_item[start:end].tolist(), 1)}
    clicked = set(case.clicked.tolist())
    vocabulary = corpus.strings("vocabulary", "word")

    def words(item: int) -> str:
        rows = columns.item_words[columns.item_word_offsets[item] : columns.item_word_offsets[item + 1]]
        return " ".join(vocabulary.take(np.asarray(rows)).to_pylist())

    def rows_of(system: str, ranks: Mapping[int, float]) -> list[dict[str, object]]:
        return [
            {"system": system, "item": words(item), "shown": shown, "clicked": item in clicked, "rank": ranks[item]}
            for item, shown in place.items()
        ]

    query = corpus.strings("queries", "query_id")[case.query].as_py()
    rows = rows_of(AS_SHOWN, {item: float(shown) for item, shown in place.items()})
    for cell in cells:
        job = cell.jobs[-1]
        file = store.folder(job.kind, job.key) / "predictions.parquet"
        scores = pd.read_parquet(file, columns=["unit", "item", "score"], filters=[("unit", "==", query)])
        ranked = scores["score"].rank(ascending=False).tolist()  # ties at their mean
        ranks = dict(zip(scores["item"].tolist(), ranked, strict=True))
        if set(ranks) != set(place):
            return pd.DataFrame()
        rows += rows_of(names.get(cell.encoder, cell.encoder), ranks)
    return pd.DataFrame(rows)
