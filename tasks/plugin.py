"""What the built-in plugin of tasks offers; imports no task."""

from __future__ import annotations

from bench import TaskSpec, hookimpl


@hookimpl
def bench_tasks() -> list[TaskSpec]:
    """The paper's tasks."""
    return [
        TaskSpec(
            "ctr",
            "tasks.ctr:ClickPrediction",
            "personalised click prediction: rank the items shown for a query",
            "Liu et al., KDD 2022, section 4.2",
            {"epochs": 30, "patience": 4, "negatives": 5, "clip": 5.0, "min_user_sessions": 2},
            primary="ndcg@10",
            metrics=("ndcg@10", "hr@10", "mrr@10"),
        ),
        TaskSpec(
            "suggest",
            "tasks.suggest:QuerySuggestion",
            "query suggestion: the words of the next keyword query",
            "Liu et al., KDD 2022, section 4.5",
            {"epochs": 30, "patience": 4, "clip": 5.0},
            primary="ndcg@10",
            metrics=("ndcg@10", "hr@10", "mrr@10", "avg_sim"),
        ),
        TaskSpec(
            "intent",
            "tasks.intent:IntentClassification",
            "intent classification: the category most clicked in a completed session",
            "Liu et al., KDD 2022, section 4.6",
            {"label": "auto"},
            primary="f1",
            units="sessions",
            metrics=("f1", "auc", "acc", "precision", "recall", "accuracy"),
        ),
    ]
