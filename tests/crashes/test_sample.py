"""A sample of the campaign: twenty kills, two of each command, after each of which the next run leaves what an unbroken
one does; and a disk that fills up in the middle of five.

It runs in a process of its own: commands are forks of it, and those of a process that has threads may hang.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_twenty_kills_at_random_moments_and_five_full_disks() -> None:
    campaign = [sys.executable, "-m", "tests.crashes.campaign", "20", "--seed", "7", "--own-every", "10"]
    disks = ["--full-disks", "make,ingest,pretrain,run,check"]
    ran = subprocess.run([*campaign, *disks], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "20 killed of" in ran.stdout
    assert ran.stdout.count("on a full disk: ") == 5
