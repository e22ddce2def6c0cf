"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion

Out = Annotated[Path, typer.Option("--out", help="Folder of corpora, encoders and results.", show_default=True)]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[NAME.]KEY=VALUE", help="Change an option of a component; repeatable."),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes at once; default: one per processor.")]
CellTimeout = Annotated[
    float | None,
    typer.Option("--cell-timeout", metavar="SECONDS", min=0.1, help="A cell or pretraining that takes longer fails."),
]
CellMemory = Annotated[
    str | None,
    typer.Option(
        "--cell-memory", metavar="SIZE", help="A cell or pretraining that takes more memory fails, such as 4GB."
    ),
]
EngineName = Annotated[str, typer.Option("--engine", help="local: processes of this machine; ray: a cluster.")]
Address = Annotated[
    str | None,
    typer.Option("--address", metavar="HOST:PORT", help="Of a Ray cluster, or auto; default: started here."),
]
GpuShare = Annotated[
    float, typer.Option("--gpu-share", metavar="PART", help="Of a GPU, for each job on Ray that computes on one.")
]
Remote = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="Keep results there, too, such as s3://bucket/runs; fetched first."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output and nothing else there.")]

Experiment = Annotated[
    str, typer.Argument(help="kdd22, quick, fashioniq, or a TOML file.", autocompletion=completion.experiments)
]
Task = Annotated[str, typer.Option("--task", help="Task, such as ctr.", autocompletion=completion.tasks)]
Encoders = Annotated[
    str,
    typer.Option(
        "--encoder",
        help="Encoders, or finished vectors such as ours.parquet[name=ours], comma-separated; vanilla is added.",
        autocompletion=completion.encoders,
    ),
]
Baselines = Annotated[
    str,
    typer.Option(
        "--baseline",
        help="Baselines, comma-separated; default: those that come with the task.",
        autocompletion=completion.baselines,
    ),
]
Datasets = Annotated[
    str,
    typer.Option("--dataset", help="Datasets or corpus folders, comma-separated.", autocompletion=completion.datasets),
]
FrozenEncoder = Annotated[str, typer.Option("--encoder", help="A frozen encoder.", autocompletion=completion.encoders)]
Dataset = Annotated[
    str, typer.Option("--dataset", help="Dataset or corpus folder.", autocompletion=completion.datasets)
]
DatasetName = Annotated[str, typer.Argument(help="Dataset, such as beauty.", autocompletion=completion.datasets)]
Corpus = Annotated[str, typer.Argument(help="Dataset or corpus folder.", autocompletion=completion.datasets)]

StoredEncoders = Annotated[
    str, typer.Option("--encoder", help="Encoders, comma-separated.", autocompletion=completion.encoders)
]
StoredSeeds = Annotated[int, typer.Option("--seeds", help="Number of seeds of the stored run.")]
StoredCorpusSeeds = Annotated[int | None, typer.Option("--corpus-seeds", metavar="N", help="Those of the stored run.")]
StoredPart = Annotated[str, typer.Option("--part", help="Parts of the experiment, comma-separated; default: all.")]

RUNS = Path("runs")

OF_RUN = "task", "encoder", "baseline", "dataset", "seeds", "corpus_seeds", "settings"
"""Parameters that select the cells of a stored run."""


def refuse_run(context: typer.Context, experiment: str) -> None:
    """Raises where an option of a run was typed beside the name of an experiment."""
    refuse_typed(context, OF_RUN, f"is for a run, and the experiment {experiment} says which results are meant")


def require_run(context: typer.Context, task: str, encoder: str) -> None:
    """Raises where a stored run is asked for and its task or its encoders are missing, or a part is named."""
    from bench.errors import BenchError

    refuse_typed(context, ["part"], "is for an experiment, and none is named")
    for option, value in (("--task", task), ("--encoder", encoder)):
        if not value:
            fix = f"or name an experiment, such as bench {context.info_name} quick"
            raise BenchError("is missing", where=option, fix=fix)


def refuse_typed(context: typer.Context, parameters: Sequence[str], what: str) -> None:
    """Raises where one of these parameters was typed."""
    from bench.errors import BenchError

    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if parameter.name in parameters and source is not None and source.name != "DEFAULT":
            raise BenchError(what, where=parameter.opts[0])


def names(text: str) -> list[str]:
    """A comma-separated list; commas in the brackets of a variant separate nothing."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def typed(*places: str) -> list[str]:
    """The command line without what only says where and how results are shown.

    Args:
        places: options with a value to leave out; ``--json`` and ``--markdown`` always are.
    """
    import sys

    words, kept = sys.argv[1:], []
    while words:
        word = words.pop(0)
        if word in places:
            words = words[1:]
        elif word not in ("--markdown", "--json") and word.partition("=")[0] not in places:
            kept.append(word)
    return kept
