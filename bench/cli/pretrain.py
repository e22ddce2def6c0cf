"""``bench pretrain`` and ``bench embed``: an encoder as a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Dataset, Device, FrozenEncoder, Out, Settings
from bench.cli.terminal import echo


def pretrain(
    encoder: FrozenEncoder,
    dataset: Dataset = "beauty",
    seed: Annotated[int, typer.Option("--seed", help="Seed.")] = 0,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the curve: an SVG, PDF or PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pretrain an encoder on the training sessions of a corpus; print where its weights and its curve are.

    Several processes share a pretraining: torchrun --nproc-per-node 2 --no-python bench pretrain --encoder muvcog-m
    """
    if plot is not None:
        from bench.figures.style import require_picture, require_plotting

        require_plotting(where="--plot")
        require_picture(plot, "--plot")
    from bench.cli.progress import single_progress, unwatched
    from bench.runs.embed import pretrained
    from bench.runs.processes import joined_ranks
    from bench.runs.store import Store

    store = Store(out)
    with joined_ranks(device) as ranks:
        watched = single_progress if ranks is None or ranks.first else unwatched
        job, corpus = pretrained(encoder, dataset, seed, settings or [], device, store, watched, ranks=ranks)
    if ranks is not None and not ranks.first:
        return
    record = store.read(job.kind, job.key) or {}
    for warning in record.get("warnings", []):
        echo(f"Warning: {warning}", err=True)
    folder = store.folder(job.kind, job.key)
    if as_json:
        named = {"encoder": encoder, "dataset": corpus.info.name, "seed": seed, "key": job.key, "folder": str(folder)}
        echo(json.dumps([{**named, "seconds": record.get("seconds"), **_last(folder / "curve.parquet")}], indent=1))
    else:
        echo(str(folder))
    if plot is not None:
        from bench.figures.curves import plot_curve

        plot_curve(folder / "curve.parquet", corpus.info.label, encoder, seed, plot)


def embed(
    encoder: FrozenEncoder,
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write.")],
    dataset: Dataset = "beauty",
    seed: Annotated[int, typer.Option("--seed", help="Seed.")] = 0,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    prefixes: Annotated[
        bool, typer.Option("--prefixes", help="A vector for every query: of its session up to and including it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the vector of every session of a corpus: Parquet with session_id, split and vector.

    With --prefixes it has query_id in place of session_id, and is what `bench run --encoder FILE.parquet` takes for any
    task. The encoder is pretrained first where it isn't yet.
    """
    from bench.cli.progress import single_progress
    from bench.runs.embed import embed_sessions
    from bench.runs.store import Store

    rows = embed_sessions(encoder, dataset, seed, settings or [], device, Store(out), to, single_progress, prefixes)
    unit = "prefixes" if prefixes else "sessions"
    if as_json:
        echo(json.dumps([{"encoder": encoder, "seed": seed, "unit": unit, "rows": rows, "file": str(to)}], indent=1))
    else:
        echo(f"{rows} {unit} in {to}")


def _last(curve: Path) -> dict[str, float | int | None]:
    """Step, loss and held-out accuracy of the last validation; nothing where an encoder has no curve."""
    import pandas as pd

    rows = pd.read_parquet(curve) if curve.exists() else pd.DataFrame()
    if not len(rows):
        return {}
    last: dict[str, float | int | None] = json.loads(rows.tail(1).to_json(orient="records"))[0]  # NaN is null there
    return last
