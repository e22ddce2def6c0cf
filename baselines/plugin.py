"""What the built-in plugin of baselines offers; imports no baseline."""

from __future__ import annotations

from bench import BaselineSpec, hookimpl


@hookimpl
def bench_baselines() -> list[BaselineSpec]:
    """The paper's downstream models, and references that learn nothing."""
    return [
        BaselineSpec(
            "popularity",
            "baselines.references.popularity:ItemPopularity",
            "reference: items by their clicks in training sessions",
            "A control of this project's own: Liu et al., KDD 2022, has none",
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "bm25",
            "baselines.references.bm25:Bm25",
            "reference: the query's words against the items' titles",
            "Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, FnTIR 2009; "
            "https://github.com/xhluca/bm25s",
            {"k1": 1.5, "b": 0.75},
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "word-popularity",
            "baselines.references.popularity:WordPopularity",
            "reference: words by how often they are asked next in training sessions",
            "A control of this project's own: Liu et al., KDD 2022, has none",
            task="suggest",
            reference=True,
        ),
        BaselineSpec(
            "query-words",
            "baselines.references.query_words:QueryWords",
            "reference: the words of the current query again, then popular ones",
            "A control of this project's own: Liu et al., KDD 2022, has none",
            task="suggest",
            reference=True,
        ),
        BaselineSpec(
            "transearch",
            "baselines.transearch.model:TranSearch",
            "user and query translated to the item, text and image",
            "Guo et al., Multi-modal Preference Modeling for Product Search, MM 2018; "
            "https://github.com/guoyang9/TranSearch",
            {
                "mode": "end",
                "embed_size": 32,
                "dropout": 0.5,
                "margin": 1.0,
                "weight_decay": 1e-4,
                "pretraining_epochs": 20,
                "pretraining_negatives": 20,
                "fixed": False,
            },
            task="ctr",
        ),
        BaselineSpec(
            "alstp",
            "baselines.alstp.model:ALSTP",
            "GRU over the last clicks and a slow preference, attended from the query; text only",
            "Guo et al., Attentive Long Short-Term Preference Modeling for Personalized Product Search, TOIS 2019; "
            "https://github.com/guoyang9/ALSTP",
            {"num_steps": 4, "global_dim": 64, "alpha": 0.9, "weight_decay": 1e-4, "longest_history": 256},
            task="ctr",
        ),
        BaselineSpec(
            "ffn",
            "baselines.ffn:FeedForward",
            "one hidden layer from the session to the words of the next query",
            "Liu et al., KDD 2022, section 4.5",
            {"hidden": 128},
            task="suggest",
        ),
        BaselineSpec(
            "xgboost",
            "baselines.xgboost:BoostedTrees",
            "gradient boosted trees on fixed session vectors",
            "Chen & Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016; https://github.com/dmlc/xgboost",
            {"rounds": 200, "depth": 6, "shrinkage": 0.3, "patience": 10},
            task="intent",
            needs_frozen=True,
        ),
        BaselineSpec(
            "hscm",
            "baselines.hscm.model:Hscm",
            "the session's queries and feedback, and like queries elsewhere; ranks and suggests",
            "Chen et al., A Hybrid Framework for Session Context Modeling, TOIS 2021; "
            "https://github.com/xuanyuan14/HSCM-master",
            {
                "hidden": 32,
                "dropout": 0.1,
                "steps": 6,
                "longest": 32,
                "clicked": 10,
                "unclicked": 0,
                "similar": 3,
                "pool": 20,
                "threshold": 0.8,
                "cross_queries": 1,
                "cross_items": 10,
                "suggestion": 0.1,
            },
            task="ctr",
        ),
    ]
