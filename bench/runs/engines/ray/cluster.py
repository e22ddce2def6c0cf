"""The cluster that a run uses: an existing one, or one on this machine for as long as the run takes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
        BenchError: there is no such cluster, or this machine is no node of it.
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
        yield ray.get_runtime_context().get_node_id()
    finally:
        ray.shutdown()
