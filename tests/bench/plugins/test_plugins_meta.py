"""Whatever is registered is cited, explained and loadable, and its declared defaults are those of its code."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

import pytest

from bench.contracts import (
    ClickModel,
    ClickReference,
    IntentModel,
    SessionEncoder,
    SuggestionModel,
    SuggestionReference,
    Task,
)
from bench.errors import BenchError
from bench.plugins.offered import KINDS
from bench.plugins.options import declared_options
from bench.plugins.registry import registry
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec
from bench.training.pretraining_config import PretrainingConfig

COMPONENTS = [(kind, component.spec) for kind, component in registry().components()]
CONTRACTS: dict[str, type] = {"encoder": SessionEncoder, "task": Task}
MODELS: dict[str, type] = {"ctr": ClickModel, "suggest": SuggestionModel, "intent": IntentModel}
REFERENCES: dict[str, type] = {"ctr": ClickReference, "suggest": SuggestionReference}


def every(*kinds: str) -> Any:
    chosen = [spec for kind, spec in COMPONENTS if kind in kinds or not kinds]
    return pytest.mark.parametrize("spec", chosen, ids=lambda spec: f"{spec.kind}:{spec.name}")


def test_every_kind_is_covered_here() -> None:
    kinds: list[type[Spec]] = [EncoderSpec, BaselineSpec, TaskSpec, DatasetSpec]
    assert {kind.kind for kind in kinds} == set(KINDS) == {kind for kind, _ in COMPONENTS}
    with pytest.raises(BenchError, match="no flavour is called"):
        registry().get("flavour", "vanilla")


@every()
def test_it_is_cited_and_explained(spec: Spec) -> None:
    assert spec.citation.strip(), "no citation"
    assert spec.help.strip(), "no help"
    assert "\n" not in spec.help
    assert len(spec.help) <= 90
    assert spec.name == spec.name.lower().strip()
    assert not set(spec.name) & set(" ,./="), "the name must survive a comma-separated list and --set NAME.KEY=VALUE"


@every()
def test_it_loads_and_its_own_docstring_says_what_it_is(spec: Spec) -> None:
    target = spec.load()
    assert (target.__dict__.get("__doc__") if inspect.isclass(target) else target.__doc__ or "").strip()
    models = REFERENCES if isinstance(spec, BaselineSpec) and spec.reference else MODELS
    contract = models[spec.task] if isinstance(spec, BaselineSpec) else CONTRACTS.get(spec.kind)
    assert contract is None or issubclass(target, contract)


def constructor_defaults(component: type, given: set[str]) -> dict[str, Any]:
    """Defaults of a constructor and, as far as it hands on what it does not name, of those of its bases."""
    named: dict[str, Any] = {}
    for kind in component.__mro__:
        if "__init__" not in kind.__dict__:
            continue
        parameters = inspect.signature(kind.__init__).parameters.values()
        found = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in given}
        if named:  # what a base requires its own class has given
            found = {name: value for name, value in found.items() if value is not inspect.Parameter.empty}
        named = {**found, **named}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return named


@every("encoder", "baseline", "task")
def test_declared_defaults_are_those_of_the_constructor(spec: Spec) -> None:
    named = constructor_defaults(spec.load(), {"self"} if spec.kind == "task" else {"self", "dims", "words"})
    if spec.options is not None and not named:
        return  # the constructor reads the same declaration: read_options
    assert all(p is not inspect.Parameter.empty for p in named.values())
    if spec.kind == "encoder":
        named = {**{k: v for k, v in asdict(PretrainingConfig()).items() if k in spec.defaults}, **named}
    declared = {key: (type(value), value) for key, value in spec.defaults.items()}
    expected = {key: (type(value), value) for key, value in named.items()}
    if isinstance(spec, EncoderSpec) and spec.frozen and "steps" not in spec.defaults:
        # a control without pretraining leaves out the options of a training that does not happen
        expected = {key: value for key, value in expected.items() if key in declared}
    assert declared == expected


@every("dataset")
def test_a_dataset_refuses_an_option_that_it_does_not_declare(spec: DatasetSpec) -> None:
    parameters = inspect.signature(spec.load()).parameters
    assert {"name", "progress"} <= set(parameters)
    assert ("source" in parameters) == spec.fetched
    assert not spec.fetched or spec.where, "a fetched dataset says where its files are"
    named = {
        n: p.default for n, p in parameters.items() if p.default is not inspect.Parameter.empty and n in spec.defaults
    }
    assert named == {key: spec.defaults[key] for key in named}
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        assert set(named) == set(spec.defaults)


@every("encoder", "baseline", "task")
def test_every_option_is_documented(spec: Spec) -> None:
    classes = [c for c in spec.load().__mro__ if c.__module__.partition(".")[0] not in ("torch", "builtins", "abc")]
    documentation = " ".join((c.__doc__ or "") + (c.__init__.__doc__ or "") for c in classes)
    if spec.options is not None:
        declared = declared_options(spec.options)  # pinned ones too
        documentation += "".join(f"{name}: {option.help}" for name, option in declared.items() if option.help)
    if spec.kind == "encoder":
        documentation += PretrainingConfig.__doc__ or ""
    assert not [key for key in spec.defaults if f"{key}:" not in documentation and f"{key}," not in documentation]


@every("task")
def test_a_task_names_its_primary_metric(spec: TaskSpec) -> None:
    assert spec.primary
    assert [
        s.name for kind, s in COMPONENTS if kind == "baseline" and isinstance(s, BaselineSpec) and s.task == spec.name
    ]


@every("baseline")
def test_a_baseline_belongs_to_a_task_that_exists(spec: BaselineSpec) -> None:
    assert spec.task in registry().names("task")
