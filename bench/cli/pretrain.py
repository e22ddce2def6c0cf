"""``bench pretrain`` and ``bench embed``: an encoder as a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import RUNS, Address, AsJson, Dataset, Device, EngineName, FrozenEncoder, Jobs, Out, Settings
from bench.cli.terminal import echo, say
from bench.printable import counted


def pretrain(
    encoder: FrozenEncoder,
    dataset: Dataset = "beauty",
    seed: Annotated[int, typer.Option("--seed", help="Seed.")] = 0,
    settings: Settings = None,
    device: Device = "auto",
    engine: EngineName = "local",
    address: Address = None,
    processes: Annotated[
        int, typer.Option("--processes", min=1, help="Share it between so many processes of a Ray cluster.")
    ] = 1,
    out: Out = RUNS,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the curve: an SVG, PDF or PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pretrain an encoder on the training sessions of a corpus; print where its weights and its curve are.

    Several processes share a pretraining, on a Ray cluster by --engine ray --processes 2, or without one by
    torchrun --nproc-per-node 2 --no-python bench pretrain --encoder muvcog-m
    """
    if plot is not None:
        from bench.figures.style import require_picture, require_plotting

        require_plotting(where="--plot")
        require_picture(plot, "--plot")
    from bench.cli.progress import single_progress, unwatched
    from bench.errors import BenchError
    from bench.runs.embed import pretrained
    from bench.runs.engines.engine import Engine
    from bench.runs.processes import joined_ranks
    from bench.runs.store import Store

    store, runs_on = Store(out), Engine(engine, address, processes=processes)
    runs_on.check()
    with joined_ranks(device) as ranks:
        if ranks is not None and runs_on.elsewhere:
            raise BenchError("the processes of torchrun share one pretraining", where="--engine", fix="leave it out")
        watched = single_progress if ranks is None or ranks.first else unwatched
        job, corpus = pretrained(
            encoder, dataset, seed, settings or [], device, store, watched, engine=runs_on, ranks=ranks
        )
    if ranks is not None and not ranks.first:
        return
    record = store.read(job.kind, job.key) or {}
    for warning in record.get("warnings", []):
        say(f"Warning: {warning}", err=True)
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
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write; with --shard-rows a folder.")],
    dataset: Dataset = "beauty",
    seed: Annotated[int, typer.Option("--seed", help="Seed.")] = 0,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    prefixes: Annotated[
        bool, typer.Option("--prefixes", help="A vector for every query: of its session up to and including it.")
    ] = False,
    shard_rows: Annotated[
        int | None,
        typer.Option("--shard-rows", min=1, help="Write a folder of files of so many vectors; a killed run goes on."),
    ] = None,
    half: Annotated[bool, typer.Option("--float16", help="Store numbers in half the space: three digits.")] = False,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Write the vector of every session of a corpus: Parquet with session_id, split and vector.

    With --prefixes it has query_id in place of session_id, and is what `bench run --encoder FILE.parquet` takes for any
    task; a folder made with --shard-rows too, as FOLDER/. Memory does not grow with the corpus. The encoder is
    pretrained first where it isn't yet.
    """
    from bench.cli.progress import single_progress
    from bench.runs.embedded import Layout, embed_sessions
    from bench.runs.store import Store

    layout, store = Layout(to, prefixes, shard_rows, half), Store(out)
    rows = embed_sessions(encoder, dataset, seed, settings or [], device, store, layout, single_progress, jobs)
    unit = "prefixes" if prefixes else "sessions"
    if as_json:
        echo(json.dumps([{"encoder": encoder, "seed": seed, "unit": unit, "rows": rows, "file": str(to)}], indent=1))
    else:
        echo(f"{counted(rows, 'prefix', 'prefixes') if prefixes else counted(rows, 'session')} in {to}")


def _last(curve: Path) -> dict[str, float | int | None]:
    """Step, loss and held-out accuracy of the last validation; nothing where an encoder has no curve."""
    import pandas as pd

    rows = pd.read_parquet(curve) if curve.exists() else pd.DataFrame()
    if not len(rows):
        return {}
    last: dict[str, float | int | None] = json.loads(rows.tail(1).to_json(orient="records"))[0]  # NaN is null there
    return last
