"""A function of tensors that ``torch.compile`` compiles once for each shape, where that pays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, nn

from bench.kernels.doors import torch_compiles

MOST_SHAPES = 48  # that are compiled, some seconds each; what comes after them runs as it is written


class CompiledByShape:
    """The function, compiled where a gradient is asked for and :func:`bench.kernels.doors.torch_compiles` says so.

    Vectors of a few sessions should not wait for a compiler, so without gradients it runs as it is written; so it does
    everywhere, after one warning, once it could not be compiled.

    Args:
        function: of tensors on one device, to a tuple of tensors; no size in it depends on a value.

    Attributes:
        shapes: what has been compiled.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]]) -> None:
        self._function, self._broken = function, False
        self.shapes: set[object] = set()

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        learnt = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
        if self._broken or not learnt or not torch_compiles(tensors[0]):
            return self._function(*tensors)
        # a weight is another type to torch's tracer than the copy of it in a trial, and would be compiled once more
        tensors = tuple(one.view_as(one) if isinstance(one, nn.Parameter) else one for one in tensors)
        shape = _shape_of(tensors)
        if shape not in self.shapes and len(self.shapes) >= MOST_SHAPES:
            return self._function(*tensors)
        try:
            if shape not in self.shapes:
                self._try(tensors)
                self.shapes.add(shape)
            return self._compiled(*tensors)
        except Exception as error:  # of the tracer, of a compiler, of its caches: where it is our own, it comes again
            self._broken = True
            reason = next(iter(str(error).splitlines()), "")
            what = "models run without torch.compile, which is slower on a GPU"
            warnings.warn(f"{what}: {type(error).__name__}: {reason}", stacklevel=2)
            return self._function(*tensors)

    @cached_property
    def _compiled(self) -> Callable[..., tuple[Tensor, ...]]:
        compiled: Callable[..., tuple[Tensor, ...]] = torch.compile(self._function, dynamic=False, fullgraph=True)
        return compiled

    def _try(self, tensors: tuple[Tensor, ...]) -> None:
        """Compiles it for such tensors. The backward pass is compiled when it first runs, so it runs here, where a
        failure does no harm.
        """
        import torch._dynamo
        import torch._inductor.config

        given = [tensor.detach().requires_grad_(tensor.requires_grad) for tensor in tensors]
        # on disk torch keeps for a CPU what it compiled with AVX-512, takes it where that is masked, and crashes
        no_cache = torch._inductor.config.patch(force_disable_caches=tensors[0].device.type == "cpu")
        with torch._dynamo.config.patch(cache_size_limit=2 * MOST_SHAPES), no_cache:
            outputs = self._compiled(*given)
            total = torch.stack([output.sum() for output in outputs]).sum()
            torch.autograd.grad(total, [one for one in given if one.requires_grad])


def _shape_of(tensors: tuple[Tensor, ...]) -> object:
    """What code is compiled for: shapes and number types, and in which precision products are."""
    device = tensors[0].device.type
    rough = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return rough, tuple((tensor.shape, tensor.dtype, tensor.requires_grad) for tensor in tensors)
