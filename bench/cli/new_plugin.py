"""``bench new-plugin``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import AsJson
from bench.cli.terminal import echo


def new_plugin(
    name: Annotated[str, typer.Argument(help="Of the component and the distribution, such as my-encoder.")],
    kind: Annotated[str, typer.Option("--kind", help="encoder, baseline, task or dataset.")] = "encoder",
    to: Annotated[Path | None, typer.Option("--to", help="Folder to make; default: NAME.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Write a small installable plugin: a working component, its test, golden gate, README and a GitHub Action."""
    from bench.plugins.registry import registry
    from bench.scaffold.write import write_plugin

    folder = to or Path(name)
    files = [str(folder / file) for file in write_plugin(name, kind, folder, registry())]
    if as_json:
        echo(json.dumps([{"file": file} for file in files], indent=1))
        return
    for file in files:
        echo(file)
    echo(f"next: pip install -e {folder} && pytest {folder} && bench check {folder / 'golden'} --update")
