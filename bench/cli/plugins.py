"""``bench plugins``."""

from __future__ import annotations

import json
import warnings

import typer

from bench.cli.choices import AsJson


def plugins(as_json: AsJson = False) -> None:
    """List every encoder, baseline, task and dataset, who offers it, and which plugins are broken."""
    from bench.plugins.registry import registry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken ones are in the list
        found = registry()
    rows = [
        {
            "kind": kind,
            "name": component.spec.name,
            "origin": component.origin,
            "status": "ok",
            "error": None,
            "citation": component.spec.citation,
            "help": component.spec.help,
        }
        for kind, component in found.components()
    ]
    rows += [
        {
            "kind": "plugin",
            "name": b.name,
            "origin": b.origin,
            "status": "broken",
            "error": b.error,
            "citation": None,
            "help": None,
        }
        for b in found.broken
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(header_style="bold")
    for column in ("kind", "name", "origin", "status", "what it is"):
        table.add_column(column)
    for row in rows:
        table.add_row(row["kind"], row["name"], row["origin"], row["status"], row["help"] or row["error"])
    Console().print(table)
