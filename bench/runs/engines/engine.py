"""Which engine carries out the jobs of a run, and how it is reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.errors import BenchError, did_you_mean
from bench.runs.engines import local
from bench.runs.engines.dealing import Watcher
from bench.runs.jobs import Job
from bench.runs.store import Store

NAMES = ("local", "ray")


@dataclass(frozen=True)
class Engine:
    """An engine, as a user names it.

    Attributes:
        name: ``local`` or ``ray``.
        address: of a Ray cluster; without one, one is started on this machine.
        gpu_share: of a GPU, for each job that computes on one; Ray alone hands out GPUs.
        processes: that share one pretraining, on a cluster; the local engine leaves that to torchrun.
    """

    name: str = "local"
    address: str | None = None
    gpu_share: float = 1.0
    processes: int = 1

    @property
    def elsewhere(self) -> bool:
        """Whether jobs may run on other machines than this one."""
        return self.name != "local"

    def check(self) -> None:
        """Raises where there is no such engine, it is not installed, or an option is not for it."""
        if self.name not in NAMES:
            raise BenchError(f"no engine is called {self.name!r}", where="--engine", fix=did_you_mean(self.name, NAMES))
        if self.name == "ray":
            from bench.runs.engines.ray.cluster import require_ray

            require_ray()
        elif self.address is not None:
            raise BenchError("the local engine has no address", where="--address", fix="--engine ray")
        elif self.gpu_share != 1.0:
            raise BenchError("the local engine hands out no GPUs", where="--gpu-share", fix="--engine ray")
        elif self.processes != 1:
            fix = "--engine ray, or torchrun --nproc-per-node N --no-python bench pretrain …"
            raise BenchError("the local engine starts one process", where="--processes", fix=fix)

    def run_jobs(
        self,
        jobs: Iterable[Job],
        store: Store,
        workers: int | None = None,
        watch: Watcher = lambda *_: None,
        timeout: float | None = None,
        memory: int | None = None,
    ) -> None:
        """Runs jobs; see :func:`bench.runs.engines.local.run_jobs`."""
        self.check()
        if self.name == "local":
            local.run_jobs(jobs, store, workers, watch, timeout, memory)
            return
        from bench.runs.engines.ray.driver import run_jobs

        run_jobs(jobs, store, workers, watch, timeout, memory, self.address, self.gpu_share)
