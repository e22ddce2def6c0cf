"""What a plugin's components must be, a page for each kind. Everything else is the harness's business."""

from bench.contracts.click import ClickBatch, ClickCorpus, ClickDims, ClickModel, ClickReference
from bench.contracts.dataset import CorpusMaker
from bench.contracts.encoder import SessionEncoder
from bench.contracts.intent import IntentDims, IntentModel
from bench.contracts.suggestion import SuggestionDims, SuggestionModel, SuggestionReference
from bench.contracts.task import Baseline, Task, TaskResult

__all__ = [
    "Baseline",
    "ClickBatch",
    "ClickCorpus",
    "ClickDims",
    "ClickModel",
    "ClickReference",
    "CorpusMaker",
    "IntentDims",
    "IntentModel",
    "SessionEncoder",
    "SuggestionDims",
    "SuggestionModel",
    "SuggestionReference",
    "Task",
    "TaskResult",
]
