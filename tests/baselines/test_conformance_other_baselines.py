"""References, suggestion models and intent models hold to their contracts."""

from __future__ import annotations

from bench.testing import (
    ClickReferenceConformance,
    IntentModelConformance,
    SuggestionModelConformance,
    SuggestionReferenceConformance,
)


class TestChance(ClickReferenceConformance):
    name = "chance"
    tolerance = 0  # the same arithmetic in any batch


class TestShownOrder(ClickReferenceConformance):
    name = "shown-order"
    tolerance = 0  # the same arithmetic in any batch


class TestBestCurrent(ClickReferenceConformance):
    """The kit's corpora have no known truth, so that most is left to ``references/test_ceilings.py``; so for others."""

    name = "best-current"


class TestBestPrefix(ClickReferenceConformance):
    name = "best-prefix"


class TestOracleIntent(ClickReferenceConformance):
    name = "oracle-intent"


class TestOracle(ClickReferenceConformance):
    name = "oracle"


class TestPopularity(ClickReferenceConformance):
    name = "popularity"
    tolerance = 0  # the same arithmetic in any batch


class TestBm25(ClickReferenceConformance):
    name = "bm25"
    tolerance = 0  # the same arithmetic in any batch


class TestSknn(ClickReferenceConformance):
    name = "sknn"
    tolerance = 0  # the same arithmetic in any batch


class TestWordPopularity(SuggestionReferenceConformance):
    name = "word-popularity"


class TestQueryWords(SuggestionReferenceConformance):
    name = "query-words"


class TestFfn(SuggestionModelConformance):
    name = "ffn"


class TestXgboost(IntentModelConformance):
    name = "xgboost"
