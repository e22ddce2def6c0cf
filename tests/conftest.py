"""Fixtures of all tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from bench import progress
from bench.instructions import common_instructions

common_instructions()  # torch has computed nothing yet; what is computed here is compared with what workers compute


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests come first: dealt last, one of them runs alone while the other processor waits."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(autouse=True)
def _notes_go_where_they_went() -> Iterator[None]:
    """A test that silences what is said to people silences no other test."""
    before = progress._say
    yield
    progress.notes_to(before)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Two threads on a busy machine spin against each other."""
    torch.set_num_threads(1)
