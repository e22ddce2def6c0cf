"""Trackers: what takes tracked runs to MLflow, TensorBoard or Weights & Biases, each imported when it is asked for."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal
from unittest.mock import patch

from bench.errors import BenchError, did_you_mean
from bench.printable import file_name, said
from bench.tracking.tracked import TrackedRun

Tracker = Callable[[Sequence[TrackedRun], str], None]
"""Logs runs to a place, which is what follows the colon of ``--track NAME:PLACE``. A run whose key is there already is
not logged twice."""


def log(runs: Sequence[TrackedRun], places: Sequence[str]) -> list[str]:
    """Logs runs to every tracker and says what came of it; one that fails spoils neither the others nor a result.

    Args:
        runs: see :func:`bench.tracking.tracked.tracked_runs`.
        places: ``NAME:PLACE`` each, checked (:func:`checked_places`).

    Returns:
        a line for each.
    """
    lines = []
    for written in places:
        name, _, place = written.partition(":")
        try:
            _tracker(name)(runs, place)
        except Exception as error:  # somebody else's library and server; the results are stored, whatever it says
            lines.append(f"Warning: {name} was not told: {type(error).__name__}: {error}")
        else:
            lines.append(f"{len(runs)} runs logged to {name} at {place}")
    return lines


def checked_places(places: Sequence[str]) -> list[str]:
    """The places, once it is known that each can be reached, so that a misspelling ends before anything runs.

    Raises:
        BenchError: no such tracker, no place, or its library is not installed.
    """
    for written in places:
        name, _, place = written.partition(":")
        known = {*TRACKERS, *_of_others()}
        if name not in known:
            raise BenchError(f"there is no tracker {name!r}", where="--track", fix=did_you_mean(name, known))
        if not place:
            raise BenchError(f"{written!r} does not say where", where="--track", fix=f"write {name}:FOLDER")
        if name in TRACKERS and importlib.util.find_spec(name) is None:
            fix = f"pip install 'session-bench[{name}]'"
            raise BenchError(f"{name} is not installed", where="--track", fix=fix)
        try:
            _tracker(name)
        except Exception as error:  # a third party's module that fails to import, before anything has run
            raise BenchError(f"{name} cannot be imported: {said(error)}", where="--track") from error
    return list(places)


def to_mlflow(runs: Sequence[TrackedRun], place: str) -> None:
    """An experiment for each group, a run for each cell.

    Args:
        runs: to log.
        place: a tracking address such as ``http://…``; or a folder, in which ``mlflow.db`` is made.
    """
    from mlflow.tracking import MlflowClient

    if "://" not in place:
        Path(place).mkdir(parents=True, exist_ok=True)
        place = f"sqlite:///{Path(place).resolve()}/mlflow.db"
    client = MlflowClient(place)
    for run in runs:
        experiment = client.get_experiment_by_name(run.group)
        id = experiment.experiment_id if experiment is not None else client.create_experiment(run.group)
        if client.search_runs([id], f"tags.key = '{run.key}'"):
            continue
        tags = {"key": run.key, "mlflow.runName": run.name, "simulated": str(run.simulated).lower()}
        logged = client.create_run(id, tags=tags).info.run_id
        for name, value in run.options.items():
            client.log_param(logged, name, value)
        for name, value in run.metrics.items():
            client.log_metric(logged, _plain(name), value)
        for name, curve in run.curves.items():
            for step, value in curve:
                client.log_metric(logged, _plain(name), value, step=step)
        client.set_terminated(logged)


def to_tensorboard(runs: Sequence[TrackedRun], place: str) -> None:
    """A folder GROUP/NAME-KEY for each cell: curves as scalars, options and metrics as hyperparameters.

    Args:
        runs: to log.
        place: a folder.
    """
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    for run in runs:
        folder = Path(place) / file_name(run.group) / file_name(f"{run.name}-{run.key}")
        if folder.exists():
            continue
        with SummaryWriter(str(folder)) as writer:
            for part in hparams(dict(run.options), {f"metric/{name}": 0.0 for name in run.metrics}):
                writer.file_writer.add_summary(part)
            for name, value in run.metrics.items():
                writer.add_scalar(f"metric/{name}", value)
            for name, curve in run.curves.items():
                for step, value in curve:
                    writer.add_scalar(f"curve/{name}", value, step)


def to_wandb(runs: Sequence[TrackedRun], place: str) -> None:
    """A run for each cell, in a project for each group, offline: ``wandb sync FOLDER/wandb/offline-run-*`` sends them.

    Args:
        runs: to log.
        place: a folder, made where it is missing. With ``WANDB_MODE=online`` they are sent at once.
    """
    import wandb

    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    known = folder / "session-bench.json"  # offline runs cannot be searched
    logged = set(json.loads(known.read_text()) if known.exists() else [])
    mode: Literal["online", "offline"] = "online" if os.environ.get("WANDB_MODE") == "online" else "offline"
    with patch.dict(os.environ, {"WANDB_SILENT": "true"}):
        for run in runs:
            if run.key in logged:
                continue
            config = {**run.options, "key": run.key, "simulated": run.simulated}
            with wandb.init(
                project=run.group, name=run.name, id=run.key, config=config, dir=str(folder), mode=mode, reinit=True
            ) as told:
                for name, curve in run.curves.items():
                    axis = f"{name}_at"
                    told.define_metric(name, step_metric=axis)
                    for step, value in curve:
                        told.log({name: value, axis: step})
                told.summary.update(dict(run.metrics))
            logged.add(run.key)
            known.write_text(json.dumps(sorted(logged)))


TRACKERS: dict[str, Tracker] = {"mlflow": to_mlflow, "tensorboard": to_tensorboard, "wandb": to_wandb}
"""Those that come along, by the name before the colon; it is the name of the library as well."""

GROUP = "bench.trackers"
"""Entry points of this group are trackers of third parties: a name, and a function that is a :data:`Tracker`."""


def _of_others() -> dict[str, EntryPoint]:
    """What other distributions offer, by name; a name that comes along stays what it is."""
    return {found.name: found for found in entry_points(group=GROUP) if found.name not in TRACKERS}


def _tracker(name: str) -> Tracker:
    found: Tracker = TRACKERS[name] if name in TRACKERS else _of_others()[name].load()
    return found


def _plain(name: str) -> str:
    """A name that MLflow takes: it refuses ``ndcg@10``."""
    return name.replace("@", "_at_")
