"""What figures read from stored cells: their learning curves, and how they ranked one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bench.data.corpus import Corpus
from bench.figures.ranks import AS_SHOWN
from bench.paper.case import Case
from bench.runs.jobs import Cell
from bench.runs.store import Store


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
