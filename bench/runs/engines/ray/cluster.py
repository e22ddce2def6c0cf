"""The cluster that a run uses: an existing one, or one on this machine for as long as the run takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bench.errors import BenchError
from bench.printable import said

_OBJECTS = 512 << 20  # bytes of shared memory for results on their way, of a cluster on the spot


def require_ray() -> None:
    """Raises where Ray is not installed."""
    if find_spec("ray") is None:
        fix = "pip install 'session-bench[ray]'"
        raise BenchError("Ray is not installed", where="--engine ray", fix=fix)


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[str]:
    """A connection to a cluster; hands out the id of the node that this process is on.

    Args:
        address: ``HOST:PORT`` of a cluster that this machine is a node of, or ``auto``. Without one, that of
            ``RAY_ADDRESS``, which Ray sets for the jobs that it is handed; else a cluster of this machine alone is
            started, and ended with the block.
        workers: jobs at once, of a cluster that is started.

    Raises:
        BenchError: there is no such cluster, this machine is no node of it, or the cluster is lost within the block.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):
        fix = "run the command on a node of the cluster: ray job submit -- bench run --engine ray …"
        raise BenchError("a client of a cluster shares no files with it", where=f"--address {address}", fix=fix)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns; without a GPU a job asks for none
    import ray

    size: dict[str, Any] = {}
    if address == "local":
        size = {
            "num_cpus": workers or len(os.sched_getaffinity(0)),
            "include_dashboard": False,
            "object_store_memory": _OBJECTS,
        }
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **size)
    except Exception as error:  # ConnectionError, RuntimeError, ValueError: whatever it is, there is no cluster
        fix = "ray status says whether one runs; without --address one is started here"
        raise BenchError(f"no Ray cluster: {said(error)}", where=f"--address {address}", fix=fix) from None
    try:
        with _quiet_raylets():
            yield ray.get_runtime_context().get_node_id()
    except ray.exceptions.RayTaskError:  # what our own code raised on a node
        raise
    except ray.exceptions.RayError as error:  # the node of this command, or what passes messages there, has died
        fix = "the same command goes on from the results that are there"
        what = str(error).strip().partition("\n")[0].rstrip(".")
        raise BenchError(f"the cluster is lost: {what}", where="--engine ray", fix=fix) from None
    finally:
        ray.shutdown()


@contextmanager
def _quiet_raylets() -> Iterator[None]:
    """Ray prints what raylets say of a lost process to standard output, between a program's JSON, and has no option for
    that. What was lost the driver says itself.
    """
    module: Any = import_module("ray._private.worker")
    printing = getattr(module, "print_to_stdstream", None)
    if printing is None:  # another version of Ray
        yield
        return
    module.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        module.print_to_stdstream = printing
