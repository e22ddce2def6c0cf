"""``bench data ingest``, ``columns`` and ``maps``: event logs of one's own."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import AsJson
from bench.cli.terminal import echo, lay_out, say


def ingest(
    source: Annotated[
        Path, typer.Argument(help="Folder with queries, impressions, clicks and items: Parquet, CSV or JSON lines.")
    ],
    to: Annotated[Path, typer.Option("--to", help="Folder of the corpus to write.")],
    map_: Annotated[
        str,
        typer.Option(
            "--map", metavar="FILE|NAME", help="Log mapping, for files of another layout; see bench data maps."
        ),
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Name in tables; default: the folder's.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the data.")] = "unknown",
    idle_minutes: Annotated[float, typer.Option(help="A user's longer silence ends a session.")] = 30.0,
    activity: Annotated[
        str, typer.Option(help="What ends a silence: clicks (and queries), or queries alone.")
    ] = "clicks",
    session_ids: Annotated[
        str, typer.Option(help="Of the log: keep, cut where idle, or per-user where users share them.")
    ] = "keep",
    max_steps: Annotated[
        int, typer.Option(help="Drop sessions of more queries, as machines'; 0 keeps all. Warns from 100 on.")
    ] = 1_000,
    max_words: Annotated[int, typer.Option(help="Refuse queries of more words; 0 takes all.")] = 1_000,
    keep_text_only: Annotated[
        bool,
        typer.Option("--keep-text-only", help="Keep sessions without an image query, in a log that has such queries."),
    ] = False,
    on_conflict: Annotated[
        str, typer.Option(help="Rows that cannot be read or contradict others: stop, or drop and count them.")
    ] = "stop",
    anonymous: Annotated[str, typer.Option(help="Queries without a user or session: stop, or drop them.")] = "stop",
    missing_images: Annotated[str, typer.Option(help="Images without a vector: error or drop.")] = "error",
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Image files named by image_id: small copies go along, for `bench report`."
        ),
    ] = None,
    time_unit: Annotated[
        str, typer.Option(help="Of times in numbers: s, ms, us, ns, yyyymmdd, yyyymmddhhmmss, or auto.")
    ] = "auto",
    null: Annotated[
        list[str] | None, typer.Option(help="Text that is null; repeatable; default: NULL, NaN and the like.")
    ] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Compare words in lower case, without punctuation.")] = False,
    split: Annotated[
        str, typer.Option(help="random by session; time: train before, test after; user: no user in two splits.")
    ] = "random",
    test_share: Annotated[float, typer.Option(help="Share of the test split.")] = 0.2,
    valid_share: Annotated[float, typer.Option(help="Share of the validation split.")] = 0.1,
    downstream: Annotated[int, typer.Option(help="Sessions in the sample for downstream models.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Seed of split and sample.")] = 0,
    memory_limit: Annotated[str, typer.Option(help="Of DuckDB; more goes to disk.")] = "2GB",
    as_json: AsJson = False,
) -> None:
    """Make a corpus from your own event logs: sessionised, split, checked. `bench data columns` says what is read."""
    from bench.cli.progress import single_progress
    from bench.datasets.ingest import NULLS, IngestOptions
    from bench.datasets.ingest import ingest as make_corpus
    from bench.datasets.mapping import ingest_mapped, read_map

    options = IngestOptions(
        idle_minutes=idle_minutes,
        activity=activity,  # type: ignore[arg-type]  # the options are checked where they are used
        session_ids=session_ids,  # type: ignore[arg-type]
        max_steps=max_steps,
        max_words=max_words,
        keep_text_only=keep_text_only,
        on_conflict=on_conflict,  # type: ignore[arg-type]
        anonymous=anonymous,  # type: ignore[arg-type]
        missing_images=missing_images,  # type: ignore[arg-type]
        time_unit=time_unit,  # type: ignore[arg-type]
        null=NULLS if null is None else tuple(null),
        pictures="" if pictures is None else str(pictures),
        fold=fold,
        split=split,  # type: ignore[arg-type]
        test_share=test_share,
        valid_share=valid_share,
        downstream=downstream,
        seed=seed,
        memory_limit=memory_limit,
    )
    make = partial(ingest_mapped, log_map=read_map(map_)) if map_ else make_corpus
    report = make(
        source,
        to,
        name=name or to.name,
        licence=licence,
        options=options,
        progress=single_progress(f"ingesting {source}"),
    )
    if as_json:
        echo(json.dumps(report.rows(), indent=1))
        return
    for line in report.told():
        say(line)
    echo(f"corpus in {to}")


def columns(
    source: Annotated[
        Path | None, typer.Argument(help="With --map: the log, whose files and columns are checked.")
    ] = None,
    map_: Annotated[str, typer.Option("--map", metavar="FILE|NAME", help="Log mapping to be explained.")] = "",
    as_json: AsJson = False,
) -> None:
    """Print the files and columns that `bench data ingest` reads; with --map, what a log mapping makes of which."""
    from bench.errors import BenchError

    if map_:
        from bench.datasets.mapping import checked, explained, explained_rows, read_map

        log_map = read_map(map_)
        if as_json:
            if source is not None:
                checked(log_map, source)
            echo(json.dumps(explained_rows(log_map), indent=1, ensure_ascii=False))
            return
        lay_out("\n".join(explained(log_map)))
        if source is not None:
            echo("")
            for line in checked(log_map, source):
                say(line)
        return
    if source is not None:
        raise BenchError("a log alone says nothing", where=str(source), fix="name its --map as well")
    from bench.datasets.ingest.event_log import INPUT_HELP, column_rows

    if as_json:
        echo(json.dumps(column_rows(), indent=1))
        return
    lay_out(INPUT_HELP)
    echo()
    say("Files of another layout: a log mapping says which column is what, see `bench data maps`.")


def maps(
    name: Annotated[str, typer.Argument(help="One that ships: prints it, to start one of your own from.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say how a log mapping is written and list those that ship, or print one of them."""
    from bench.datasets.mapping import MAP_HELP, map_text, read_map, shipped_maps

    if as_json:
        chosen = [name] if name else shipped_maps()
        echo(
            json.dumps(
                [{"map": one, "about": read_map(one).about, "text": map_text(one)[0]} for one in chosen], indent=1
            )
        )
        return
    if name:
        echo(map_text(name)[0], nl=False)
        return
    for block in MAP_HELP.rstrip("\n").split("\n\n"):
        if block.startswith(" "):
            echo(block)  # as it is: it is TOML, which people copy
        else:
            say(" ".join(block.split("\n")))
        echo()
    echo("Maps that ship (bench data maps NAME prints one, --map NAME takes it):")
    lay_out("\n".join(f"  {shipped:<12}  {read_map(shipped).about}" for shipped in shipped_maps()))
