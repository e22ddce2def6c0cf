"""``bench results``: what other programs need to know of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.choices import AsJson
from bench.cli.terminal import echo

app = typer.Typer(name="results", help="Results as other programs read them.", no_args_is_help=True)


@app.command("validate", short_help="Check a file against the JSON Schema of results.")
def validate(
    file: Annotated[Path, typer.Argument(help="Output of bench run --json, or a cell.json.")], as_json: AsJson = False
) -> None:
    """Check a file against the JSON Schema of results, which comes with the package."""
    from bench.evaluation.result_schema import validate_results

    what = validate_results(file)
    echo(json.dumps([{"file": str(file), "what": what}], indent=1) if as_json else f"{file}: {what}, valid")
