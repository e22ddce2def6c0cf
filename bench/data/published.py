"""What the paper prints about its three datasets, as plain numbers.

Source: Liu et al., "Pretraining Representations of Multi-modal Multi-query E-commerce Search" (MUVCOG), KDD 2022,
https://doi.org/10.1145/3534678.3539200, sections 4.1 (Table 1) and 4.2. Importing this module imports nothing else.
"""

from __future__ import annotations

DOWNSTREAM_SESSIONS = 50_000
"""Sessions that downstream models use, of every split together; pretraining uses all of them (section 4.2)."""

PUBLISHED: dict[str, dict[str, float]] = {
    "clothes": {
        "sessions": 8_729_238,
        "keyword_queries": 34_622_269,
        "product_queries": 28_453_958,
        "users": 6_379_040,
        "items": 11_965_004,
        "clicks": 245_587_692,
        "mean_minutes": 42,
        "mean_steps": 7.23,
        "mean_product_words": 13.95,
        "mean_keyword_words": 2.84,
    },
    "beauty": {
        "sessions": 851_250,
        "keyword_queries": 2_865_293,
        "product_queries": 2_349_832,
        "users": 778_451,
        "items": 1_704_675,
        "clicks": 13_967_180,
        "mean_minutes": 27,
        "mean_steps": 6.13,
        "mean_product_words": 13.84,
        "mean_keyword_words": 2.42,
    },
    "digital": {
        "sessions": 713_445,
        "keyword_queries": 2_597_696,
        "product_queries": 2_017_968,
        "users": 655_022,
        "items": 1_253_623,
        "clicks": 13_886_197,
        "mean_minutes": 36,
        "mean_steps": 6.47,
        "mean_product_words": 20.17,
        "mean_keyword_words": 2.77,
    },
}
"""Table 1 by category. ``product_queries`` is also the number of image queries; ``mean_minutes`` is the paper's
Avg. T(s), first to last query; ``mean_steps`` its Avg. L(s), which equals (#KQ + #PQ) / #Sessions;
``mean_product_words`` and ``mean_keyword_words`` its Avg. L(PQ) and Avg. L(KQ)."""

SHARE_OVER_TEN_STEPS = 0.09
"""Share of the sessions that have more than ten queries, all categories together (Section 1, on Figure 2 (a))."""

IDLE_MINUTES = 30
"""A longer silence of a user ends the session (Section 4.1)."""

CITATION = "Liu et al., KDD 2022, Table 1 (doi:10.1145/3534678.3539200)"
