"""Commands by a user whose folders they are not: those that read work, those that write end in one line.

``python -m tests.crashes.others_folder`` from the repository's root, as root, tries all and prints what is wrong;
``--sample`` leaves out what takes long. It is a process of its own, as the campaign is: commands are forks of it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Container
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":  # as pytest is told in pyproject.toml
    sys.path[:0] = [str(ROOT / part) for part in (".", "tests", "tests/crashes", "tests/bench/datasets")]

import imported_by_workers  # noqa: E402, F401
from another_user import become_nobody  # noqa: E402
from crash_commands import COMMANDS, GRID, SMALL, finish, ground  # noqa: E402
from standing import halves, standing  # noqa: E402

READING = {
    "a run that is done": COMMANDS["run"].words,
    "its JSON": f"{GRID} --device cpu --json",
    "tables": "tables ours.toml --device cpu --no-run --to MINE/tables",
    "a report": "report ours.toml --device cpu --to MINE/page.html",
    "figures": "figures ours.toml --device cpu --to MINE/figures",
    "scores": "score ours.toml --device cpu --metric ndcg@5",
    "claims": "claims ours.toml --device cpu",
    "stats": "data stats small",
    "a corpus validated": "data validate small",
    "a shared corpus, results of one's own": f"{GRID} --device cpu --out MINE/runs",
    "fsck": "fsck",
    "gc, dry": "gc",
}
"""By what is tried; MINE is the one folder that is the user's own."""

WRITING = {
    "a new folder of results": f"{GRID} --device cpu --out new",
    "cells that are not there": f"{GRID} --set epochs=2 --device cpu",
    "tables": "tables ours.toml --device cpu --no-run --to tables",
    "a report": "report ours.toml --device cpu --to page.html",
    "figures": "figures ours.toml --device cpu",
    "a corpus": f"data make beauty {SMALL} --to made",
    "a log ingested": "data ingest log --to ingested",
    "columns": "data stats stripped",
    "vectors": COMMANDS["embed"].words,
    "a pretraining": COMMANDS["pretrain"].words,
    "golden tables": COMMANDS["check"].words,
    "gc": "gc --yes",
}


LONG = (
    "figures",
    "scores",
    "claims",
    "its JSON",
    "a pretraining",
    "vectors",
    "golden tables",
    "cells that are not there",
)


def faults(folder: Path, names: Container[str]) -> list[str]:
    """What is wrong with the commands of these names, a line each."""
    here, mine, log = folder / "here", folder / "mine", folder / "log"
    ground(here)
    for name in ("run", "tables"):
        assert finish(COMMANDS[name].words, here, log) == 0, log.read_text()
    (here / "runs" / "cells" / "a.broken-1").mkdir()  # something for gc
    mine.mkdir()
    mine.chmod(0o777)
    log.chmod(0o666)
    before, found = standing(here), list[str]()
    for kind, commands in (("reading", READING), ("writing", WRITING)):
        for name in filter(names.__contains__, commands):
            words = commands[name]
            code = finish(words.replace("MINE", str(mine)), here, log, before=become_nobody)
            said = log.read_text()
            errors = [line for line in said.splitlines() if line.startswith("bench: ")]
            if "Traceback" in said or (kind == "reading" and code != 0):
                found.append(f"{kind} {name}: exit code {code}: {said[-1000:]}")
            if kind == "writing" and (code != 2 or len(errors) != 1 or "ermission denied" not in errors[0]):
                found.append(f"{kind} {name}: exit code {code}: {said[-1000:]}")
    left = [half for half in halves(folder) if not half.endswith("a.broken-1")]
    return [*found, *(f"left: {half}" for half in left), *(["changed"] if standing(here) != before else [])]


def can_become_nobody() -> bool:
    """Whether this process may become another user."""
    child = os.fork()
    if child == 0:
        try:
            become_nobody()
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Tries all commands, and says what is wrong."""
    with tempfile.TemporaryDirectory(prefix="another-") as folder:
        Path(folder).chmod(0o755)
        if not can_become_nobody():
            print("skipped: this process may not become another user")
            return
        os.environ["MPLCONFIGDIR"] = str(Path(folder) / "mine")
        names = {*READING, *WRITING} - {*(LONG if "--sample" in sys.argv else ())}
        found = faults(Path(folder), names)
    for fault in found:
        print(fault)
    counts = [len(names & commands.keys()) for commands in (READING, WRITING)]
    print(f"{counts[0]} commands that read and {counts[1]} that write: {len(found)} faults")
    sys.exit(len(found) > 0)


if __name__ == "__main__":
    main()
