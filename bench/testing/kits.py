"""Which kit tests a registered component."""

from __future__ import annotations

import inspect

from bench.contracts import ClickModel, ClickReference, IntentModel, SuggestionModel, SuggestionReference
from bench.plugins.specs import Spec
from bench.testing.click_models import ClickModelConformance
from bench.testing.click_references import ClickReferenceConformance
from bench.testing.components import ComponentConformance
from bench.testing.datasets import DatasetConformance
from bench.testing.encoders import EncoderConformance
from bench.testing.intent_models import IntentModelConformance
from bench.testing.suggestion_models import SuggestionModelConformance
from bench.testing.suggestion_references import SuggestionReferenceConformance
from bench.testing.tasks import TaskConformance

BY_KIND: dict[str, type[ComponentConformance]] = {
    "encoder": EncoderConformance,
    "task": TaskConformance,
    "dataset": DatasetConformance,
}
BY_CONTRACT: dict[type, type[ComponentConformance]] = {
    ClickModel: ClickModelConformance,
    ClickReference: ClickReferenceConformance,
    SuggestionModel: SuggestionModelConformance,
    SuggestionReference: SuggestionReferenceConformance,
    IntentModel: IntentModelConformance,
}
"""The kits of baselines. A baseline of a task of one's own, with a contract of its own, has only what all have."""


def kit_of(spec: Spec) -> type[ComponentConformance]:
    """The kit of a component: by its kind, and of a baseline by what it is derived from."""
    if spec.kind in BY_KIND:
        return BY_KIND[spec.kind]
    target = spec.load()
    fitting = [kit for contract, kit in BY_CONTRACT.items() if inspect.isclass(target) and issubclass(target, contract)]
    return fitting[0] if fitting else ComponentConformance
