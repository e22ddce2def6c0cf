"""A sample of the campaign: twenty kills, two of each command, after each of which the next run leaves what an unbroken
one does; and a disk that fills up in the middle of each.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from campaign import Campaign
from crash_commands import COMMANDS, finish

pytestmark = pytest.mark.slow

KILLS, SEED = 20, 7
FREE = 96 << 10  # bytes: less than any of these commands writes, more than their first file takes


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(tmp_path_factory.mktemp("crashes") / "campaign", list(COMMANDS))


def test_twenty_kills_at_random_moments(campaign: Campaign) -> None:
    rng, names, killed = random.Random(SEED), list(COMMANDS), 0
    for number in range(3 * KILLS):
        one = campaign.attempt(names[number % len(names)], rng, own_process=number == 5)
        assert one.faults == [], one
        killed += one.killed
        if killed == KILLS:
            break
    assert killed == KILLS, "most moments must hit"


@pytest.mark.parametrize("name", ["make", "ingest", "pretrain", "run", "check"])
def test_a_disk_that_fills_up_in_the_middle(name: str, campaign: Campaign) -> None:
    """The next run, when there is room again, leaves what an unbroken one does."""
    campaign.here.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(campaign.here)]
    try:
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("nothing can be mounted here")
    except FileNotFoundError:
        pytest.skip("nothing can be mounted here")
    try:
        campaign.restore(name)
        ballast = campaign.here / "ballast"
        _fill(ballast, FREE)
        code = finish(COMMANDS[name].words, campaign.here, campaign.log)
        said = campaign.log.read_text()
        assert code in (1, 2), said
        assert "no space left" in said.lower(), said
        assert "Traceback" not in said, said
        ballast.unlink()
        assert campaign.faults_of_completing(name) == []
    finally:
        subprocess.run(["umount", "-l", str(campaign.here)], check=True)


def _fill(file: Path, free: int) -> None:
    """Writes a file until so many bytes are left on its file system."""
    with file.open("wb") as writing:
        while (left := _free(file)) > free:
            writing.write(bytes(min(left - free, 1 << 20)))
            writing.flush()


def _free(file: Path) -> int:
    found = os.statvfs(file)
    return found.f_bavail * found.f_frsize
