"""What the built-in plugin of baselines offers; imports no baseline."""

from __future__ import annotations

from bench import BaselineSpec, hookimpl


@hookimpl
def bench_baselines() -> list[BaselineSpec]:
    """The paper's downstream models."""
    return [
        BaselineSpec(
            "transearch",
            "baselines.transearch:TranSearch",
            "user and query translated to the item, text and image",
            "Guo et al., Multi-modal Preference Modeling for Product Search, MM 2018; "
            "https://github.com/guoyang9/TranSearch",
            {"mode": "end", "embed_size": 32, "dropout": 0.5, "margin": 1.0},
            task="ctr",
        ),
    ]
