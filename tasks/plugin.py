"""What the built-in plugin of tasks offers; imports no task."""

from __future__ import annotations

from bench import TaskSpec, hookimpl
from bench.plugins.needs import Need
from tasks import options


@hookimpl
def bench_tasks() -> list[TaskSpec]:
    """The paper's tasks."""
    return [
        TaskSpec(
            "ctr",
            "tasks.ctr:ClickPrediction",
            "personalised click prediction: rank the items shown for a query",
            "Liu et al., KDD 2022, section 4.2",
            options=options.ClickPredictionOptions,
            needs=("unclicked",),
            primary="ndcg@10",
            metrics=("ndcg@10", "hr@10", "mrr@10"),
        ),
        TaskSpec(
            "suggest",
            "tasks.suggest:QuerySuggestion",
            "query suggestion: the words of the next keyword query",
            "Liu et al., KDD 2022, section 4.5",
            options=options.QuerySuggestionOptions,
            needs=("words", "next queries"),
            primary="ndcg@10",
            metrics=("ndcg@10", "hr@10", "mrr@10", "avg_sim"),
        ),
        TaskSpec(
            "intent",
            "tasks.intent:IntentClassification",
            "intent classification: the category most clicked in a completed session",
            "Liu et al., KDD 2022, section 4.6",
            options=options.IntentOptions,
            needs=(
                "clicks",
                Need("labels", {"label": "auto"}),
                Need("category labels", {"label": "leaf"}),
                Need("domain labels", {"label": "domain"}),
            ),
            primary="f1",
            units="sessions",
            metrics=("f1", "auc", "acc", "precision", "recall", "accuracy"),
        ),
    ]
