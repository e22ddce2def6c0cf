"""``ingest`` of a large log: time and memory are measured, counts are checked.

A hundred thousand events by default; ``INGEST_EVENTS=10000000`` takes ten million, which are meant to be read in five
minutes and 4 GB on two cores. Times are printed for people (``-s``): no test fails for one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from event_log_generator import write_events

pytestmark = pytest.mark.slow

EVENTS = int(os.environ.get("INGEST_EVENTS", "100000"))
_MEASURED = """
import json, resource, sys, time
from bench.datasets.ingest import IngestOptions, ingest
began, ends = time.time(), []
note = lambda done, of: ends.append(round(time.time() - began, 1))
report = ingest(sys.argv[1], sys.argv[2], options=IngestOptions(), progress=note)
used = resource.getrusage(resource.RUSAGE_SELF)
measured = {"seconds": round(time.time() - began, 1), "cpu": round(used.ru_utime + used.ru_stime, 1)}
print(json.dumps({"kept": report.kept, **measured, "peak_mb": round(used.ru_maxrss / 1024), "stages": ends}))
"""


@pytest.mark.parametrize("form", os.environ.get("INGEST_FORMS", "parquet,csv").split(","))
def test_a_large_log(form: str, tmp_path: Path) -> None:
    events = write_events(tmp_path / "log", EVENTS, form)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, tmp_path / "log", tmp_path / "corpus"],
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    print(f"\n{form}, {events:,} events: {measured}")
    kept = measured["kept"]
    assert kept["queries"] + kept["impressions"] + kept["clicks"] == events
    assert kept["sessions"] * 4 == pytest.approx(kept["queries"], abs=4)
    assert measured["peak_mb"] < 4096
