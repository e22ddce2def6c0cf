"""``bench merge``: results of several machines in one folder."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import AsJson
from bench.cli.terminal import echo
from bench.printable import counted


def merge(
    sources: Annotated[list[Path], typer.Argument(help="Folders of results, such as runs of several machines.")],
    to: Annotated[Path, typer.Option("--to", help="Folder that gets what it lacks.")],
    as_json: AsJson = False,
) -> None:
    """Copy the results of several folders into one. Checksums are read; nothing that is there is overwritten.

    Exit code 1 where two results of one key differ, the one in --to stays then, or where one is damaged, which is left
    out.
    """
    from bench.runs.merge import merge as merged

    found = list(merged(sources, to))
    wrong = [one for one in found if one.outcome in ("conflict", "damaged")]
    if as_json:
        echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in wrong:
            what = (
                f"differs from the one in {to}, which stays: {', '.join(one.files)}"
                if one.outcome == "conflict"
                else "is not as it was written, and is left out"
            )
            echo(f"{one.source}/{one.kind}/{one.key} {what}", err=True)
        counts = Counter(one.outcome for one in found)
        said = ", ".join(f"{counts[name]} {name}" for name in ("taken", "same", "failed", "conflict", "damaged"))
        echo(f"{counted(len(found), 'result')}: {said}; in {to}")
    if wrong:
        raise typer.Exit(1)
