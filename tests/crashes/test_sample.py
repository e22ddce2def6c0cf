"""A sample of the campaign: twenty kills, two of each command, after each of which the next run leaves what an unbroken
one does; a disk that fills up in the middle of five; a killed driver of a cluster; and folders of another user.

They run in processes of their own: commands are forks of it, and those of a process that has threads may hang.
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


@pytest.mark.slow
def test_a_killed_driver_of_a_cluster_leaves_no_process_and_loses_nothing() -> None:
    pytest.importorskip("ray")
    campaign = [sys.executable, "-m", "tests.crashes.campaign", "1", "--seed", "1", "--only", "ray", "--own-every", "1"]
    ran = subprocess.run(campaign, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 killed of" in ran.stdout


@pytest.mark.slow
def test_folders_of_another_user_can_be_read_and_are_left_as_they_are() -> None:
    tried = [sys.executable, "-m", "tests.crashes.others_folder", "--sample"]
    ran = subprocess.run(tried, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if ran.stdout.startswith("skipped"):
        pytest.skip(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "8 commands that read and 7 that write: 0 faults" in ran.stdout
