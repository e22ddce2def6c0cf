"""``bench doctor``."""

from __future__ import annotations

from typing import Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Out
from bench.cli.terminal import echo
from bench.printable import counted


def doctor(
    licences: Annotated[bool, typer.Option("--licences", help="List the libraries' licences instead.")] = False,
    out: Out = RUNS,
    as_json: AsJson = False,
) -> None:
    """Say what is installed, what is slow or broken on this machine, why, and what to do.

    Looks at versions, extras, plugins, processors, memory, GPU, compiled loops and the disk of the --out folder, to
    which it writes 16 MB for a moment. Exit code 1 if something is broken, 0 with warnings.
    """
    import json
    from dataclasses import asdict

    if licences:
        _licences(as_json)
        return
    from bench.cli.terminal import lay_out, say
    from bench.doctor import examine

    found = examine(out)
    if as_json:
        echo(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
    else:
        marks = {"ok": "     ok", "note": "   note", "warning": "warning", "broken": " BROKEN"}
        lines = (f"{marks[one.state]}  {one.area}: {one.what}{f' -- {one.fix}' if one.fix else ''}" for one in found)
        lay_out("\n".join(lines))
        counts = {state: sum(one.state == state for one in found) for state in ("broken", "warning")}
        say(f"{counts['broken']} broken, {counted(counts['warning'], 'warning')}")
    if any(one.state == "broken" for one in found):
        raise typer.Exit(1)


def _licences(as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from bench.doctor.licences import licences

    found = licences()
    if as_json:
        echo(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
        return
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting

    head = ("library", "version", "licence", "needed for")
    rows = tuple(Row((one.name, one.version, one.licence, one.extra or "everything")) for one in found)
    print_fitting([Layout(head, rows, left=4, prose=1)], console())
