"""Tables with a row for each word: an encoder is built before the corpus is known, so they take a size later."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def shaped_by_weights(module: nn.Module, *names: str) -> None:
    """Lets ``load_state_dict`` give these parameters and buffers the shape of what is loaded.

    A table with a row for every word of a corpus starts small, grows when it is pretrained, and is saved like any
    other weight; this is the way back. Loading stays strict otherwise.

    Args:
        module: the encoder.
        names: of parameters and buffers as in its ``state_dict``.
    """

    def reshape(module: nn.Module, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        for name in names:
            if prefix + name in state:  # otherwise load_state_dict says that it is missing
                resize(module, name, state[prefix + name].shape)

    module.register_load_state_dict_pre_hook(reshape)


def resize(module: nn.Module, name: str, shape: torch.Size | tuple[int, ...]) -> None:
    """Gives a parameter or buffer another shape; its values are then undefined unless the shape was that already."""
    owner, _, attribute = name.rpartition(".")
    holder = module.get_submodule(owner)
    old = getattr(holder, attribute)
    if old.shape == torch.Size(shape):
        return
    new = torch.empty(shape, dtype=old.dtype, device=old.device)
    setattr(holder, attribute, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
