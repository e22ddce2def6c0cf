"""``bench data``: list, make, fetch, ingest, images, columns, maps, stats, truth, validate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion, images, logs
from bench.cli.choices import RUNS, AsJson, Corpus, DatasetName, Out, Settings
from bench.cli.terminal import echo, say
from bench.printable import counted

app = typer.Typer(help="Corpora: make, fetch, ingest, inspect.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", short_help="List datasets, and corpora that are here.")
def list_datasets(out: Out = RUNS, as_json: AsJson = False) -> None:
    """List the datasets, and the corpora that are already here."""
    from bench.data.corpus import Corpus
    from bench.errors import BenchError
    from bench.plugins.registry import registry

    rows: list[dict[str, str | None]] = []
    for kind, component in registry().components():
        if kind == "dataset":
            rows.append(
                {"name": component.spec.name, "origin": component.origin, "what": component.spec.help, "folder": None}
            )
    for folder in sorted((out / "corpora").glob("*/corpus.toml")):
        try:
            corpus = Corpus(folder.parent)
        except BenchError as error:  # one that is damaged hides no other
            say(f"Warning: {error}", err=True)
            continue
        sessions, split = corpus.info.counts["sessions"], corpus.info.split
        rows.append(
            {
                "name": corpus.info.name,
                "origin": corpus.info.origin,
                "what": f"{sessions:,} sessions" + ("" if split == "random" else f", split by {split}"),
                "folder": str(folder.parent),
            }
        )
    if as_json:
        echo(json.dumps(rows, indent=1))
        return
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting

    offered = tuple(Row(tuple(filter(None, row.values()))) for row in rows if not row["folder"])
    print_fitting([Layout(("dataset", "from", "what it is"), offered, left=3, prose=1)], console())
    here = tuple(Row(tuple(filter(None, row.values()))) for row in rows if row["folder"])
    if here:
        print_fitting([Layout(("corpus", "origin", "size", "folder"), here, left=4)], console())


@app.command(short_help="Make the corpus of a dataset.")
def make(
    name: DatasetName,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the corpus; default: where `bench run` looks.")
    ] = None,
    settings: Settings = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Make the corpus of a dataset, such as beauty --set sessions=100000."""
    _make(name, None, to, settings or [], out, as_json)


@app.command(short_help="Fetch a released dataset, and make its corpus.")
def fetch(
    name: Annotated[str, typer.Argument(help="Dataset, such as fashioniq.", autocompletion=completion.datasets)],
    source: Annotated[str, typer.Option("--from", metavar="PATH|URL", help="Where its files are.")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the corpus; default: where `bench run` looks.")
    ] = None,
    settings: Settings = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Fetch the files of a released dataset, check them, and make its corpus."""
    _make(name, source, to, settings or [], out, as_json)


def _make(
    name: str, source: str | None, to: Path | None, settings: list[str], out: Path, as_json: bool = False
) -> None:
    from bench.cli.progress import single_progress
    from bench.data.corpus import Corpus
    from bench.data.making import check_free, taken, to_be_made
    from bench.errors import BenchError
    from bench.plugins.registry import registry
    from bench.plugins.settings import resolve_options
    from bench.runs.corpora import checked, corpus_folder, damage_of, is_made_with
    from bench.runs.store import Store

    spec = registry().get("dataset", name)
    if spec.fetched != (source is not None):
        verb = f"bench data fetch {name} --from PATH|URL" if spec.fetched else f"bench data make {name}"
        raise BenchError("is made from files" if spec.fetched else "is not made from files", where=name, fix=verb)
    options = resolve_options([spec], settings)["dataset", name]
    folder = to or corpus_folder(spec, options, Store(out))
    extra = {} if source is None else {"source": source}
    if to is not None:
        check_free(folder)
    ours = to is None and not spec.fetched  # it follows from its options alone, and is made again where it is damaged
    with to_be_made(folder, lambda: damage_of(folder) if ours else "") as missing:
        if missing:
            spec.load()(folder, name=name, progress=single_progress(f"making {name}"), **extra, **options)
    corpus = checked(Corpus(folder))
    if not missing and to is not None and not is_made_with(corpus, name, options):
        raise taken(folder)
    report = None
    if "reader" in corpus.info.source:  # a log: what became of its rows matters more than how many there are
        from bench.datasets.ingest import IngestReport

        report = IngestReport(**corpus.info.source["report"])
    if as_json:
        made = {"what": "folder", "name": corpus.info.name, "value": str(folder)}
        kept = [made, *({"what": "kept", "name": each, "value": count} for each, count in corpus.info.counts.items())]
        echo(json.dumps(kept if report is None else report.rows(), indent=1))
        return
    if report is not None:
        from bench.datasets.ingest.spelling import as_settings

        for line in report.told():
            say(as_settings(line))
    counts = corpus.info.counts
    queries = counted(counts["queries"], "query", "queries")
    echo(f"{counted(counts['sessions'], 'session')}, {queries} in {folder}")
    for caveat in corpus.info.caveats:
        say(f"Note: {caveat}")


app.command(short_help="Make a corpus from your own event logs.")(logs.ingest)
app.command(short_help="Make image vectors of image files.")(images.images)
app.command(short_help="Print what ingest reads.")(logs.columns)
app.command(short_help="List log mappings; say how one is written.")(logs.maps)


@app.command(short_help="Print statistics beside the paper's.")
def stats(
    name: Corpus,
    settings: Settings = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Print the statistics of the paper's Table 1 beside the published ones."""
    from bench.data.stats import corpus_stats

    corpus = _open(name, settings or [], out)
    rows = corpus_stats(corpus)
    if as_json:
        echo(
            json.dumps([{"statistic": r.statistic, "value": r.value, "published": r.published} for r in rows], indent=1)
        )
        return
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting

    lines = tuple(Row((row.statistic, _number(row.value), _number(row.published))) for row in rows)
    print_fitting([Layout(("statistic", "here", "published"), lines, left=1)], console(), corpus.info.label)
    for caveat in corpus.info.caveats:
        say(f"Note: {caveat}")


@app.command(short_help="Write the hidden intents of a simulated corpus.")
def truth(
    name: Corpus,
    to: Annotated[Path, typer.Option("--to", help="Parquet file to write.")],
    half: Annotated[str, typer.Option("--half", metavar="text|visual|both", help="Which half of the intent.")] = "both",
    settings: Settings = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Write what simulated shoppers were after, a vector for each query: for ceilings, never for a claim.

    Parquet with query_id and vector, the hidden intent [textual ; visual]. With
    `bench run --encoder "FILE.parquet[name=true-intents]"` it stands in a table as the encoder that knows what was
    wanted, and says what a baseline can make of such knowledge. It is no model that others may be compared with.
    """
    from bench.data.true_intents import HALVES, write_true_intents
    from bench.data.truth import require_truth
    from bench.errors import BenchError, did_you_mean

    chosen = next((each for each in HALVES if each == half), None)
    if chosen is None:
        raise BenchError(f"{half!r} is not text, visual or both", where="--half", fix=did_you_mean(half, HALVES))
    corpus = _open(name, settings or [], out)
    require_truth(corpus)
    written = write_true_intents(corpus, to, chosen)
    if as_json:
        echo(json.dumps([{"file": str(to), "intents": written, "half": chosen}], indent=1))
        return
    echo(f"{counted(written, 'intent')} in {to}; for ceilings, never for a claim")


@app.command(short_help="Say all that is wrong with a corpus.")
def validate(
    name: Corpus,
    settings: Settings = None,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a corpus; exit with 1 if anything is."""
    from dataclasses import asdict

    from bench.data.checks.corpus_checks import problems
    from bench.errors import BenchError
    from bench.plugins.registry import registry
    from bench.runs.corpora import dataset_spec

    folder = Path(name) if dataset_spec(name, registry()) is None else _open(name, settings or [], out).folder
    if not folder.is_dir():
        raise BenchError("no such folder", where=str(folder), fix="name a dataset, or the folder of a corpus")
    found = problems(folder)
    if as_json:
        echo(json.dumps([asdict(problem) for problem in found], indent=1))
    else:
        for problem in found:
            echo(str(problem.error(str(folder))))
    if found:
        raise typer.Exit(1)
    if not as_json:
        echo(f"{folder}: nothing wrong")


def _open(name: str, settings: list[str], out: Path):  # type: ignore[no-untyped-def]  # a Corpus; importing it is dear
    from bench.cli.progress import single_progress
    from bench.plugins.registry import registry
    from bench.plugins.settings import resolve_options
    from bench.runs.corpora import dataset_spec, open_corpus
    from bench.runs.store import Store

    spec = dataset_spec(name, registry())
    options = resolve_options([spec], settings)["dataset", name] if spec is not None else {}
    return open_corpus(name, spec, options, Store(out), single_progress(f"making {name}"))


def _number(value: float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
