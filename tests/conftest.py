"""Fixtures of all tests."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two threads on a busy machine spin against each other."""
    torch.set_num_threads(1)
