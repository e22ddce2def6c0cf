"""What the commands on a corpus cost as it grows: processor time, memory of their own, disk.

    python results/scale/measure.py SESSIONS … [--work FOLDER] [--only COMMAND,…]

Measures each command at each size on simulated ``beauty`` and appends a row to ``measured.csv`` beside this file; what
has a row is not measured again, so that a run that was ended goes on. Then it writes ``measured.md``: the table, the
fits and the projection. Without sizes it only writes that.

Processor time is user plus system of one thread, so that who else uses the machine hardly counts. Memory is the most
that the process has to itself (``RssAnon``); pages of mapped files do not count. The ingestion reads the corpus's own
event log without images. Pretraining is 300 steps of ``muvcog-m`` at batch 256, the slice 100,000 prefixes.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import shutil
import sys
from pathlib import Path

from event_log import write_event_log
from fitted import read_rows, report
from watched import run_watched

from bench.runs.provenance import provenance

HERE = Path(__file__).parent
MEASURED = HERE / "measured.csv"
STEPS, PREFIXES = 300, 100_000
COLUMNS = ("command", "sessions", "processor_s", "wall_s", "anonymous_mb", "disk_mb", "line", "commit", "machine")


def commands(sessions: int, work: Path) -> dict[str, list[str]]:
    """The commands in the order in which they are run, by name."""
    bench, corpus = [str(Path(sys.executable).with_name("bench"))], str(work / f"beauty-{sessions}")
    log, ingested = str(work / f"log-{sessions}"), str(work / f"ingested-{sessions}")
    encoder = f"muvcog-m[steps={STEPS}]"
    out = ["--out", str(work / "runs"), "--device", "cpu"]
    return {
        "make": [*bench, "data", "make", "beauty", "--set", f"sessions={sessions}", "--to", corpus],
        "stats": [*bench, "data", "stats", corpus],
        "validate": [*bench, "data", "validate", corpus],
        "ingest": [*bench, "data", "ingest", log, "--to", ingested],
        "pretrain": [*bench, "pretrain", "--encoder", encoder, "--dataset", corpus, *out],
        "slice": [sys.executable, str(HERE / "slice.py"), corpus, str(PREFIXES)],
    }


def bytes_in(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def measure(name: str, sessions: int, work: Path) -> None:
    """Measures one command and appends its row."""
    command, corpus, log = commands(sessions, work)[name], work / f"beauty-{sessions}", work / f"log-{sessions}"
    made = work / f"ingested-{sessions}" if name == "ingest" else corpus
    if name in ("make", "ingest"):
        shutil.rmtree(made, ignore_errors=True)
    if name == "ingest" and not log.exists():
        write_event_log(corpus, log)
    if name == "pretrain":
        shutil.rmtree(work / "runs", ignore_errors=True)
    printed = HERE / "logs" / f"{name}-{sessions}.log"
    printed.parent.mkdir(exist_ok=True)
    cost, where = run_watched(command, printed), provenance()
    row = {
        "command": name,
        "sessions": sessions,
        "processor_s": f"{cost.processor_s:.1f}",
        "wall_s": f"{cost.wall_s:.0f}",
        "anonymous_mb": f"{cost.anonymous_mb:.0f}",
        "disk_mb": f"{bytes_in(made) / 2**20:.0f}",
        "line": " ".join([Path(command[0]).name, *command[1:]]).replace(f"{work}/", ""),
        "commit": where["commit"],
        "machine": f"{where['machine']}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }
    new = not MEASURED.exists()
    with MEASURED.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)
    print(f"{name} at {sessions:,}: {cost.processor_s:.1f} s of processor, {cost.anonymous_mb:.0f} MB", flush=True)


def main() -> None:
    """Measures what has no row yet, then writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sessions", nargs="*", type=int)
    parser.add_argument("--work", type=Path, default=Path("scale-work"))
    parser.add_argument("--only", default="make,stats,validate,ingest,pretrain,slice")
    parser.add_argument("--again", action="store_true", help="also what has a row; the least time counts")
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}  # threads that wait for each other count as work
    given.work.mkdir(parents=True, exist_ok=True)
    for sessions in given.sessions:
        for name in given.only.split(","):
            known = {(row.command, row.sessions) for row in read_rows(MEASURED)}
            if given.again or (name, sessions) not in known:
                measure(name, sessions, given.work.absolute())
    (HERE / "measured.md").write_text(report(read_rows(MEASURED)), encoding="utf-8")


if __name__ == "__main__":
    main()
