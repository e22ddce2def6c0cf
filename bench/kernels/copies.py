"""Arrays of the host as tensors of the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def copied(array: NDArray[np.generic[Any]], device: torch.device) -> Tensor:
    """The array as a tensor on the device; on a CPU it is the array's own memory.

    To a GPU it is copied through pinned memory, which the host does not wait for: what is computed from it on the same
    stream comes after it, and torch keeps the pinned memory until the copy is done.
    """
    tensor = torch.from_numpy(array)
    return tensor if device.type == "cpu" else _pinned(tensor, device).to(device, non_blocking=True)


def _pinned(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.pin_memory() if device.type == "cuda" else tensor
