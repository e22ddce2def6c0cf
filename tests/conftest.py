"""Fixtures of all tests."""

from __future__ import annotations

from collections import Counter

import pytest
import torch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first: dealt last, one of them runs alone while the other processor waits."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two threads on a busy machine spin against each other."""
    torch.set_num_threads(1)
