"""References, suggestion models and intent models hold to their contracts."""

from __future__ import annotations

from bench.testing import (
    ClickReferenceConformance,
    IntentModelConformance,
    SuggestionModelConformance,
    SuggestionReferenceConformance,
)


class TestPopularity(ClickReferenceConformance):
    name = "popularity"


class TestBm25(ClickReferenceConformance):
    name = "bm25"


class TestWordPopularity(SuggestionReferenceConformance):
    name = "word-popularity"


class TestQueryWords(SuggestionReferenceConformance):
    name = "query-words"


class TestFfn(SuggestionModelConformance):
    name = "ffn"


class TestXgboost(IntentModelConformance):
    name = "xgboost"
