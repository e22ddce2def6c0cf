"""What authors of plugins test their components with: a kit for each contract, and corpora to try things on.

::

    from bench.testing import EncoderConformance

    class TestMine(EncoderConformance):
        name = "mine"

Kits are test classes of pytest, which ``session-bench`` itself does not need: ``pip install pytest``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.testing.click_corpora import awkward_corpus, click_batch, planted_corpus
    from bench.testing.click_models import ClickModelConformance
    from bench.testing.click_references import ClickReferenceConformance
    from bench.testing.components import ComponentConformance
    from bench.testing.corpora import random_corpus
    from bench.testing.datasets import DatasetConformance
    from bench.testing.encoders import EncoderConformance
    from bench.testing.intent_models import IntentModelConformance
    from bench.testing.suggestion_models import SuggestionModelConformance
    from bench.testing.suggestion_references import SuggestionReferenceConformance
    from bench.testing.tasks import TaskConformance

HOMES = {
    "ClickModelConformance": "bench.testing.click_models",
    "ClickReferenceConformance": "bench.testing.click_references",
    "ComponentConformance": "bench.testing.components",
    "DatasetConformance": "bench.testing.datasets",
    "EncoderConformance": "bench.testing.encoders",
    "IntentModelConformance": "bench.testing.intent_models",
    "SuggestionModelConformance": "bench.testing.suggestion_models",
    "SuggestionReferenceConformance": "bench.testing.suggestion_references",
    "TaskConformance": "bench.testing.tasks",
    "awkward_corpus": "bench.testing.click_corpora",
    "click_batch": "bench.testing.click_corpora",
    "planted_corpus": "bench.testing.click_corpora",
    "random_corpus": "bench.testing.corpora",
}
"""The module of each name; it is imported, and torch with it, when the name is first asked for."""

KITS = ("components", "click_scores", *(home.rpartition(".")[2] for home in HOMES.values()))

__all__ = [
    "ClickModelConformance",
    "ClickReferenceConformance",
    "ComponentConformance",
    "DatasetConformance",
    "EncoderConformance",
    "IntentModelConformance",
    "SuggestionModelConformance",
    "SuggestionReferenceConformance",
    "TaskConformance",
    "awkward_corpus",
    "click_batch",
    "planted_corpus",
    "random_corpus",
]

if find_spec("pytest") is not None:
    import pytest

    # so that a failed check shows the values
    pytest.register_assert_rewrite(*(f"bench.testing.{kit}" for kit in KITS))


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_pytest("bench.testing")
    return getattr(import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})


def require_pytest(where: str) -> None:
    """Raises where pytest is missing.

    Args:
        where: what wants it, for the error.

    Raises:
        BenchError: says what to install.
    """
    if find_spec("pytest") is None:
        raise BenchError("pytest is not installed", where=where, fix="pip install pytest")
