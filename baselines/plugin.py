"""The built-in plugin of baselines; importing it imports no baseline."""

from __future__ import annotations

from baselines import options
from bench import BaselineSpec, hookimpl
from bench.plugins.needs import Need

_OWN = "A control of this project's own: Liu et al., KDD 2022, has none"

_IMAGES_OF_ITEMS = Need("images", {"items": "title+image"})


@hookimpl
def bench_baselines() -> list[BaselineSpec]:
    """The paper's downstream models, and references that learn nothing."""
    return [
        BaselineSpec(
            "chance",
            "baselines.references.shown:Chance",
            "reference: all items tie; what a random order is expected to have",
            _OWN,
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "shown-order",
            "baselines.references.shown:ShownOrder",
            "reference: items in the order in which they were shown",
            _OWN,
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "popularity",
            "baselines.references.popularity:ItemPopularity",
            "reference: items by their clicks in training sessions",
            _OWN,
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "bm25",
            "baselines.references.bm25:Bm25",
            "reference: the query's words against the items' titles",
            "Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, FnTIR 2009; "
            "https://github.com/xhluca/bm25s",
            options=options.Bm25Options,
            task="ctr",
            reference=True,
        ),
        BaselineSpec(
            "sknn",
            "baselines.references.sknn:SessionNeighbours",
            "reference: items by the clicks of training sessions like this one; by name only",
            "Jannach & Ludewig, When Recurrent Neural Networks Meet the Neighborhood for Session-Based Recommendation, "
            "RecSys 2017; https://github.com/rn5l/session-rec",
            options=options.SknnOptions,
            task="ctr",
            reference=True,
            by_name=True,
        ),
        *(
            BaselineSpec(
                name,
                f"baselines.references.ceilings:{target}",
                f"ceiling (simulated only): {what}",
                _OWN,
                needs=(Need("truth"),),
                task="ctr",
                reference=True,
            )
            for name, target, what in (
                ("best-current", "BestCurrent", "known items, best linear reader of the current query"),
                ("best-prefix", "BestPrefix", "known items, best linear reader of the session so far"),
                ("oracle-intent", "OracleIntent", "known items, and what the shopper wants"),
                ("oracle", "Oracle", "true utility of each item, without a click's chance"),
            )
        ),
        BaselineSpec(
            "word-popularity",
            "baselines.references.popularity:WordPopularity",
            "reference: words by how often they are asked next in training sessions",
            _OWN,
            task="suggest",
            reference=True,
        ),
        BaselineSpec(
            "query-words",
            "baselines.references.query_words:QueryWords",
            "reference: the words of the current query again, then popular ones",
            _OWN,
            task="suggest",
            reference=True,
        ),
        BaselineSpec(
            "transearch",
            "baselines.transearch.model:TranSearch",
            "user and query translated to the item, text and image",
            "Guo et al., Multi-modal Preference Modeling for Product Search, MM 2018; "
            "https://github.com/guoyang9/TranSearch",
            options=options.TranSearchOptions,
            needs=(Need("images", {"mode": "vis"}), Need("clicked together", {"mode": "double"})),
            task="ctr",
            starts_from="item_head",
        ),
        BaselineSpec(
            "alstp",
            "baselines.alstp.model:ALSTP",
            "GRU over the last clicks and a long-term preference, attended from the query; titles only",
            "Guo et al., Attentive Long Short-Term Preference Modeling for Personalized Product Search, TOIS 2019; "
            "https://github.com/guoyang9/ALSTP",
            options=options.AlstpOptions,
            needs=(_IMAGES_OF_ITEMS,),
            task="ctr",
        ),
        BaselineSpec(
            "ffn",
            "baselines.ffn:FeedForward",
            "one hidden layer from the session to the words of the next query",
            "Liu et al., KDD 2022, section 4.5",
            options=options.FeedForwardOptions,
            task="suggest",
        ),
        BaselineSpec(
            "xgboost",
            "baselines.xgboost:BoostedTrees",
            "gradient boosted trees on fixed session vectors",
            "Chen & Guestrin, XGBoost: A Scalable Tree Boosting System, KDD 2016; https://github.com/dmlc/xgboost",
            options=options.BoostedTreesOptions,
            task="intent",
            needs_frozen=True,
        ),
        BaselineSpec(
            "hscm",
            "baselines.hscm.model:Hscm",
            "a session's queries and feedback, and similar queries of others; ranks and suggests",
            "Chen et al., A Hybrid Framework for Session Context Modeling, TOIS 2021; "
            "https://github.com/xuanyuan14/HSCM-master",
            options=options.HscmOptions,
            needs=(_IMAGES_OF_ITEMS,),
            task="ctr",
        ),
    ]
