"""Random numbers of one purpose, for code that draws from torch's global generators, as new layers and dropout do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class RandomStream:
    """A state of the global generators that is put in their place for a while, and taken away again.

    What is drawn inside ``with stream.drawing():`` goes on where it stopped there the last time, and shifts nothing
    that is drawn outside.

    Args:
        seed: of the first draw.
        device: whose generator is exchanged beside the CPU's, where it has one of its own.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._seed, self._device = seed, device
        self._states: list[Tensor] | None = None

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Exchanges the generators' states until the block ends, also where it raises."""
        outside = self._current()
        try:
            if self._states is None:
                torch.manual_seed(self._seed)
            else:
                self._put(self._states)
            yield
            self._states = self._current()
        finally:
            self._put(outside)

    def _current(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        if self._device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self._device))
        return states

    def _put(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(states[1], self._device)
