"""What a job asks of a cluster: a CPU, a share of a GPU, and the memory that jobs like it have taken."""

from __future__ import annotations

from typing import Any

from bench.runs.engines.dealing import Watcher
from bench.runs.jobs import Job
from bench.runs.store import RECORDS, Record, Store

_STEP = 256 << 20  # bytes that memory is rounded up to: Ray starts jobs fast where many ask for the same
_SPARE = 1.2  # of the highest peak seen

Likeness = tuple[str, ...]


class Resources:
    """What jobs ask for.

    Args:
        store: whose records say how much memory earlier jobs took.
        largest: bytes of the largest node; a job that asked for more would wait for ever.
        gpu_share: of a GPU, for a job that computes on one.
        limit: bytes that a job may take (``--cell-memory``), asked for where nothing is known of its like.
    """

    def __init__(self, store: Store, largest: int, gpu_share: float, limit: int | None) -> None:
        self._largest, self._gpu_share, self._limit = largest, gpu_share, limit
        self._peaks: dict[Likeness, int] = {}
        for kind, file in RECORDS.items():
            for path in (store.root / kind).glob(f"*/{file}"):
                if "." not in path.parent.name:  # with a dot: set aside, or being written
                    self.learn(kind, store.peek(kind, path.parent.name))

    def learn(self, kind: str, record: Record) -> None:
        """Takes in how much memory a job took."""
        peak = record.get("peak_memory")
        if isinstance(peak, int) and "config" in record:
            like = _likeness(kind, record["config"])
            self._peaks[like] = max(peak, self._peaks.get(like, 0))

    def learning(self, watch: Watcher) -> Watcher:
        """A watcher that tells ``watch``, and learns from every record."""

        def watcher(job: Job, part: float, record: Record | None) -> None:
            if record is not None:
                self.learn(job.kind, record)
            watch(job, part, record)

        return watcher

    def of(self, job: Job) -> dict[str, float]:
        """Options of the Ray task that is this job."""
        asked: dict[str, float] = {"num_cpus": 1}
        if job.config["device"] == "cuda":
            asked["num_gpus"] = self._gpu_share
        peak = self._peaks.get(_likeness(job.kind, job.config))
        memory = self._limit if peak is None else int(peak * _SPARE)
        if memory is not None:
            asked["memory"] = min(-(-memory // _STEP) * _STEP, self._largest)
        return asked


def _likeness(kind: str, config: dict[str, Any]) -> Likeness:
    """What jobs of about the same size have in common."""
    parts = [str(config[part]["name"]) if part in config else "" for part in ("task", "baseline", "encoder")]
    return (kind, str(config["corpus"]["fingerprint"]), str(config["device"]), *parts)
