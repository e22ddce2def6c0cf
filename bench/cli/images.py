"""``bench data images``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import AsJson, Device
from bench.cli.terminal import echo, say


def images(
    folder: Annotated[Path, typer.Argument(help="Folder with image files, looked through with all folders in it.")],
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write: image_id, vector.")],
    model: Annotated[
        str, typer.Option("--model", metavar="PATH|NAME", help="Folder with config.json and safetensors, or hub name.")
    ],
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures that are encoded at a time.")] = 32,
    device: Device = "auto",
    dtype: Annotated[str, typer.Option("--dtype", metavar="float16|int8", help="Numbers of a vector.")] = "float16",
    ids: Annotated[
        str, typer.Option("--ids", metavar="path|stem", help="image_id: path below the folder, with its ending or not.")
    ] = "path",
    download: Annotated[bool, typer.Option("--download", help="Fetch a hub name that is not here yet.")] = False,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Random weights, as a control; NAME may be a kind such as resnet.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of random weights.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make image vectors of image files, for `bench data ingest` (images.parquet) or for `vectors=` of a reader."""
    from bench.cli.progress import single_progress
    from bench.errors import BenchError, did_you_mean
    from bench.runs.plan import resolve_device

    kinds, forms = ("float16", "int8"), ("path", "stem")
    for name, value, known in (("--dtype", dtype, kinds), ("--ids", ids, forms)):
        if value not in known:
            raise BenchError(f"{value!r} is not {' or '.join(known)}", where=name, fix=did_you_mean(value, known))
    from bench.datasets.images.build import write_image_vectors
    from bench.datasets.images.models import load_model
    from bench.datasets.images.pictures import find_pictures

    find_pictures(folder, ids)  # type: ignore[arg-type]  # checked above; a folder is doubted before a model is loaded
    network = load_model(model, download=download, untrained=untrained, seed=seed, device=resolve_device(device))
    report = write_image_vectors(
        folder,
        to,
        network,
        batch=batch,
        kind=dtype,  # type: ignore[arg-type]
        ids=ids,  # type: ignore[arg-type]
        progress=single_progress(f"encoding {folder}"),
    )
    if as_json:
        echo(json.dumps(report.rows(), indent=1))
        return
    for line in report.lines():
        say(line)
    echo(f"vectors in {to}")
