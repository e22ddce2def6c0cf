"""What happens on a node: the local engine with one worker carries out one job, and the result goes to the driver."""

from __future__ import annotations

import os
import platform
import shutil
import time
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from bench.errors import BenchError, system_error
from bench.progress import notes_to
from bench.runs.claims import ClaimedElsewhere
from bench.runs.engines.dealing import Dealing
from bench.runs.engines.local import Run
from bench.runs.engines.ray.fetching import fetch, node_folder
from bench.runs.engines.schedule import name_of
from bench.runs.engines.workers import Worker, Workers
from bench.runs.jobs import Job
from bench.runs.provenance import library_versions
from bench.runs.source_version import source_version
from bench.runs.store import Record, Store

_SAY_EVERY = 1.0  # seconds between two reports of a job: there may be a thousand at once


@dataclass(frozen=True)
class Order:
    """A job, and what a node must know of the driver.

    Attributes:
        job: its paths are absolute, and those of the driver's node.
        root: of the driver's store.
        home: id of the driver's node, whose jobs use that store and these paths themselves.
        timeout, memory: as for the local engine.
    """

    job: Job
    root: str
    home: str
    timeout: float | None
    memory: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of an order.

    Attributes:
        record: of the job; None where there is none.
        files: contents of the files beside the record, by path; of the driver's own node none, they are in the store.
        stored: whether the result is in the driver's store already.
        lost: how the worker ended that was at the job; empty where it lives.
        refused: why this node computes nothing; empty where it does.
    """

    record: Record | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    stored: bool = False
    lost: str = ""
    refused: str = ""


class _WorkerLostError(Exception):
    """A worker ended in the middle of its job."""


class _NodeRun(Run):
    """A run of one job; of a worker that died the driver decides, who knows what ran beside it."""

    def died(self, worker: Worker, job: Job) -> None:
        self.pool.drop(worker)
        self.store.sweep()
        raise _WorkerLostError(worker.ending())


def carry_out(order: Order, desk: Any) -> Outcome:
    """Carries out an order; a Ray task.

    Args:
        order: what is to be done.
        desk: handle of the driver's :class:`bench.runs.engines.ray.desk.Desk`.
    """
    import ray

    node = ray.get_runtime_context().get_node_id()
    at_home = node == order.home
    job, root = order.job, Path(order.root) if at_home else node_folder(node)
    store, says = Store(root), Says(desk, name_of(job))
    notes_to(says.note)
    try:
        job = ready_here(order, store, desk, at_home)
        dealing = Dealing([job], store, says.watch, ClaimedElsewhere(store))  # by the driver, for all nodes
        _NodeRun(dealing, _workers(str(root)), store, order.timeout, order.memory).to_the_end()
    except _WorkerLostError as error:
        return Outcome(lost=f"{error}, on {platform.node()}")
    except (BenchError, OSError) as error:
        return Outcome(refused=refusal(error))
    return outcome_of(job, store, at_home)


def ready_here(order: Order, store: Store, desk: Any, at_home: bool) -> Job:
    """An order's job, after all that it reads has been brought to this node, which ``at_home`` is the driver's.

    Raises:
        BenchError: this node has other sources or libraries than the job's key says.
    """
    different = difference(order.job)
    if different:
        raise BenchError(f"{different} on this node than where the command runs", fix="install the same on all")
    return order.job if at_home else _brought_here(order, store, desk)


def refusal(error: BenchError | OSError) -> str:
    """Why this node computes nothing, in a line that names it."""
    return f"{platform.node()}: {error if isinstance(error, BenchError) else system_error(error)}"


def outcome_of(job: Job, store: Store, at_home: bool) -> Outcome:
    """A job's result from the store of this node, for the driver, whose own that store is if this is ``at_home``."""
    record = store.read(job.kind, job.key)
    if record is None:
        return Outcome(lost=f"the result is gone from {store.folder(job.kind, job.key)} on {platform.node()}")
    if at_home:
        return Outcome(record, stored=True)
    folder = store.folder(job.kind, job.key)
    files = {name: (folder / name).read_bytes() for name in record["files"]}
    if job.kind == "cells":  # nothing needs it
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(record, files)


def difference(job: Job) -> str:
    """What this node has otherwise than the job's key says; empty where all is the same."""
    for name, version in job.config["libraries"].items():
        here = library_versions()[name]
        if here != version:
            return f"{name} is {here}, not {version}:"
    if source_version("bench.runs.work") != job.config["harness"]:
        return "bench is another"
    parts = [part for part in job.config.values() if isinstance(part, dict) and "target" in part]
    other = [part["name"] for part in parts if source_version(part["target"]) != part["source"]]
    return f"{other[0]} is another" if other else ""


def _brought_here(order: Order, store: Store, desk: Any) -> Job:
    """An order's job with the paths of this node, after all that it reads has been fetched."""
    import ray

    def offer(place: str) -> Any:
        return ray.get(desk.offer.remote(place))

    def piece(file: str, start: int) -> Any:
        return ray.get(desk.piece.remote(file, start))

    job = order.job
    corpus = fetch(job.corpus, store.corpora / job.config["corpus"]["fingerprint"], offer, piece)
    needs = list(job.needs)
    while needs:
        kind, key = needs.pop()
        if not store.is_done(kind, key):  # looks at checksums; sets aside what is damaged
            fetch(str(Store(order.root).folder(kind, key)), store.folder(kind, key), offer, piece)
        if kind == "embeddings":  # a cell tells what the pretraining behind its vectors warned of
            behind = store.peek(kind, key).get("config", {}).get("encoder_key")
            needs += [] if behind is None else [("encoders", behind)]
    if not job.vectors:
        return replace(job, corpus=str(corpus))
    file = Path(job.vectors)
    digest = job.config["encoder"]["options"].get("sha256", job.key)
    vectors = fetch(str(file), store.root / "vectors" / digest, offer, piece)
    return replace(job, corpus=str(corpus), vectors=str(vectors / file.name))


@cache
def _pools() -> dict[tuple[str, str | None], Workers]:
    return {}


def _workers(root: str) -> Workers:
    """The worker of this process, which stays from job to job; another one where Ray hands out another GPU."""
    wanted, pools = (root, os.environ.get("CUDA_VISIBLE_DEVICES")), _pools()
    for other in [name for name in pools if name != wanted]:
        pools.pop(other).close()
    return pools.setdefault(wanted, Workers(root, 1))


class Says:
    """A job's progress on its way to the desk, once a second at most.

    Args:
        desk: handle of the driver's desk.
        name: of the job.
    """

    def __init__(self, desk: Any, name: tuple[str, str]) -> None:
        self._desk, self._name, self._last = desk, name, time.monotonic()

    def watch(self, job: Job, part: float, record: Record | None) -> None:
        """Passes on which part of the job is done."""
        if record is None:
            self._at(part)

    def progress(self, done: int, total: int) -> None:
        """The same of a job that is carried out in this process."""
        self._at(done / max(total, 1))

    def _at(self, part: float) -> None:
        now = time.monotonic()
        if now - self._last > _SAY_EVERY:
            self._last = now
            self._desk.say.remote(self._name, "at", part)

    def note(self, line: str) -> None:
        """Passes on a line for people."""
        self._desk.say.remote(self._name, "note", f"{platform.node()}: {line}")
