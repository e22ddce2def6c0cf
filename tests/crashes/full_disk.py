"""A disk that fills up in the middle of a command: one line, and the next run, when there is room, leaves the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from campaign import Campaign
from crash_commands import COMMANDS, finish

FREE = 96 << 10  # bytes: less than any of these commands writes, more than their first file takes


def can_mount(place: Path) -> bool:
    """Mounts a small file system of its own on a folder, where that is permitted."""
    place.mkdir(exist_ok=True)
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
        return subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def faults_of_a_full_disk(campaign: Campaign, name: str) -> list[str]:
    """What is wrong about a command that has no room, and about the next run, which has."""
    if not can_mount(campaign.here):
        return []
    try:
        campaign.restore(name)
        ballast = campaign.here / "ballast"
        _fill(ballast, FREE)
        code = finish(COMMANDS[name].words, campaign.here, campaign.log)
        said = campaign.log.read_text()
        faults = [] if code in (1, 2) else [f"ended with {code}: {said}"]
        if "no space left" not in said.lower() or "Traceback" in said:
            faults.append(f"said: {said}")
        ballast.unlink()
        return [*faults, *campaign.faults_of_completing(name)]
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
