"""Clipping of gradients by their norm, at a third of the calls."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], largest: float) -> None:
    """As ``nn.utils.clip_grad_norm_``: all gradients are scaled so that their common norm is at most ``largest``.

    torch takes a norm of each gradient and multiplies each of them, by 1 where nothing is to be done. A light model has
    many small ones: here they are laid end to end for one norm, and left alone where it is small enough.

    Args:
        parameters: those without a gradient are passed over; all on one device.
        largest: norm.
    """
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad for parameter in trained if parameter.grad is not None]
    if not gradients:
        return
    if gradients[0].device.type != "cpu":  # to look at the norm would wait for the device
        nn.utils.clip_grad_norm_(trained, largest)
        return
    norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    factor = largest / (norm + 1e-6)  # torch's own
    if not factor >= 1:  # NaN too, and then every gradient becomes NaN
        torch._foreach_mul_(gradients, factor)
