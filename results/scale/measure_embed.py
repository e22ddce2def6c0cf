"""Measures ``bench embed --prefixes`` of muvcog-m, whose pretraining is finished: prefixes a second, and memory.

::

    python results/scale/measure_embed.py CORPUS RUNS [OPTION …] >> rows.csv

Prefixes a second are those of one core: of the processor time of all processes, starting them left out by the caller,
who measures two sizes. Memory is the peak of what all processes have to themselves (``RssAnon``), libraries included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.data.corpus import Corpus

ENCODER = ["--encoder", "muvcog-m", "--set", "steps=20", "--device", "cpu"]


def private(process: int) -> int:
    """Bytes that a process and its children have to themselves."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            said = dict(
                line.split(":\t", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":\t" in line
            )
        except OSError:
            continue  # it has just ended
        if process in (int(said["Pid"]), int(said["PPid"])) and "RssAnon" in said:
            total += int(said["RssAnon"].split()[0]) * 1024
    return total


def main(folder: str, runs: str, options: list[str]) -> None:
    """Prints a row: prefixes, options, seconds of processor time, seconds, bytes at the peak."""
    bench = [sys.executable, "-c", "from bench.cli.main import main; main()"]
    quick = [*ENCODER, "--dataset", folder, "--out", runs]
    subprocess.run([*bench, "pretrain", *quick], check=True, capture_output=True)
    before, started, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as made:
        to = ["--prefixes", "--to", f"{made}/v.parquet", *options]
        process = subprocess.Popen([*bench, "embed", *quick, *to], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, private(process.pid))
            time.sleep(0.05)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    prefixes = len(Corpus(folder).columns.query_session)
    seconds = time.perf_counter() - started
    print(f"embed,{prefixes},{' '.join(options) or 'none'},{spent:.2f},{seconds:.2f},{peak},{process.returncode}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
