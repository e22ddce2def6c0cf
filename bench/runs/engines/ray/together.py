"""One pretraining that several processes of a Ray cluster share, joined by Ray Train."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.instructions import common_instructions
from bench.printable import one_line, said
from bench.progress import Progress, note, notes_to
from bench.runs.engines.ray.cluster import connected, require_ray
from bench.runs.engines.ray.desk import Desk
from bench.runs.engines.ray.fetching import node_folder
from bench.runs.engines.ray.node import Order, Outcome, Says, outcome_of, ready_here, refusal
from bench.runs.engines.ray.publishing import published
from bench.runs.engines.schedule import name_of
from bench.runs.jobs import Job
from bench.runs.store import Record, Store

_LISTEN_EVERY = 0.5  # seconds
_LOST = 5  # how often all begin again after one of them was lost, as for other jobs


def pretrain_together(job: Job, store: Store, processes: int, progress: Progress, address: str | None) -> Record:
    """Carries out a pretraining by several processes of a cluster, each with a CPU, or a GPU, of its own.

    Every process encodes its share of each batch, as under torchrun; see :mod:`bench.training.ranks`. Each fetches the
    corpus to its node. The first one sends the result to the driver. When one is lost, all begin again, from the
    last checkpoint if the first one's node has it.

    Args:
        job: of kind ``encoders``.
        store: of the driver, where the result goes.
        processes: how many.
        progress: told how far the first one is.
        address: of the cluster; see :func:`bench.runs.engines.ray.cluster.connected`.

    Raises:
        BenchError: Ray is not installed, there is no such cluster or no room on it, or a node has other sources.
    """
    require_ray()
    with connected(address, processes) as home, tempfile.TemporaryDirectory(prefix="session-bench-") as scratch:
        import ray

        _check_room(job, processes)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node_id=home, soft=False)
        desk: Any = ray.remote(Desk).options(num_cpus=0, scheduling_strategy=here).remote()
        there = replace(job, corpus=str(Path(job.corpus).absolute()))
        order = Order(there, str(store.root.absolute()), home, None, None)
        failures: list[BaseException] = []
        training = threading.Thread(
            target=_kept(failures, lambda: _fit(order, desk, processes, scratch)), name="ray-train", daemon=True
        )
        training.start()
        while training.is_alive():
            training.join(_LISTEN_EVERY)
            for _, kind, what in ray.get(desk.heard.remote()):
                if kind == "note":
                    note(what)
                else:
                    progress(int(100 * what), 100)
        outcome: Outcome | None = ray.get(desk.delivered.remote())
        if outcome is None:
            raise BenchError(_why(failures), where=f"carrying out {job.title}")
        if outcome.refused:
            raise BenchError(outcome.refused, where=f"carrying out {job.title}")
        return published(job, outcome, store)


def _check_room(job: Job, processes: int) -> None:
    """Raises where the cluster, as it stands, cannot start all processes at once: they would wait for each other."""
    import ray

    what = "GPU" if job.config["device"] == "cuda" else "CPU"
    room = int(ray.cluster_resources().get(what, 0))
    if room < processes:
        fix = f"--processes {max(room, 1)}, or more nodes"
        raise BenchError(
            f"{processes} processes want a {what} each, the cluster has {room}", where="--processes", fix=fix
        )


def _kept(failures: list[BaseException], act: Callable[[], None]) -> Callable[[], None]:
    """The same act, whose exception goes to a list: a thread has nobody who would see it."""

    def acting() -> None:
        try:
            act()
        except BaseException as error:
            failures.append(error)

    return acting


def _why(failures: list[BaseException]) -> str:
    """What became of processes that sent no result, in a line: Ray's own words go on for pages."""
    if not failures:
        return "no process sent a result"
    of_ranks: dict[int, Exception] = getattr(failures[0], "worker_failures", {})
    if not of_ranks:
        return said(failures[0])[:300]
    rank, error = min(of_ranks.items())
    if "health check" in str(error):
        return f"process {rank} was lost, the {_LOST + 1}th time that all began; a crash, or memory was short"
    return f"process {rank}: {one_line(str(error).strip().splitlines()[-1])}"


def _fit(order: Order, desk: Any, processes: int, scratch: str) -> None:
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.config import FailureConfig, LoggingConfig, RunConfig, ScalingConfig

    on_gpus = order.job.config["device"] == "cuda"
    run: Any = RunConfig(  # TorchTrainer's annotation names the class of an earlier version
        name="pretraining",
        storage_path=scratch,  # nothing of it is kept: results go by the desk
        failure_config=FailureConfig(max_failures=_LOST),
        logging_config=LoggingConfig(log_level="ERROR"),
    )
    TorchTrainer(
        _share,
        train_loop_config={"order": order, "desk": desk},
        torch_config=TorchConfig(backend="nccl" if on_gpus else "gloo"),
        scaling_config=ScalingConfig(num_workers=processes, use_gpu=on_gpus),
        run_config=run,
    ).fit()


def _share(config: dict[str, Any]) -> None:
    """What each process does; called by Ray Train, which has joined them to a group of ``torch.distributed``."""
    common_instructions()
    import ray
    import torch

    from bench.runs.processes import joined_ranks
    from bench.runs.work import assist, perform

    order: Order = config["order"]
    desk, job, says = config["desk"], order.job, Says(config["desk"], name_of(order.job))
    node = ray.get_runtime_context().get_node_id()
    at_home = node == order.home
    store = Store(Path(order.root) if at_home else node_folder(node))
    torch.set_num_threads(1)  # as in the grid's workers, so that the same key means the same weights
    with ExitStack() as stack:
        ranks = stack.enter_context(joined_ranks(job.config["device"]))
        assert ranks is not None
        if ranks.first:
            notes_to(says.note)
        if ranks.from_first(lambda: ray.get(desk.delivered.remote())) is not None:
            return  # all began again after it had failed
        refused = ""
        try:
            job = ready_here(order, store, desk, at_home)
        except (BenchError, OSError) as error:
            refused = refusal(error)
        refusals = [one for one in ranks.collected(refused) if one]  # nobody waits for one that does not take part
        if refusals:
            if ranks.first:
                ray.get(desk.deliver.remote(Outcome(refused=refusals[0])))
            return
        done = ranks.from_first(lambda: store.is_done(job.kind, job.key))
        if not ranks.first:
            if not done:
                assist(job, store, ranks)
            return
        record = perform(job, store, says.progress, keep_output=True, ranks=ranks)
        ray.get(desk.deliver.remote(outcome_of(job, store, at_home)))
        if record["status"] != "done":
            os._exit(1)  # the others wait for it in the middle of a step; they find out, and what was delivered
