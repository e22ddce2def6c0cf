"""Which of two modules computes a kernel: the one of compiled loops, or the reference in torch.

``BENCH_KERNELS=reference`` in the environment takes the reference everywhere, to find out whether a loop is at fault.
So does ``NUMBA_DISABLE_JIT=1``, and a platform where numba or llvmlite cannot be imported; there a warning says so.

The reference itself is in parts compiled by ``torch.compile``, on a GPU where triton can be imported.
``BENCH_COMPILE=never`` has it nowhere, ``BENCH_COMPILE=always`` on CPUs too, where it takes a C++ compiler.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor


def compiles(values: Tensor, *types: torch.dtype) -> bool:
    """Whether compiled loops may compute on such a tensor, if they take these types."""
    return values.device.type == "cpu" and values.dtype in types and not _reference_is_asked_for()


def loops_over_arrays(module: str) -> Any:
    """As :func:`loops`, for what is made of the host's arrays for any device; None, too, where the environment asks for
    the reference.
    """
    return None if _reference_is_asked_for() else loops(module)


def _reference_is_asked_for() -> bool:
    return os.environ.get("BENCH_KERNELS") == "reference"


@cache
def loops(module: str) -> Any:
    """The module of compiled loops that is called so; None where they cannot be had. numba is imported with it."""
    try:
        import numba

        if getattr(numba.config, "DISABLE_JIT", False):
            return None
        return import_module(module)
    except (ImportError, OSError) as error:  # OSError: LLVM's library does not load
        warnings.warn(f"models run without compiled loops, which is slower: {error}", stacklevel=2)
        return None


def torch_compiles(values: Tensor) -> bool:
    """Whether ``torch.compile`` may compile the reference for such a tensor."""
    asked = os.environ.get("BENCH_COMPILE", "")
    if asked not in ("", "always", "never"):
        warnings.warn(f"BENCH_COMPILE is {asked!r}, which means nothing: always, never, or unset it", stacklevel=2)
    return asked == "always" or (asked != "never" and values.device.type == "cuda" and _has_triton())


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None
