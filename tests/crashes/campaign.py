"""Kills commands at random moments, runs them again, and compares what stands with what an unbroken run leaves.

``python -m tests.crashes.campaign 200 --seed 1`` from the repository's root kills 200 times and prints a line for each
and a summary. SIGKILL goes to the whole process group. Half of the moments are drawn evenly over the time that the
unbroken command took just before, half follow an event: shortly after the n-th half-written file or claim has appeared.
Every fourth command line is a process of its own; the others are forks of this one, and are what ``bench`` calls.
``--only ray`` kills the driver of a cluster that it has started on the spot.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":  # as pytest is told in pyproject.toml
    sys.path[:0] = [str(ROOT / part) for part in (".", "tests", "tests/crashes", "tests/bench/datasets")]

import imported_by_workers  # noqa: E402, F401
from command_line import BENCH, environment  # noqa: E402
from crash_commands import COMMANDS, USUAL, begin, finish, ground  # noqa: E402
from standing import differences, halves, standing  # noqa: E402

_LOOK = 0.004  # seconds
_SAID = ("Traceback", "not as it was written", "set aside", "not readable")
"""What the completing run must not say: nothing half-written is read as whole."""


@dataclass
class Attempt:
    """One killed command and what came of it.

    Attributes:
        command: its name.
        moment: when it was killed, for people.
        killed: whether it was still running then.
        faults: what is wrong after it was run again; empty if nothing is.
    """

    command: str
    moment: str
    killed: bool
    faults: list[str]


class Campaign:
    """Kills under one folder.

    Args:
        folder: is made; everything happens below it.
        names: of commands.
    """

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.here, self.log = folder, folder / "here", folder / "log"
        os.environ["BENCH_TEST_MARK"] = str(folder)  # by which its processes are known
        self.took: dict[str, float] = {}
        self.events: dict[str, int] = {}
        self.unbroken: dict[str, dict[str, Any]] = {}
        ground(folder / "ground")
        for name in names:
            self._run_unbroken(name)

    def prepare(self, name: str) -> None:
        """Puts what a command finds into its folder, always the same one: records say where corpora stand."""
        shutil.rmtree(self.here, ignore_errors=True)
        shutil.copytree(self.folder / "ground", self.here)
        for earlier in COMMANDS[name].after:
            code = finish(COMMANDS[earlier].words, self.here, self.log)
            assert code == 0, self.log.read_text()

    def _before(self, name: str) -> Path:
        """A copy of what a command finds, made once."""
        kept = self.folder / f"before-{name}"
        if not kept.exists():
            self.prepare(name)
            shutil.copytree(self.here, kept)
        return kept

    def restore(self, name: str) -> None:
        """As :meth:`prepare`, from a copy."""
        kept = self._before(name)
        shutil.rmtree(self.here, ignore_errors=True)  # a file system that is mounted there stays
        shutil.copytree(kept, self.here, dirs_exist_ok=True)

    def _run_unbroken(self, name: str) -> None:
        self.restore(name)
        began, events = time.monotonic(), 0
        previous: set[str] = set()
        child = begin(COMMANDS[name].words, self.here, self.log)
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            now = set(halves(self.here))
            events, previous = events + len(now - previous), now
            time.sleep(_LOOK)
        self.took[name], self.events[name] = time.monotonic() - began, events
        assert os.waitstatus_to_exitcode(status) == 0, self.log.read_text()
        self.unbroken[name] = standing(self.here)
        assert halves(self.here) == [], name

    def attempt(self, name: str, rng: random.Random, own_process: bool) -> Attempt:
        """Kills a command once, runs it to its end, and compares."""
        self.restore(name)
        at_event = self.events[name] > 0 and rng.random() < 0.5
        number = rng.randint(1, max(self.events[name], 1))
        after = rng.random() ** 3 * 0.05 if at_event else rng.random() * self.took[name]
        process = self._own(name) if own_process else None
        child = process.pid if process is not None else begin(COMMANDS[name].words, self.here, self.log)
        if at_event:
            self._until_event(child, number)
        time.sleep(after)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        status = process.wait() if process is not None else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        left = Counter(half.rpartition("/")[2] for half in halves(self.here))
        moment = (
            f"{after * 1000:.0f} ms after event {number}" if at_event else f"at {after:.2f} s of {self.took[name]:.2f}"
        )
        moment += f", {len(left)} half-written" + (", own process" if own_process else "")
        return Attempt(name, moment, status == -signal.SIGKILL, self.faults_of_completing(name))

    def faults_of_completing(self, name: str) -> list[str]:
        """What is wrong after the command has been run to its end."""
        code = finish(COMMANDS[name].words, self.here, self.log)
        said = self.log.read_text(errors="replace")
        faults = [f"says: {line}" for line in said.splitlines() if any(word in line for word in _SAID)]
        if code != 0:
            if name in ("make", "ingest") and "is there already" in said:  # it had been killed after its last rename
                code = 0
            else:
                faults.append(f"exit code {code}: {said[-2000:]}")
        faults += [f"left: {half}" for half in halves(self.here)]
        if name == "ray":
            faults += _left_processes(self.folder)
        return faults + differences(standing(self.here), self.unbroken[name])

    def _own(self, name: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [BENCH, *COMMANDS[name].words.split()],
                cwd=self.here,
                env=environment([ROOT]),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _until_event(self, child: int, number: int) -> None:
        """Waits until the n-th half-written name has appeared, or the process has ended."""
        previous: set[str] = set()
        while number > 0 and not _has_ended(child):
            now = set(halves(self.here))
            number, previous = number - len(now - previous), now
            time.sleep(_LOOK)


def _left_processes(folder: Path) -> list[str]:
    """Processes of a cluster that a killed command had started, and that have not ended half a minute later."""
    for _ in range(300):
        left = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(folder).encode() in (place / "environ").read_bytes() and int(place.name) != os.getpid():
                    left.append(f"left: process {(place / 'cmdline').read_bytes()[:100]!r}")
        if not left:
            break
        time.sleep(0.1)
    return left


def _has_ended(child: int) -> bool:
    """Whether a child is gone, without collecting it."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def main() -> None:
    """Runs a campaign from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(USUAL), help="commands, comma-separated")
    parser.add_argument("--own-every", type=int, default=4, help="each so many attempts one is a process of its own")
    parser.add_argument("--full-disks", default="", help="commands that meet a full disk too, comma-separated")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="after which no more are begun")
    chosen = parser.parse_args()
    from full_disk import faults_of_a_full_disk  # which imports this module

    names, rng, began = chosen.only.split(","), random.Random(chosen.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crashes-") as folder:
        campaign = Campaign(Path(folder) / "campaign", names)
        for name, seconds in campaign.took.items():
            print(f"{name} unbroken: {seconds:.2f} s, {campaign.events[name]} half-written names", flush=True)
        kills, attempts, wrong, by_name = 0, 0, 0, Counter[str]()
        while kills < chosen.kills and time.monotonic() - began < chosen.seconds:
            one = campaign.attempt(names[attempts % len(names)], rng, own_process=attempts % chosen.own_every == 0)
            attempts, kills, wrong = attempts + 1, kills + one.killed, wrong + bool(one.faults)
            by_name[one.command] += one.killed
            print(f"{attempts} {one.command} {'killed' if one.killed else 'ended before'} {one.moment}", flush=True)
            for fault in one.faults:
                print(f"    {fault}", flush=True)
        for name in chosen.full_disks.split(",") if chosen.full_disks else ():
            found = faults_of_a_full_disk(campaign, name)
            wrong += bool(found)
            print(f"{name} on a full disk: {'; '.join(found) or 'one line, and whole afterwards'}", flush=True)
    print(f"{kills} killed of {attempts} begun, {wrong} with a fault; seed {chosen.seed}; {dict(by_name)}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
