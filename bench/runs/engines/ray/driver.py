"""The driver: hands out jobs as they may start, publishes what comes back, and tells people about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.printable import said
from bench.progress import note
from bench.runs.engines.dealing import Dealing, Watcher
from bench.runs.engines.local import check_limits
from bench.runs.engines.ray.cluster import connected, require_ray
from bench.runs.engines.ray.desk import Desk
from bench.runs.engines.ray.node import Order, Outcome, carry_out
from bench.runs.engines.ray.publishing import published
from bench.runs.engines.ray.resources import Resources
from bench.runs.engines.schedule import name_of
from bench.runs.jobs import Job
from bench.runs.store import Store

_LISTEN_EVERY = 0.5  # seconds
_AHEAD = 2  # jobs that Ray knows of for each CPU, so that none waits for the driver
_LEAST_AHEAD = 64  # what an autoscaler sees as demand
_LOST_NODES = 5  # how often Ray starts a job again whose node or process was lost


def run_jobs(
    jobs: Iterable[Job],
    store: Store,
    workers: int | None = None,
    watch: Watcher = lambda *_: None,
    timeout: float | None = None,
    memory: int | None = None,
    address: str | None = None,
    gpu_share: float = 1.0,
) -> None:
    """Runs jobs on a Ray cluster, none before those among them that it needs; see :mod:`bench.runs.engines.ray`.

    Args:
        jobs, store, workers, watch, timeout, memory: as :func:`bench.runs.engines.local.run_jobs` has them; ``workers``
            are jobs at once, by default as many as the cluster has CPUs for.
        address: of the cluster; see :func:`bench.runs.engines.ray.cluster.connected`.
        gpu_share: of a GPU, for each job that computes on one.

    Raises:
        BenchError: Ray is not installed, there is no such cluster, a node has other sources or libraries, or results
            cannot be stored.
    """
    require_ray()
    check_limits(workers, timeout)
    if not 0 < gpu_share <= 1:
        raise BenchError(f"{gpu_share:g} of a GPU", where="--gpu-share", fix="above 0, up to 1")
    store.sweep()
    waiting = {name_of(job): job for job in jobs}
    if not waiting:
        return
    store.root.mkdir(parents=True, exist_ok=True)
    with connected(address, workers) as home:
        store.hold()
        run = _Run(waiting.values(), store, watch, home, workers, timeout, memory, gpu_share)
        try:
            run.to_the_end()
        finally:
            run.cancel()
            store.sweep()  # as the local engine does
            run.dealing.close()
            store.let_go()


class _Run:
    """Jobs on their way through a cluster."""

    def __init__(
        self,
        jobs: Iterable[Job],
        store: Store,
        watch: Watcher,
        home: str,
        workers: int | None,
        timeout: float | None,
        memory: int | None,
        gpu_share: float,
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.ray: Any = ray
        self.store, self.workers = store, workers
        self.resources = Resources(store, _largest_memory(), gpu_share, memory)
        self.dealing = Dealing(jobs, store, self.resources.learning(watch))  # of several drivers one hands out each job
        self.order = (str(store.root.absolute()), home, timeout, memory)
        here = NodeAffinitySchedulingStrategy(node_id=home, soft=False)
        self.desk: Any = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote()
        self.task: Any = ray.remote(max_retries=_LOST_NODES, max_calls=0)(carry_out)
        self.under_way: dict[Any, Job] = {}
        self.by_name: dict[tuple[str, str], Job] = {}
        self.beside: set[tuple[str, str]] = set()  # jobs that had others beside them
        self.nodes = _living()

    def to_the_end(self) -> None:
        """Hands out and listens until nothing is left."""
        while True:
            self.dealing.look_elsewhere()
            self._leave_lost()
            self._hand_out()
            if not self.under_way:
                if self.dealing.waits():
                    continue
                return
            self.ray.wait(list(self.under_way), num_returns=1, timeout=_LISTEN_EVERY)
            ready, _ = self.ray.wait(list(self.under_way), num_returns=len(self.under_way), timeout=0)
            for reference in ready:
                self._take(reference)
            self._listen()

    def cancel(self) -> None:
        """Ends whatever is under way, and its processes."""
        for reference in self.under_way:
            self.ray.cancel(reference, force=True)

    def _hand_out(self) -> None:
        most = self.workers or max(_LEAST_AHEAD, _AHEAD * int(self.ray.cluster_resources().get("CPU", 1)))
        while len(self.under_way) < most:
            job = self.dealing.next(len(self.under_way))
            if job is None:
                return
            self._submit(job)

    def _leave_lost(self) -> None:
        """Leaves jobs to the runs that took them over."""
        for reference, job in list(self.under_way.items()):
            if self.dealing.is_lost(job):
                self.ray.cancel(reference, force=True)
                del self.under_way[reference], self.by_name[name_of(job)]
                self.dealing.leave(job)

    def _submit(self, job: Job) -> None:
        root, home, timeout, memory = self.order
        there = replace(job, corpus=str(Path(job.corpus).absolute()))
        order = Order(there, root, home, timeout, memory)
        reference = self.task.options(**self.resources.of(job)).remote(order, self.desk)
        if self.under_way:
            self.beside |= {name_of(job), *map(name_of, self.under_way.values())}
        self.under_way[reference] = self.by_name[name_of(job)] = job

    def _take(self, reference: Any) -> None:
        job = self.under_way.pop(reference)
        del self.by_name[name_of(job)]
        try:
            outcome: Outcome = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise BenchError(said(error.cause), where=f"carrying out {job.title}") from error
        except self.ray.exceptions.RayError as error:  # processes or nodes were lost, more often than it is tried again
            outcome = Outcome(lost=said(error).splitlines()[0])
        if outcome.refused:
            raise BenchError(outcome.refused, where=f"carrying out {job.title}")
        if not outcome.lost:
            self.dealing.ended(job, published(job, outcome, self.store))
        elif name_of(job) in self.beside:  # memory may have been short for all: it is tried alone, as locally
            self.beside.discard(name_of(job))
            self.dealing.again_alone(job)
        else:
            self.dealing.failed(job, outcome.lost)

    def _listen(self) -> None:
        """Passes on what jobs have said, and says which nodes are gone."""
        for name, kind, what in self.ray.get(self.desk.heard.remote()):
            if kind == "note":
                note(what)
            elif name in self.by_name:
                self.dealing.watch(self.by_name[name], what, None)
        now = _living()
        for node in self.nodes.keys() - now.keys():
            note(f"the node {self.nodes[node]} is gone; its jobs start again on others")
        self.nodes = now


def _living() -> dict[str, str]:
    """Names of the nodes that live, by id."""
    import ray

    return {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}


def _largest_memory() -> int:
    """Bytes of memory of the node that has most."""
    import ray

    return int(max(node["Resources"].get("memory", 0) for node in ray.nodes() if node["Alive"]))
