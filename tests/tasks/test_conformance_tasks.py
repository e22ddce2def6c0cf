"""The built-in tasks hold to the contract."""

from __future__ import annotations

from bench.testing import TaskConformance


class TestCtr(TaskConformance):
    name = "ctr"


class TestCtrOfAReference(TaskConformance):
    """A reference takes another way through the task."""

    name = "ctr"
    baseline = "popularity"


class TestSuggest(TaskConformance):
    name = "suggest"


class TestSuggestOfAReference(TaskConformance):
    name = "suggest"
    baseline = "query-words"


class TestIntent(TaskConformance):
    name = "intent"
