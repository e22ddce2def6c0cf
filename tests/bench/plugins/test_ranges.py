"""Every built-in option that is a number has a range, and absurd values are refused before anything runs."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import Spec

DECLARED = [c.spec for _, c in registry().components() if c.origin == "built-in" and c.spec.options is not None]


def test_the_built_in_components_declare_their_options() -> None:
    bare = [
        component.spec.name
        for _, component in registry().components()
        if component.spec.defaults and component.spec.options is None
    ]
    assert not bare


@pytest.mark.parametrize("spec", DECLARED, ids=lambda spec: spec.name)
def test_every_number_has_a_range(spec: Spec) -> None:
    for name, option in spec.settable.items():
        for values in option.values:
            assert values.kind not in (int, float) or values.choices or values.constraints, name


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("lstm", "output_dim=0"),
        ("lstm", "image_dim=0"),
        ("lstm-t", "images=steps"),
        ("lstm-iq", "images=none"),
        ("transformer", "heads=3"),
        ("transformer", "dropout=1"),
        ("transformer", "max_length=1"),
        ("word2vec", "window=0"),
        ("bert", "heads=3"),
        ("bert", "mask_share=0"),
        ("muvcog-m", "steps=-1"),
        ("muvcog-m", "batch_size=0"),
        ("muvcog-m", "learning_rate=0"),
        ("muvcog-m", "clip=0"),
        ("muvcog-m", "hard_at=1.1"),
        ("muvcog-m", "negatives=foo"),
        ("muvcog-m", "views=agv"),
        ("muvcog-t", "images=nodes"),
        ("gat", "beta=sum"),
        ("muvcog-plus", "next_query=-1"),
        ("random", "beta=max"),
        ("ctr", "epochs=0"),
        ("ctr", "epochs=-1"),
        ("ctr", "patience=-3"),
        ("ctr", "clip=-1"),
        ("ctr", "clip=0"),
        ("ctr", "negatives=-1"),
        ("ctr", "negatives=1000000000"),
        ("suggest", "patience=0"),
        ("intent", "label=leaves"),
        ("transearch", "weight_decay=-1"),
        ("transearch", "margin=-5"),
        ("transearch", "dropout=1"),
        ("transearch", "mode=both"),
        ("alstp", "alpha=1.5"),
        ("hscm", "cross_queries=21"),
        ("ffn", "hidden=0"),
        ("xgboost", "shrinkage=0"),
        ("bm25", "b=nan"),
        ("beauty", "drift=2"),
        ("beauty", "downstream=50000"),
        ("mmsession", "category=shoes"),
        ("mmsession", "memory=much"),
        ("fashioniq", "candidates=1"),
    ],
)
def test_an_absurd_value_is_refused(name: str, setting: str) -> None:
    (spec,) = [component.spec for _, component in registry().components() if component.spec.name == name]
    with pytest.raises(BenchError, match=setting.partition("=")[0]):
        resolve_options([spec], [setting])
