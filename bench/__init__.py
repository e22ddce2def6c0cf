"""Session-bench: measures what session encoders buy in e-commerce search.

Everything that a plugin or a notebook needs is imported from here. Importing this module is cheap; a name of
:data:`HOMES` brings in its own module, and torch with it, when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pluggy

from bench.errors import BenchError
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, TaskSpec

if TYPE_CHECKING:
    from bench.contracts import (
        ClickBatch,
        ClickCorpus,
        ClickDims,
        ClickModel,
        ClickReference,
        IntentDims,
        IntentModel,
        SessionEncoder,
        SuggestionDims,
        SuggestionModel,
        SuggestionReference,
        Task,
        TaskResult,
    )
    from bench.data.batch import SessionBatch
    from bench.data.corpus import Corpus
    from bench.data.features import Dims, Features
    from bench.data.writer import CorpusWriter
    from bench.datasets.exchange import corpus_from_tables, log_tables
    from bench.evaluation.contrasts import Contrast
    from bench.library import RunResult, ScoreResult, load_corpus, load_encoder, run, score
    from bench.serving.encoder_file import ExportedEncoder
    from bench.training.context import TrainingContext
    from bench.training.pretraining import pretrain
    from bench.training.pretraining_config import PretrainingConfig
    from bench.training.session_vectors import SessionVectors

hookimpl = pluggy.HookimplMarker("bench")
"""Marks a plugin's function as the implementation of a hook of :mod:`bench.plugins.hookspecs`."""

__version__ = "0.2.0"

HOMES = {
    "ClickBatch": "bench.contracts",
    "ClickCorpus": "bench.contracts",
    "ClickDims": "bench.contracts",
    "ClickModel": "bench.contracts",
    "ClickReference": "bench.contracts",
    "Contrast": "bench.evaluation.contrasts",
    "Corpus": "bench.data.corpus",
    "CorpusWriter": "bench.data.writer",
    "Dims": "bench.data.features",
    "ExportedEncoder": "bench.serving.encoder_file",
    "Features": "bench.data.features",
    "IntentDims": "bench.contracts",
    "IntentModel": "bench.contracts",
    "PretrainingConfig": "bench.training.pretraining_config",
    "RunResult": "bench.library",
    "ScoreResult": "bench.library",
    "SessionBatch": "bench.data.batch",
    "SessionEncoder": "bench.contracts",
    "SessionVectors": "bench.training.session_vectors",
    "SuggestionDims": "bench.contracts",
    "SuggestionModel": "bench.contracts",
    "SuggestionReference": "bench.contracts",
    "Task": "bench.contracts",
    "TaskResult": "bench.contracts",
    "TrainingContext": "bench.training.context",
    "corpus_from_tables": "bench.datasets.exchange",
    "load_corpus": "bench.library",
    "load_encoder": "bench.library",
    "log_tables": "bench.datasets.exchange",
    "pretrain": "bench.training.pretraining",
    "run": "bench.library",
    "score": "bench.library",
}
"""The module of each name that is imported when it is first asked for."""

__all__ = [
    "BaselineSpec",
    "BenchError",
    "ClickBatch",
    "ClickCorpus",
    "ClickDims",
    "ClickModel",
    "ClickReference",
    "Contrast",
    "Corpus",
    "CorpusWriter",
    "DatasetSpec",
    "Dims",
    "EncoderSpec",
    "ExportedEncoder",
    "Features",
    "IntentDims",
    "IntentModel",
    "PretrainingConfig",
    "RunResult",
    "ScoreResult",
    "SessionBatch",
    "SessionEncoder",
    "SessionVectors",
    "SuggestionDims",
    "SuggestionModel",
    "SuggestionReference",
    "Task",
    "TaskResult",
    "TaskSpec",
    "TrainingContext",
    "__version__",
    "corpus_from_tables",
    "hookimpl",
    "load_corpus",
    "load_encoder",
    "log_tables",
    "pretrain",
    "run",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(HOMES[name]), name)
    globals()[name] = found  # asked for once
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
