"""The processes of one pretraining, and the share of a batch that each of them has.

A rank encodes its share of a batch, and sees what the others encoded (:meth:`Share.gathered`), so that every anchor can
be contrasted with all candidates of the batch. What is random is drawn for the whole batch on every rank
(:meth:`Share.drawn`): draws are few, and so the gradient is that of one process, whatever the number of ranks.

Gradients are summed by one call over all of them laid end to end. DistributedDataParallel would overlap that with the
backward pass, in buckets; these encoders have some 30,000 weights, one small bucket, and a wrapper would stand between
the objective and the encoder's methods.

``torch.distributed`` is used by :class:`Together` alone, which nobody makes in a run of one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.errors import BenchError

Value = TypeVar("Value")
_PATIENCE = timedelta(minutes=30)  # that ranks wait for one another: rank 0 may be making a corpus


class Ranks:
    """A run of one process; :class:`Together` is one of several.

    Attributes:
        rank: which process this is, from 0.
        size: how many there are.
    """

    rank, size = 0, 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def share(self, rows: int) -> Share:
        """This rank's share of a batch of so many rows; with fewer rows than ranks all of it, weighted on each."""
        if rows < self.size:
            return Share(self, rows, 0, rows, whole=True)
        bounds = self.bounds(rows)
        return Share(self, rows, bounds[self.rank], bounds[self.rank + 1], whole=self.size == 1)

    def bounds(self, rows: int) -> list[int]:
        """(size + 1,) the first row of each rank's share of so many rows, and the end of the last."""
        return [number * rows // self.size for number in range(self.size + 1)]

    def summed(self, values: Tensor) -> Tensor:
        """The sum of the tensors (…) of all ranks."""
        return values

    def joined(self, own: Tensor, sizes: list[int]) -> Tensor:
        """(sum of sizes, …) the rows of all ranks, each of which has so many; gradients go back to their rank."""
        return own

    def from_first(self, make: Callable[[], Value]) -> Value:
        """What ``make`` returns on rank 0, where alone it is called; its :class:`BenchError` is raised on all ranks."""
        return make()

    def collected(self, value: Value) -> list[Value]:
        """The values of all ranks, in their order."""
        return [value]

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces every gradient by the sum of those of all ranks; a weight that no rank has one of keeps none."""

    @torch.no_grad()
    def same_weights(self, model: nn.Module) -> None:
        """Takes over the state of rank 0's model."""


ALONE = Ranks()
"""One process."""


@dataclass(frozen=True)
class Share:
    """The rows ``start`` … ``stop - 1`` of a batch of ``total`` rows, which are this rank's.

    Attributes:
        ranks: all processes.
        total: B, rows of the batch.
        start, stop: this rank's b rows.
        whole: whether every rank has all rows: with one rank, and where rows are fewer than ranks.
    """

    ranks: Ranks
    total: int
    start: int
    stop: int
    whole: bool

    @property
    def own(self) -> slice:
        """This rank's rows."""
        return slice(self.start, self.stop)

    def drawn(self, draws: torch.Generator, *columns: int, dtype: torch.dtype | None = None) -> Tensor:
        """(b, *columns) uniform draws of the own rows; the generator moves on by those of all B."""
        return torch.rand(self.total, *columns, generator=draws, dtype=dtype)[self.own]

    def gathered(self, own: Tensor) -> Tensor:
        """(B, …) the rows of all ranks, from the own (b, …); gradients go back to the rank that a row came from."""
        if self.whole:
            return own
        return self.ranks.joined(own, [stop - start for start, stop in pairwise(self.ranks.bounds(self.total))])

    def part(self, mean: Tensor) -> Tensor:
        """This rank's term of the mean over all B rows, from the mean over its own; all ranks' terms sum to it."""
        if self.ranks.size == 1:
            return mean
        return mean / self.ranks.size if self.whole else mean * ((self.stop - self.start) / self.total)


class Together(Ranks):
    """One of several processes that are joined by ``torch.distributed``.

    Args:
        device: where tensors are; NCCL joins those of a GPU, gloo those of a CPU.

    Raises:
        BenchError: the processes do not find each other.
    """

    def __init__(self, device: torch.device) -> None:
        import torch.distributed as dist

        self._dist, self._device, self._own_group = dist, device, not dist.is_initialized()
        if self._own_group:
            try:
                dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
            except (RuntimeError, ValueError) as error:
                raise BenchError(
                    f"the processes do not find each other: {error}",
                    where="RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT",
                    fix="start them by torchrun",
                ) from None
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def leave(self) -> None:
        """Ends what was begun here; a group that somebody else made stays."""
        if self._own_group:
            self._dist.destroy_process_group()

    def summed(self, values: Tensor) -> Tensor:
        """See :class:`Ranks`."""
        sums = values.detach().to(self._device, copy=True)
        self._dist.all_reduce(sums)
        return sums.to(values.device)

    def joined(self, own: Tensor, sizes: list[int]) -> Tensor:
        """See :class:`Ranks`."""
        joined: Tensor = _Joined.apply(own, sizes, self._dist, self.rank)  # type: ignore[no-untyped-call]
        return joined

    def from_first(self, make: Callable[[], Value]) -> Value:
        """See :class:`Ranks`. What is sent is pickled, between processes of one job only, as torch itself does."""
        sent: list[Any] = [None, None]
        failure: Exception | None = None
        if self.first:
            try:
                sent[0] = make()
            except Exception as error:  # the others must not wait for it
                failure, sent[1] = error, str(error)
        self._dist.broadcast_object_list(sent, src=0)
        if failure is not None:
            raise failure
        if sent[1] is not None:
            raise BenchError(f"the first process failed: {sent[1]}")
        value: Value = sent[0]
        return value

    def collected(self, value: Value) -> list[Value]:
        """See :class:`Ranks`."""
        values: list[Any] = [None] * self.size
        self._dist.all_gather_object(values, value)
        return values

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """See :class:`Ranks`."""
        trained = list(parameters)
        if not trained:
            return
        flags = torch.tensor([float(one.grad is not None) for one in trained], device=trained[0].device)
        gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in trained]
        end_to_end = torch.cat([flags, *(gradient.flatten() for gradient in gradients)])
        self._dist.all_reduce(end_to_end)
        sums = end_to_end.split([len(trained), *(one.numel() for one in trained)])
        for one, some, values in zip(trained, (sums[0] > 0).tolist(), sums[1:], strict=True):
            one.grad = values.view_as(one).clone() if some else None

    @torch.no_grad()
    def same_weights(self, model: nn.Module) -> None:
        """See :class:`Ranks`."""
        for value in model.state_dict().values():
            self._dist.broadcast(value, src=0)


class _Joined(torch.autograd.Function):
    """The rows of all ranks; backward, the sum over ranks of the gradients of a rank's rows."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: list[int], dist: Any, rank: int) -> Tensor:
        ctx.sizes, ctx.dist, ctx.rank = sizes, dist, rank
        longest = max(sizes)  # shares differ by one row; collectives want equal ones
        padded = own.new_zeros(longest, *own.shape[1:])
        padded[: len(own)] = own
        rows = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(rows, padded)
        return torch.cat([part[:size] for part, size in zip(rows, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        sums = gradient.contiguous().clone()
        ctx.dist.all_reduce(sums)
        return sums.split(ctx.sizes)[ctx.rank], None, None, None
