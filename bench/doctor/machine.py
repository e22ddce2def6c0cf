"""Processors, threads, memory and accelerators, as far as they decide how fast training is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from bench.doctor.finding import Finding
from bench.runs.provenance import machine as processor

_LITTLE_MEMORY = 4 * 2**30  # a process of a run takes one to two GB
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def machine() -> Iterator[Finding]:
    """Findings on the machine."""
    known = processor()
    yield from _processors()
    vectors = known["vectors"]
    if vectors in ("AVX2", "AVX512"):
        yield Finding("instructions", "ok", f"{known['processor']}, {vectors}")
    else:
        what = f"{known['processor']}, {vectors}: compiled loops are fastest with AVX2 or AVX-512"
        yield Finding("instructions", "note", what, "golden tables are compared with wider tolerances here")
    yield from _variables(allowed_processors())
    yield from _accelerator()
    yield from _memory()


def allowed_processors(group: Path = Path("/sys/fs/cgroup")) -> float:
    """Processors that this process may use: those of its affinity, or fewer by the quota of its control group.

    Args:
        group: where the control group is mounted.
    """
    mine = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(os.cpu_count() or 1)
    return min(mine, _quota(group))


def _quota(group: Path) -> float:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return math.inf if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:  # the first version of control groups
        quota, period = ((group / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


def _processors() -> Iterator[Finding]:
    seen, allowed = os.cpu_count() or 1, allowed_processors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    what = f"{seen} processors, {allowed:g} of them allowed to this process"
    started = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else seen
    if allowed < started:
        fix = f"bench starts {started} processes, which wait for each other: --jobs {max(1, int(allowed))}"
        yield Finding("processors", "warning", f"{what} by its control group's quota", fix)
    else:
        yield Finding("processors", "ok", what)
    if load > 1.5 * allowed:
        what = f"{load:.1f} processes want {allowed:g} processors (load of the last minute)"
        yield Finding("processors", "warning", what, "timings say little now; wait, or give --jobs less")


def _variables(allowed: float) -> Iterator[Finding]:
    for name in _THREADS:
        value = os.environ.get(name, "")
        if value.isdigit() and int(value) > allowed:
            what = f"{name}={value} asks for more threads than {allowed:g} processors"
            yield Finding("environment", "warning", what, f"unset {name}, or set it to 1")
    if os.environ.get("BENCH_KERNELS") == "reference":
        what = "BENCH_KERNELS=reference computes without compiled loops, several times as slowly"
        yield Finding("environment", "warning", what, "unset BENCH_KERNELS")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        what = "NUMBA_DISABLE_JIT switches compiled loops off, which is several times as slow"
        yield Finding("environment", "warning", what, "unset NUMBA_DISABLE_JIT")
    if os.environ.get("CUDA_LAUNCH_BLOCKING", "0") not in ("", "0"):
        what = "CUDA_LAUNCH_BLOCKING makes a GPU wait after each operation"
        yield Finding("environment", "warning", what, "unset CUDA_LAUNCH_BLOCKING")


def _accelerator() -> Iterator[Finding]:
    import torch

    build = f"torch {torch.__version__}, " + (f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "CPU")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        yield Finding("GPU", "ok", f"{', '.join(names)}; {build}")
    elif Path("/proc/driver/nvidia/version").exists():
        fix = "install the build of torch for this driver, see pytorch.org"
        yield Finding("GPU", "warning", f"there is an NVIDIA driver, and torch cannot use it; {build}", fix)
    else:
        yield Finding("GPU", "ok", f"none; {build}")


def _memory() -> Iterator[Finding]:
    free = free_memory()
    if free is None:
        return
    what = f"{free / 2**30:.1f} GB of memory are free"
    if free < _LITTLE_MEMORY:
        yield Finding("memory", "warning", what, "a process takes one to two: --jobs 1, --memory-limit 1GB for ingest")
    else:
        yield Finding("memory", "ok", what)


def free_memory(group: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc/meminfo")) -> int | None:
    """Bytes that this process may still take: of the machine, or fewer by its control group; None where unknown."""
    try:
        lines = dict(line.split(":", 1) for line in proc.read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit, used = ((group / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        return free if limit == "max" else min(free, int(limit) - int(used))
    except (OSError, ValueError):
        return free
