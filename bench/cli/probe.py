"""``bench probe``: what frozen session vectors say of the shopper's hidden intent."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Dataset, Device, Encoders, Out, Settings, names
from bench.cli.terminal import echo


def probe(
    encoder: Encoders,
    dataset: Dataset = "beauty",
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1_000, help="Number of seeds, each a row.")] = 1,
    settings: Settings = None,
    device: Device = "auto",
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Read the hidden intent out of frozen vectors, on a simulated corpus.

    R² of the textual and the visual intent on test sessions, by a linear map fitted on training sessions; the vectors'
    effective rank; and NDCG@10 of a ranker that knows the items and takes what was read for the intent. Compare the
    last with `--baseline references` of `bench run`: best-prefix is the same ranker with the best linear reader.
    """
    import json
    from dataclasses import asdict

    from bench.cli.progress import single_progress
    from bench.cli.terminal import console
    from bench.evaluation.probe import probe_vectors, probed_queries
    from bench.runs.embed import pretrained
    from bench.runs.extraction import Encoding
    from bench.runs.store import Store

    store, rows = Store(out), []
    asked = names(encoder)
    for name in asked:
        for seed in range(seeds):
            job, corpus = pretrained(
                name, dataset, seed, settings or [], device, store, single_progress, beside=asked, truth=True
            )
            queries = probed_queries(corpus)
            progress = single_progress(f"embedding {dataset}")
            vectors = Encoding(job, corpus, store, progress).vectors(queries.rows)
            found = probe_vectors(corpus, queries, vectors)
            rows.append({"dataset": corpus.info.label, "encoder": name, "seed": seed, **asdict(found), "key": job.key})
    if as_json:
        echo(json.dumps(rows, indent=2))
        return
    from bench.reports.fitting import Layout, Row, print_fitting

    head = ("encoder", "seed", "R² text", "R² visual", "NDCG@10, known items", "effective rank", "width")
    lines = tuple(
        Row(
            (
                row["encoder"],
                str(row["seed"]),
                *(f"{row[name]:.3f}" for name in ("text_r2", "visual_r2", "ndcg")),
                f"{row['effective_rank']:.1f}",
                str(row["width"]),
            )
        )
        for row in rows
    )
    note = "effective rank and width have no place on this terminal; --json has them"
    narrow = Layout(head[:5], tuple(Row(line.cells[:5]) for line in lines), left=1, note=note)
    title = f"intents read out of session vectors: {rows[0]['dataset']}, {rows[0]['queries']} test queries"
    print_fitting([Layout(head, lines, left=1), narrow], console(), title)
