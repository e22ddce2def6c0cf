"""Every built-in option that is a number has a range, and absurd values are refused before anything runs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bench.datasets.ingest.options import IngestOptions
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import Spec
from bench.plugins.values import LONGEST_TEXT

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
    assert [name for name, option in spec.settable.items() if not option.is_bounded] == []


ABSURD = [
    "-1",
    "-0.5",
    "0",
    "nan",
    "inf",
    "-inf",
    "1" + "0" * 12,
    "1e12",
    "9" * 5_000,
    "",
    "x" * 10_000,
    "\x1b[2J",
    "\0",
]


@pytest.mark.parametrize("spec", DECLARED, ids=lambda spec: spec.name)
def test_every_option_refuses_absurd_values_in_a_line_or_takes_them_as_its_range_says(spec: Spec) -> None:
    for name, text in itertools.product(spec.settable, ABSURD):
        taken, refusal = _resolved(spec, name, text)
        assert len(refusal) < 600
        assert refusal.isprintable()
        if refusal:
            continue
        allowed = [values for values in spec.settable[name].values if values.kind is type(taken)]
        assert any(values.fault(taken) is None for values in allowed), (name, text)
        assert type(taken) is not int or abs(taken) <= 2**63 - 1, (name, text)
        assert type(taken) is not str or (len(taken) <= LONGEST_TEXT and taken.isprintable()), name


def _resolved(spec: Spec, name: str, text: str) -> tuple[object, str]:
    """The value that an option takes from what is typed, or the line that refuses it."""
    try:
        return resolve_options([spec], [f"{name}={text}"])[spec.kind, spec.name][name], ""
    except BenchError as error:
        return None, str(error)


def test_no_count_of_a_built_in_is_without_an_upper_end() -> None:
    """10¹² epochs or layers are a slip of the finger, and would plan for years or ask for all memory."""
    endless = {
        f"{spec.name}.{name}"
        for spec in DECLARED
        for name, option in spec.settable.items()
        for values in option.values
        if values.kind is int and not values.choices and values.fault(2**63) is None
    }
    assert not endless


def test_values_of_a_program_are_refused_as_what_is_typed_is() -> None:
    ctr = {c.spec.name: c.spec for _, c in registry().components()}["ctr"].settable
    for name, value in [("epochs", 10**5_000), ("clip", 10**400), ("epochs", True), ("clip", float("nan"))]:
        with pytest.raises(BenchError) as refused:
            ctr[name].checked(value)
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"idle_minutes": float("inf")}, "idle_minutes"),
        ({"max_steps": -1}, "max_steps"),
        ({"downstream": 0}, "downstream"),
        ({"threads": 0}, "threads"),
        ({"memory_limit": "much"}, "memory_limit"),
        ({"test_share": -0.1}, "test_share"),
        ({"split": "coin"}, "split"),
    ],
)
def test_options_of_an_ingestion_are_refused_before_a_file_is_opened(changes: dict[str, object], named: str) -> None:
    with pytest.raises(BenchError, match=named):
        replace(IngestOptions(), **changes).check()  # type: ignore[arg-type]


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
