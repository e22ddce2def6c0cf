"""The numbers of a part as flat rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.evaluation.experiment import Part
from bench.evaluation.tests import Results


def number_row(results: Results, part: Part, dataset: str, baseline: str, encoder: str, metric: str) -> dict[str, Any]:
    """A number of a part with its error, sizes, test and keys; a value that is not known is None.

    Args:
        results: of the experiment.
        part: the part.
        dataset, baseline, encoder, metric: names of the number's system and metric.
    """
    system = (part.id, dataset, baseline, encoder)
    status = results.status(*system)
    values = results.seed_values(*system, metric)
    known = len(values) > 0 and bool(np.isfinite(values).all())
    keys = list(dict.fromkeys(cell.key for cell in results.planned(*system)))
    deviation = float(values.std(ddof=1)) if known and len(values) > 1 and len(keys) > 1 else None
    interval = results.interval(*system, metric)
    error = interval.error if interval is not None else None
    if error is None and deviation is not None:
        error = deviation / math.sqrt(len(values))
    outcome = results.outcome(*system, metric)
    tested = outcome.as_dict() if outcome is not None else {}
    compared: tuple[str, ...] = ("delta", "low", "high", "by_seed", "p", "p_adjusted", "effect", "won", "tied", "lost")
    compared += ("flip_p", "flip_p_adjusted", "degrees")
    commit, versions = results.origin(*system)
    groups = results.groups(part.id, dataset, baseline, part.encoders, metric)
    users, queries = results.sizes(*system) or (None, None)
    return {
        "table": part.id,
        "row": f"{baseline} / {encoder}",
        "column": f"{dataset} {metric}",
        "task": part.task,
        "dataset": dataset,
        "origin": results.corpora[dataset].info.origin,
        "split": results.corpora[dataset].info.split,
        "baseline": baseline,
        "encoder": encoder,
        "metric": metric,
        "status": status.state,
        "reason": status.reason or None,
        "mean": float(values.mean()) if known else None,
        "std": deviation,
        "error": error if error is not None and math.isfinite(error) else None,
        "seeds": len(results.planned(*system)) if len(values) else 0,
        "n_corpora": results.experiment.corpus_seeds,
        "n_users": users,
        "n_queries": queries,
        **{{"low": "ci_low", "high": "ci_high"}.get(name, name): tested.get(name) for name in compared},
        **{name: tested.get(name) for name in ("test", "family", "family_size", "conditional_on_one_model")},
        "delta_error": tested.get("error"),
        "commit": commit,
        "versions": versions,
        "groups": groups.letters.get(encoder),
        "bold": encoder in groups.best,
        **{name: tested.get(name) for name in ("corpus_deltas", "flip_note")},
        "key": " ".join(keys),
    }
