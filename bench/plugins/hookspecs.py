"""The hooks of a plugin: one per kind of component. Each returns specs, so that registering imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from bench.plugins.specs import BaselineSpec, DatasetSpec, EncoderSpec, TaskSpec

hookspec = pluggy.HookspecMarker("bench")


@hookspec
def bench_encoders() -> Iterable[EncoderSpec]:
    """Session encoders that this plugin offers."""
    return ()


@hookspec
def bench_baselines() -> Iterable[BaselineSpec]:
    """Downstream models that this plugin offers."""
    return ()


@hookspec
def bench_tasks() -> Iterable[TaskSpec]:
    """Tasks that this plugin offers."""
    return ()


@hookspec
def bench_datasets() -> Iterable[DatasetSpec]:
    """Datasets that this plugin offers."""
    return ()
