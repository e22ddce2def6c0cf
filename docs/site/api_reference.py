"""The reference of the public API: every name that ``bench`` or ``bench.testing`` exports, from its docstring."""

from __future__ import annotations

import inspect
from importlib import import_module

PARTS = {
    "bench": {
        "Specs and hooks": ("EncoderSpec", "BaselineSpec", "TaskSpec", "DatasetSpec", "hookimpl"),
        "Measuring": ("run", "score", "RunResult", "ScoreResult", "load_corpus", "load_encoder"),
        "Encoders": ("SessionEncoder", "SessionBatch", "Features", "Dims"),
        "Pretraining": ("pretrain", "PretrainingConfig", "TrainingContext"),
        "Click models": ("ClickModel", "ClickReference", "ClickBatch", "ClickDims", "ClickCorpus"),
        "Suggestion models": ("SuggestionModel", "SuggestionReference", "SuggestionDims"),
        "Intent models": ("IntentModel", "IntentDims"),
        "Tasks": ("Task", "TaskResult", "SessionVectors"),
        "Corpora": ("Corpus", "CorpusWriter"),
    },
    "bench.testing": {
        "Conformance kits": (
            "EncoderConformance", "ClickModelConformance", "ClickReferenceConformance", "SuggestionModelConformance",
            "SuggestionReferenceConformance", "IntentModelConformance", "TaskConformance", "DatasetConformance",
        ),
        "Corpora to try things on": ("random_corpus", "planted_corpus", "awkward_corpus", "click_batch"),
    },
}  # fmt: skip
"""The names by what they are for; a name that stands nowhere comes last, under "More"."""


def page(module: str) -> str:
    """A heading for each part, a block of mkdocstrings for each name."""
    exported = import_module(module)
    parts = dict(PARTS[module])
    placed = {name for names in parts.values() for name in names}
    rest = tuple(name for name in exported.__all__ if name not in placed and _documented(getattr(exported, name)))
    if rest:
        parts["More"] = rest
    text = [f"# {module}", "", inspect.cleandoc((exported.__doc__ or "").split("\n\n")[0]), ""]
    for title, names in parts.items():
        text += [f"## {title}", ""]
        for name in names:
            text += [f"::: {home(module, name)}", ""]
    return "\n".join(text)


def home(module: str, name: str) -> str:
    """Where a class or function is defined: what is exported is an alias. Any other value is where it is."""
    thing = getattr(import_module(module), name)
    return f"{thing.__module__}.{thing.__qualname__}" if _documented(thing) else f"{module}.{name}"


def _documented(thing: object) -> bool:
    return inspect.isclass(thing) or inspect.isfunction(thing)
