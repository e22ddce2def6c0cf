"""``bench export`` and ``bench latency``: an encoder as a file to serve."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.choices import RUNS, AsJson, Dataset, Device, Out, Settings
from bench.cli.terminal import echo, lay_out

if TYPE_CHECKING:
    from bench.serving.latency import Latency


class Format(StrEnum):
    """What is written."""

    safetensors = "safetensors"
    torch = "torch"
    onnx = "onnx"


def export(
    encoder: Annotated[
        str,
        typer.Argument(help="A frozen encoder, or the key of a stored one.", autocompletion=completion.encoders),
    ],
    to: Annotated[Path, typer.Option("--to", help="File to write.")],
    dataset: Dataset = "beauty",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the pretraining.")] = 0,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    format: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.safetensors,
    card: Annotated[Path | None, typer.Option("--card", help="Write the model card, too: a Markdown file.")] = None,
    latency: Annotated[bool, typer.Option("--latency", help="Measure one session on this machine, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write an encoder as one file: weights, options, vocabulary with word vectors, and its model card.

    The encoder is pretrained first where it isn't yet. --format torch and onnx write a program for one session instead;
    the vocabulary stays in the safetensors file.
    """
    from bench.cli.progress import single_progress
    from bench.files import written_whole
    from bench.runs.embed import pretrained
    from bench.runs.store import Store
    from bench.serving.card import card_text
    from bench.serving.encoder_file import write_encoder_file
    from bench.serving.export import exported, stored_key

    store = Store(out)
    if re.fullmatch(r"[0-9a-f]{6,16}", encoder):
        key = stored_key(encoder, store)
    else:
        key = pretrained(encoder, dataset, seed, settings or [], device, store, single_progress)[0].key
    found = exported(key, store)
    if format is Format.safetensors:
        write_encoder_file(found, to)
    else:
        from bench.serving.programs import write_onnx, write_torch

        (write_torch if format is Format.torch else write_onnx)(found, to)
    if card is not None:
        with written_whole(card) as writing:
            writing.write_text(card_text(found.card, found.options, found.output_dim), encoding="utf-8")
    measured: list[Latency] = []
    if latency:
        from bench.serving.latency import latencies

        measured = latencies(found)
    encoder_name, data = found.card["encoder"], found.card["data"]["name"]
    if as_json:
        about = {"file": str(to), "format": format.value, "key": key, "encoder": encoder_name, "dataset": data}
        row = about | {"output_dim": found.output_dim, "latency": [one.as_dict() for one in measured]}
        echo(json.dumps([row], indent=1))
        return
    echo(f"{encoder_name} of {data}, {found.output_dim} numbers, in {to}")
    if measured:
        from bench.serving.latency import latency_text

        lay_out(latency_text(measured))


def latency(
    file: Annotated[Path, typer.Argument(help="A safetensors file of bench export.")],
    steps: Annotated[int, typer.Option("--steps", min=1, max=200, help="Steps of the session.")] = 3,
    words: Annotated[int, typer.Option("--words", min=0, max=100, help="Words of each step.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Measure how long one session takes on this machine: eager, as an exported program, and in onnxruntime."""
    from bench.serving.encoder_file import read_encoder_file
    from bench.serving.latency import latencies, latency_text

    rows = latencies(read_encoder_file(file), steps, words)
    if as_json:
        echo(json.dumps([row.as_dict() for row in rows], indent=1))
    else:
        lay_out(latency_text(rows))
