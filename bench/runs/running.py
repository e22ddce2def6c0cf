"""How the missing jobs of a plan are carried out: by which engine, within which limits, and where results are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.runs.engines.dealing import Watcher
from bench.runs.engines.engine import Engine
from bench.runs.engines.limits import memory_limit
from bench.runs.jobs import Job
from bench.runs.mirror import Mirror
from bench.runs.store import Store


@dataclass(frozen=True)
class Running:
    """What a user says about running, apart from what is run.

    Attributes:
        engine: what carries jobs out.
        mirror: of the results, at a URL.
        jobs: at once; None for as many as there are processors.
        timeout: seconds after which a job is ended; None lets it take its time.
        memory: bytes that a job may take; None for no limit.
    """

    engine: Engine
    mirror: Mirror
    jobs: int | None = None
    timeout: float | None = None
    memory: int | None = None

    @classmethod
    def of(
        cls,
        engine: str,
        address: str | None,
        gpu_share: float,
        url: str | None,
        jobs: int | None,
        timeout: float | None,
        memory: str | None,
        memory_option: str = "--cell-memory",
    ) -> Running:
        """As typed by a user, and looked at before anything is planned.

        Args:
            engine, address, gpu_share: see :class:`bench.runs.engines.engine.Engine`.
            url: of the mirror; None for none.
            jobs, timeout: see above.
            memory: such as ``4GB``.
            memory_option: what the user calls that, for errors.

        Raises:
            BenchError: no such engine, an option that is not for it, a size that is none, or a library is missing.
        """
        limit = memory_limit(memory, memory_option)
        running = cls(Engine(engine, address, gpu_share), Mirror(url), jobs, timeout, limit)
        running.engine.check()
        return running

    def bring(self, jobs: Iterable[Job], store: Store) -> None:
        """Fetches results of these jobs that only the mirror has."""
        self.mirror.bring(jobs, store)

    def carry_out(self, jobs: Iterable[Job], store: Store, watch: Watcher) -> None:
        """Runs jobs, and ends when all that was finished is in the mirror, too."""
        with self.mirror:
            watched = self.mirror.watched(store, watch)
            self.engine.run_jobs(jobs, store, self.jobs, watched, self.timeout, self.memory)
