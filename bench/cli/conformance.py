"""``bench test-plugin``."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.choices import AsJson, Settings
from bench.cli.terminal import echo
from bench.progress import print_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.testing.command import Check


def conformance(
    name: Annotated[str, typer.Argument(help="Of a component, or of a distribution for all that it offers.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="encoder, baseline, task or dataset; default: any.", show_default=False)
    ] = None,
    settings: Settings = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PATH", help="The files of a dataset that is made from some."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every check, and failures whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that components hold to their contract: the conformance kit, as a command. Exit code 1 if one does not.

    A dataset is made several times with its declared options: make it small by --set. Needs pytest.
    """
    from bench.testing import require_pytest

    require_pytest("bench test-plugin")
    from bench.plugins.registry import registry
    from bench.testing.command import chosen, run_kits

    components = chosen(name, kind, registry())
    checks = run_kits(components, settings or [], source, _tell)
    if sys.stderr.isatty():
        print_over()
    if as_json:
        echo(json.dumps([check.as_dict() for check in checks], indent=1, ensure_ascii=False))
    for component in components if not as_json else ():
        mine = [check for check in checks if (check.kind, check.name) == (component.spec.kind, component.spec.name)]
        _print(f"{component.spec.kind} {component.spec.name} ({component.origin})", mine, verbose)
    if not checks or any(check.outcome == "failed" for check in checks):
        raise typer.Exit(1)


def _print(title: str, checks: Sequence[Check], verbose: bool) -> None:
    """A component's result: a line, and one for each failure; all of it where everything is wanted."""
    count = Counter(check.outcome for check in checks)
    counts = ", ".join(f"{count[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped") if count[outcome])
    echo(f"{title}: {counts or 'nothing to check'}, {sum(check.seconds for check in checks):.0f} s")
    for check in checks:
        if check.outcome == "failed" or verbose:
            told = f": {check.message}" if check.message else ""
            echo(f"  {check.outcome:7} {_in_words(check.check)}{told}")
        if check.details and verbose:
            echo("\n".join(f"    {line}" for line in check.details.splitlines()))
    for reason, number in Counter(check.message for check in checks if check.outcome == "skipped").items():
        if not verbose:
            echo(f"  {number} skipped: {reason}")


def _in_words(check: str) -> str:
    name, bracket, rest = check.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" [{rest}" if bracket else "")


def _tell(check: Check) -> None:
    """Tells a terminal which check is done; nothing elsewhere."""
    if sys.stderr.isatty():
        print_over(f"{check.kind} {check.name}: {_in_words(check.check)}")
