"""The processes that torchrun, or Ray Train, started this one among, and joining them for one pretraining."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.runs.plan import resolve_device

if TYPE_CHECKING:
    from bench.training.ranks import Ranks

_RENDEZVOUS = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}


def started_processes(environment: Mapping[str, str]) -> int:
    """How many processes were started together; 1 where this one was started alone.

    Args:
        environment: its variables. A container may set some of these four for others: only all of them count.
    """
    if not set(environment) >= _RENDEZVOUS:
        return 1
    size = environment["WORLD_SIZE"]
    return int(size) if size.isdecimal() and int(size) > 0 else 1


def refuse_several(command: str, environment: Mapping[str, str]) -> None:
    """Stops a command that several processes would each do as a whole.

    Raises:
        BenchError: torchrun started several.
    """
    if "TORCHELASTIC_RUN_ID" in environment and started_processes(environment) > 1:
        raise BenchError(
            f"bench {command} is not shared by the processes of torchrun: each would do all of it",
            where="torchrun",
            fix="share a pretraining by torchrun --no-python bench pretrain, and run the rest as it is",
        )


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks | None]:
    """This process joined to those that were started with it, until the block ends; None where there are none.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; each process of a machine takes a GPU of its own.

    Raises:
        BenchError: more processes than GPUs, or they do not find each other.
    """
    if started_processes(os.environ) == 1 and not _in_a_group():
        yield None
        return
    import torch

    from bench.training.ranks import Together

    device = resolve_device(device)
    if device == "cuda":
        number = int(os.environ.get("LOCAL_RANK", "0")) if torch.cuda.device_count() > 1 else 0
        if number >= torch.cuda.device_count():
            raise BenchError(
                f"process {number} of this machine has no GPU: there are {torch.cuda.device_count()}",
                where="--nproc-per-node",
                fix="start one process for each GPU",
            )
        torch.cuda.set_device(number)
    ranks = Together(torch.device(device))
    try:
        yield ranks
    finally:
        ranks.leave()


def _in_a_group() -> bool:
    """Whether somebody has joined this process to others already, as Ray Train does."""
    if "torch" not in sys.modules:
        return False
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized()
