"""Where results go, and where compiled code is kept: room, speed, and whether it can be written."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import bench.kernels
from bench.doctor.finding import Finding
from bench.kernels.code_folder import code_roots
from bench.kernels.doors import loops

_LITTLE_ROOM, _NO_ROOM = 5 * 2**30, 200 * 2**20
_WRITTEN = 16 * 2**20  # bytes of the trial
_SLOW = 30e6  # bytes a second; a spinning disk has 100e6
_OVER_A_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "gpfs", "9p")


def place(out: Path) -> Iterator[Finding]:
    """Findings on the folder of results."""
    folder = out.resolve()
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield Finding("disk", "broken", f"{folder} cannot be written", "choose another --out")
        return
    free = shutil.disk_usage(folder).free
    what = f"{free / 2**30:.1f} GB are free at {folder}"
    if free < _NO_ROOM:
        yield Finding("disk", "broken", what, "make room, or choose another --out")
        return
    if free < _LITTLE_ROOM:
        yield Finding("disk", "warning", what, "a corpus of kdd22's size takes 1 GB: make room or choose another --out")
    else:
        yield Finding("disk", "ok", what)
    kind = file_system(folder)
    if kind in _OVER_A_NETWORK:
        what = f"{folder} is on {kind}, over a network: corpora are read at random, and locks may hold for nobody"
        yield Finding("disk", "warning", what, "choose an --out on a disk of this machine")
    speed = _speed(folder)
    what = f"{speed / 1e6:.0f} MB a second are written there"
    if speed < _SLOW:
        yield Finding("disk", "warning", f"{what}: making a corpus waits for it", "choose an --out on a faster disk")
    else:
        yield Finding("disk", "ok", what)


def compiled_code() -> Iterator[Finding]:
    """Findings on the compiled loops."""
    if loops("bench.kernels.cpu") is None:
        what = "compiled loops cannot be had: models run several times as slowly"
        yield Finding("compiled loops", "warning", what, "pip install --force-reinstall numba llvmlite")
        return
    roots = list(code_roots(Path(bench.kernels.__file__).parent))
    kept = sorted(folder for root in roots for folder in root.glob("compiled-*") if any(folder.glob("*.nbc")))
    if kept:
        files = sum(1 for folder in kept for _ in folder.glob("*.nbc"))
        yield Finding("compiled loops", "ok", f"{files} kept in {kept[0].parent}")
    elif any(_writable(root) for root in roots):
        what = "none is kept yet: the first run with this version compiles, for about a minute"
        yield Finding("compiled loops", "note", what)
    else:
        what = f"they cannot be kept in {' or '.join(map(str, roots))}: every process compiles again"
        yield Finding("compiled loops", "warning", what, "set NUMBA_CACHE_DIR to a folder that can be written")


def file_system(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system that a folder is on; empty where that is unknown."""
    try:
        points = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    except OSError:
        return ""
    holding = [(len(point), kind) for point, kind in points if folder.is_relative_to(point)]
    return max(holding)[1] if holding else ""


def _writable(root: Path) -> bool:
    while not root.exists():
        root = root.parent
    return os.access(root, os.W_OK)


def _speed(folder: Path) -> float:
    """Bytes a second of writing a file and waiting until it is on the disk."""
    block = os.urandom(_WRITTEN)
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return _WRITTEN / max(time.perf_counter() - began, 1e-9)
