"""Session-bench: measures what session encoders buy in e-commerce search.

A plugin imports what it needs from here; importing this module is cheap and pulls in no torch.
"""

from __future__ import annotations

import pluggy

from bench.errors import BenchError
from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, TaskSpec

hookimpl = pluggy.HookimplMarker("bench")
"""Marks a plugin's function as the implementation of a hook of :mod:`bench.plugins.hookspecs`."""

__version__ = "0.1.0"

__all__ = ["BaselineSpec", "BenchError", "DatasetSpec", "EncoderSpec", "TaskSpec", "__version__", "hookimpl"]
