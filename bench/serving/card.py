"""The model card of an encoder: what it learnt from, how well, and what it was measured to buy. Nothing is guessed:
what is not in the store is left out.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from bench.data.corpus import Corpus
from bench.evaluation.summary import results_of, summarise
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.runs.jobs import Cell, Job
from bench.runs.store import Record, Store

_SHOWN = ("task", "dataset", "baseline", "metric", "mean", "delta", "ci_low", "ci_high", "p", "seeds", "n_users")


def model_card(record: Record, corpus: Corpus, store: Store) -> dict[str, Any]:
    """What is known of a pretrained encoder, as plain JSON.

    Args:
        record: of its pretraining, in ``store``.
        corpus: on which that was.
        store: searched for cells that say what the encoder buys.
    """
    config, info = record["config"], corpus.info
    folder = store.folder("encoders", record["key"])
    return {
        "encoder": config["encoder"]["name"],
        "key": record["key"],
        "data": {
            "name": config["corpus"]["dataset"],
            "origin": info.origin,
            "simulated": info.origin == "simulated",
            "caveats": list(info.caveats),
            "licence": info.licence,
            "fingerprint": info.fingerprint,
            "sessions": len(corpus.session_rows()),
            "training_sessions": len(corpus.session_rows("train")),
        },
        "pretraining": {"seed": config["seed"], **_curve(folder / "curve.parquet"), "warnings": record["warnings"]},
        "session_bench": record["provenance"]["session_bench"],
        "commit": record["provenance"]["commit"],
        "libraries": config["libraries"],
        "measured": measured(config, store),
    }


def _curve(file: Any) -> dict[str, Any]:
    """Steps and the best held-out accuracy of a pretraining; null where it has none."""
    curve = pd.read_parquet(file)
    if "step" not in curve or "valid_accuracy" not in curve or curve.empty:
        return {"steps": None, "held_out_accuracy": None}
    return {"steps": int(curve["step"].max()), "held_out_accuracy": float(curve["valid_accuracy"].max())}


def measured(config: dict[str, Any], store: Store) -> list[dict[str, Any]]:
    """Differences to the reference on the corpus of a pretraining, of the primary metric, with 95 % intervals.

    They are over all seeds in the store, of which the encoder's own is one. Without finished cells of both: nothing.
    """
    grids: dict[str, list[Cell]] = {}
    for folder in sorted((store.root / "cells").glob("*")):
        cell = {} if "." in folder.name else store.peek("cells", folder.name)
        if cell.get("status") == "done" and _concerns(cell["config"], config):
            parts = {kind: cell["config"][kind] for kind in ("task", "baseline")}
            grids.setdefault(json.dumps(parts, sort_keys=True), []).append(_cell(folder.name, cell))
    found = []
    for cells in grids.values():
        ours, others = ([c for c in cells if (c.encoder == REFERENCE) is vanilla] for vanilla in (False, True))
        both = {cell.seed for cell in ours} & {cell.seed for cell in others}
        cells = [cell for cell in [*others, *ours] if cell.seed in both]
        if not both or not all(store.is_done("cells", cell.key) for cell in cells):
            continue
        primary = registry().get("task", cells[0].task).primary
        rows = summarise(results_of(cells, store), primary, REFERENCE)
        found += [_shown(row.as_dict()) for row in rows if row.encoder != REFERENCE and row.metric == primary]
    return found


def _concerns(cell: dict[str, Any], pretraining: dict[str, Any]) -> bool:
    """Whether a cell is of the encoder, or of the reference, in the very environment of the pretraining."""
    same = all(cell.get(key) == pretraining[key] for key in ("libraries", "harness", "device", "corpus"))
    encoder = {key: value for key, value in cell["encoder"].items() if key != "frozen"}
    return same and "start" not in cell and (encoder["name"] == REFERENCE or encoder == pretraining["encoder"])


def _cell(key: str, record: Record) -> Cell:
    config = record["config"]
    names = (config["corpus"]["dataset"], config["task"]["name"], config["baseline"]["name"], config["encoder"]["name"])
    job = Job("cells", key, config, record["provenance"]["corpus_folder"], (), record["title"])
    return Cell(*names, config["seed"], (job,))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN}


def card_text(card: dict[str, Any], options: dict[str, Any], output_dim: int) -> str:
    """The card as Markdown, such as a repository of models shows."""
    data, trained = card["data"], card["pretraining"]
    origin = "simulated: no claim about real shoppers follows" if data["simulated"] else data["origin"]
    accuracy = trained["held_out_accuracy"]
    lines = [
        f"# {card['encoder']}",
        "",
        f"A session encoder of session-bench {card['session_bench']}: a session to {output_dim} numbers.",
        "",
        f"- **Data**: {data['name']} ({origin}), {data['sessions']:,} sessions, {data['training_sessions']:,} of them "
        f"for training; licence {data['licence']}; fingerprint `{data['fingerprint']}`",
        *(f"- **Caveat of the data**: {caveat}" for caveat in data["caveats"]),
        f"- **Pretraining**: seed {trained['seed']}, {_or_none(trained['steps'])} steps, held-out accuracy "
        f"{'none' if accuracy is None else f'{accuracy:.1%}'}",
        *(f"- **Warning**: {warning}" for warning in trained["warnings"]),
        f"- **Program**: commit `{card['commit']}`, key `{card['key']}`",
        f"- **Options**: {', '.join(f'{name}={value}' for name, value in sorted(options.items()))}",
        "",
        "## What it was measured to buy",
        "",
    ]
    if not card["measured"]:
        return "\n".join([*lines, "Nothing was measured where it was exported.", ""])
    lines += ["| task | baseline | metric | with it | difference | 95 % interval | seeds | users |", "|" + "---|" * 8]
    for row in card["measured"]:
        interval = f"{row['ci_low']:+.4f} to {row['ci_high']:+.4f}" if row["ci_low"] is not None else "none"
        lines.append(
            f"| {row['task']} | {row['baseline']} | {row['metric']} | {row['mean']:.4f} | {row['delta']:+.4f} "
            f"| {interval} | {row['seeds']} | {row['n_users']} |"
        )
    return "\n".join([*lines, ""])


def _or_none(value: int | None) -> str:
    return "no" if value is None else f"{value:,}"
