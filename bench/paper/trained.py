"""The trained encoder of a cell: pretrained and stored, or trained with a baseline and then stored as well."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

import torch
from safetensors.torch import save_file

from bench.contracts import SessionEncoder
from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.progress import Progress, silent
from bench.runs.jobs import Cell, Job
from bench.runs.keys import key_of
from bench.runs.store import Store, write_record
from bench.runs.work import load_encoder, perform
from bench.training.context import TrainingContext
from bench.training.session_vectors import TrainedAlong


def trained_encoder(
    cell: Cell, store: Store, context: TrainingContext, progress: Progress = silent
) -> tuple[SessionEncoder, dict[str, Any]]:
    """The encoder of a cell with its trained weights, and the record of its training.

    A cell keeps scores and no weights. Where the encoder is trained with the baseline, the cell is trained again (with
    the same seed, so to the same weights), and the encoder's weights are stored under a key of their own.

    Args:
        cell: the cell.
        store: where the weights are, or are stored.
        context: of the same corpus, for the device and the widths of the features.
        progress: called with the training's progress.

    Raises:
        BenchError: the pretraining failed.
    """
    torch.set_num_threads(1)  # as in the grid's workers, so that the same key means the same weights
    if len(cell.jobs) > 1:
        job = cell.jobs[0]
        record = perform(job, store, progress)
        if record["status"] != "done":
            raise BenchError(record["error"], where=job.title, fix=f"bench show {job.key}")
        key = job.key
    else:
        key, record = _trained_along(cell, store, progress)
    weights = store.folder("encoders", key) / "encoder.safetensors"
    encoder = load_encoder(cell.jobs[-1].config, context.features.dims, weights)
    return encoder.to(context.device), record


def _trained_along(cell: Cell, store: Store, progress: Progress) -> tuple[str, dict[str, Any]]:
    """Key and record of the encoder that a cell trains with its baseline, trained now where it is not stored."""
    job = cell.jobs[-1]
    key = key_of({"encoder of cell": job.config})
    record = store.read("encoders", key)
    if record is None or record["status"] != "done":
        started, clock = time.time(), time.perf_counter()
        encoder, metrics = _train(job, progress)
        provenance = (store.read("cells", cell.key) or {}).get("provenance", {})
        record = {
            "key": key,
            "title": f"the encoder of: {job.title}",
            "config": job.config,
            "cell": cell.key,
            "metrics": metrics,
            "output_dim": encoder.output_dim,
            "provenance": provenance,
            "warnings": [],
            "status": "done",
            "started": started,
            "seconds": time.perf_counter() - clock,
        }
        with store.publish("encoders", key) as folder:
            tensors = {name: tensor.contiguous().cpu() for name, tensor in encoder.state_dict().items()}
            save_file(tensors, folder / "encoder.safetensors")
            write_record(folder, "encoders", record)
    return key, record


def _train(job: Job, progress: Progress) -> tuple[SessionEncoder, dict[str, float]]:
    """Trains a cell as :func:`bench.runs.work.perform` does; returns the encoder with its best weights, and metrics."""
    config = job.config
    context = TrainingContext(Corpus(job.corpus), config["seed"], torch.device(config["device"]), progress)
    torch.manual_seed(int(context.generator("torch cells").integers(2**62)))
    task = _attribute(config["task"]["target"])(**config["task"]["options"])
    baseline = _attribute(config["baseline"]["target"])
    sessions = TrainedAlong(lambda dims: load_encoder(config, dims), context)
    result = task.run(context.corpus, baseline, config["baseline"]["options"], sessions, context)
    return sessions.encoder.eval(), result.scores.groupby("metric")["value"].mean().to_dict()


def _attribute(target: str) -> Any:
    """The object of a spec's ``module:attribute``."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
