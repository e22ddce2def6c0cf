"""``bench fsck`` and ``bench gc``: what stands in a folder of results, and freeing what nobody needs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.choices import RUNS, AsJson, Out, names
from bench.cli.terminal import echo
from bench.printable import counted

if TYPE_CHECKING:
    from bench.runs.inventory import Kept


def fsck(out: Out = RUNS, as_json: AsJson = False) -> None:
    """Read every checksum of a folder of results; say what is there, what is broken, and what nobody needs.

    Nothing is changed. Exit code 1 where something is broken: the next run that needs it sets it aside and computes it
    again. Results of other sources or versions than the present ones are sound; no run asks for them any more.
    """
    found = _found(out)
    broken = [one for one in found if one.damage]
    if as_json:
        echo(json.dumps([_row(one) for one in found], indent=1))
    else:
        from bench.cli.terminal import say

        _print_kinds(found)
        for one in broken:
            say(f"{one.path}: {one.damage} ({_NEXT.get(one.kind, _NEXT[''])})")
        say(f"{len(broken)} broken; {_needless(found, out)}")
    if broken:
        raise typer.Exit(1)


def gc(
    out: Out = RUNS,
    also: Annotated[
        str,
        typer.Option(
            "--also",
            metavar="WHAT,…",
            help="encoders, embeddings: no cell refers to them; corpora: simulated, no result names them; outdated: of "
            "other sources or libraries.",
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Free it; otherwise it is only said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Free what nobody needs in a folder of results: what was set aside, half-written, and finished checkpoints.

    Without --yes nothing is changed. What --also names waits while another process uses the folder.
    """
    from bench.cli.terminal import say
    from bench.files import alone
    from bench.runs.free import checked_classes, free, freeable

    classes = checked_classes(names(also))
    with alone(out) as unused:
        found = _found(out)
        chosen = freeable(found, classes, unused)
        for one in chosen if yes else ():
            free(out, one)
    waiting = len(freeable(found, classes, unused=True)) - len(chosen)
    if as_json:
        echo(json.dumps([{**_row(one), "freed": yes} for one in chosen], indent=1))
    else:
        for one in chosen:
            echo(f"{one.path}: {one.needless}, {_size(one.bytes)}")
        done = "freed" if yes else "would be freed: --yes does"
        size = _size(sum(one.bytes for one in chosen))
        say(f"{counted(len(chosen), 'thing')}, {size} {done}" if chosen else "nothing to free")
    if waiting:
        say(f"{waiting} more are left alone while another process uses {out}", err=as_json)


_ONE = {"checkpoints": "checkpoint", "encoders": "encoder", "embeddings": "embedding", "corpora": "corpus"}
_NEXT = {
    "": "the next run that needs it sets it aside and computes it again",
    "corpora": "the next run makes it again where it is simulated, and refuses it where it is not",
}
"""What becomes of what is broken, by kind."""


def _found(out: Path) -> list[Kept]:
    from bench.cli.progress import single_progress
    from bench.errors import BenchError
    from bench.runs.inventory import inventory
    from bench.runs.store import Store

    if not out.is_dir():
        raise BenchError("no such folder", where=str(out), fix="--out says where results are")
    return inventory(Store(out), single_progress("reading"))


def _print_kinds(found: Sequence[Kept]) -> None:
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting

    rows = []
    for kind in dict.fromkeys(one.kind for one in found):
        mine = [one for one in found if one.kind == kind]
        needless = [one for one in mine if one.needless]
        counts = [len(mine), sum(bool(one.damage) for one in mine), len(needless)]
        sizes = [_size(sum(one.bytes for one in some)) for some in (mine, needless)]
        rows.append(Row((kind, str(counts[0]), sizes[0], str(counts[1]), str(counts[2]), sizes[1])))
    head = ("kind", "number", "size", "broken", "needless", "its size")
    print_fitting([Layout(head, tuple(rows), left=1)], console())


def _needless(found: Sequence[Kept], out: Path) -> str:
    """What nobody needs, class by class, and what frees it."""
    from bench.runs.free import ALWAYS, ASKED

    parts, where = [], "" if out == RUNS else f" --out {out}"
    for classes, how in ((ALWAYS, "bench gc"), (ASKED, "bench gc --also")):
        some = {
            name: f"{counted(len(mine), _ONE.get(name, name), name)} ({_size(sum(one.bytes for one in mine))})"
            for name in classes
            if (mine := [one for one in found if one.needless == name])
        }
        named = f" {','.join(some)}" if classes is ASKED else ""
        parts += [f"{how}{named}{where} frees {', '.join(some.values())}"] if some else []
    return "; ".join(parts) or "nothing that nobody needs"


def _row(one: Kept) -> dict[str, str | int]:
    return {
        "kind": one.kind,
        "path": str(one.path),
        "bytes": one.bytes,
        "damage": one.damage,
        "needless": one.needless,
    }


def _size(count: int) -> str:
    """Bytes as people say them."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
