"""Carrying out a job in this process. The only module of the grid that needs torch."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from bench.contracts import SessionEncoder
from bench.data.corpus import Corpus
from bench.data.features import Dims
from bench.data.truth import sealed
from bench.data.vector_file import empty_vectors
from bench.errors import BenchError
from bench.progress import Progress, silent
from bench.runs.failures import failure_of
from bench.runs.finished import finished_vectors
from bench.runs.jobs import Job
from bench.runs.keys import trajectory_key
from bench.runs.output import LOG, collected_warnings, printed_to
from bench.runs.peak import forget_peak, peak_memory
from bench.runs.provenance import provenance
from bench.runs.store import Record, Store, is_done, write_record
from bench.training.context import TrainingContext
from bench.training.prefix_vectors import prefix_vectors
from bench.training.ranks import ALONE, Ranks
from bench.training.session_vectors import FrozenVectors, SessionVectors, TrainedAlong, checked_vectors

_EMBEDDING_BATCH = 1024


def perform(
    job: Job, store: Store, progress: Progress = silent, keep_output: bool = False, ranks: Ranks = ALONE
) -> Record:
    """Carries out a job and stores its result, unless that is there already.

    A failure is a result too: its record says ``failed`` and carries the traceback, so that it stops nothing else.
    Warnings, the harness's own and those of plugins and libraries, go to the record.

    Args:
        job: of which everything that it needs is there.
        store: where results are, and go.
        progress: told (done, total).
        keep_output: whether what is printed on the way goes to a file beside the record; otherwise it is printed.
        ranks: processes that share a pretraining, of which this is the first; the others :func:`assist`.

    Returns:
        the record of the result.
    """
    there = store.read(job.kind, job.key)
    if there is not None and is_done(there):
        return there
    started, clock = time.time(), time.perf_counter()
    forget_peak()
    record: Record = {"key": job.key, "title": job.title, "config": job.config}
    record["provenance"] = {**provenance(), "threads": torch.get_num_threads(), "corpus_folder": job.corpus}
    if ranks.size > 1:
        record["provenance"]["processes"] = ranks.size
    if job.vectors:
        record["provenance"]["vectors"] = job.vectors
    with store.publish(job.kind, job.key) as folder:
        context: TrainingContext | None = None
        with ExitStack() as stack:
            if keep_output:
                stack.enter_context(printed_to(folder / LOG))
            warned = stack.enter_context(collected_warnings(_components(job)))
            stack.enter_context(sealed())  # what a simulated corpus knows of its shoppers is for references only
            try:
                context = _context(job, progress, ranks)
                work = {"encoders": _pretrain, "embeddings": _embed, "cells": _run}[job.kind]
                record |= {"status": "done", **work(job, store, folder, context)}
            except BaseException as error:  # whatever a plugin does, the grid goes on
                if isinstance(error, KeyboardInterrupt) and not keep_output:
                    raise  # Ctrl-C; a worker gets none, and there it is a plugin's
                record |= failure_of(error)
        record["warnings"] = [*(context.warnings if context is not None else ()), *warned()]
        record |= {"started": started, "seconds": time.perf_counter() - clock, "peak_memory": peak_memory()}
        try:
            record = write_record(folder, job.kind, record)
        except (TypeError, ValueError) as error:  # a plugin's result that is no number or text
            whole = {key: record[key] for key in ("key", "title", "config", "provenance", "started", "seconds")}
            record = write_record(folder, job.kind, {**whole, **failure_of(error), "warnings": []})
    if is_done(record) and job.kind == "encoders":
        store.checkpoint(job.key).unlink(missing_ok=True)
    return record


def assist(job: Job, store: Store, ranks: Ranks) -> None:
    """Takes part in a pretraining that rank 0 carries out and stores; what an encoder warns of is said there."""
    with ExitStack() as stack:
        stack.enter_context(collected_warnings(_components(job)))
        stack.enter_context(sealed())
        context = _context(job, silent, ranks)
        _pretrained(job, store, context)


def load_encoder(config: dict[str, Any], dims: Dims, weights: Path | None = None) -> SessionEncoder:
    """Builds the encoder of a configuration, with pretrained weights where given; in evaluation mode."""
    encoder: SessionEncoder = _attribute(config["encoder"]["target"])(dims, **config["encoder"]["options"])
    if weights is not None:
        encoder.load_state_dict(load_file(weights))
    return encoder.eval()


def weights_of(store: Store, key: str) -> Path:
    """The file with the weights of a finished pretraining, which has just been looked at.

    Raises:
        BenchError: there is none, or it was damaged.
    """
    if not store.is_done("encoders", key):
        raise BenchError("the weights are gone", where=str(store.folder("encoders", key)), fix="run it again")
    return store.folder("encoders", key) / "encoder.safetensors"


def encode_prefixes(
    encoder: SessionEncoder,
    queries: np.ndarray,
    context: TrainingContext,
    size: int = _EMBEDDING_BATCH,
    into: Path | None = None,
) -> np.ndarray:
    """(n, output_dim) float32 vectors of the prefixes that end with these query rows (n,).

    Args:
        encoder: in evaluation mode.
        queries: the rows.
        context: the corpus, the device, and who is told how far it is.
        size: prefixes encoded at a time.
        into: a ``.npy`` file to write them to, of which the result is a map; without it they are in memory.
    """
    vectors = empty_vectors(len(queries), encoder.output_dim, into)
    broken = 0
    with torch.inference_mode():
        for start in range(0, len(queries), size):
            some = queries[start : start + size]
            found = prefix_vectors(encoder, context.corpus, some, context.features)
            found = checked_vectors(found, len(some), encoder.output_dim, type(encoder).__name__)
            vectors[start : start + size] = found.cpu().numpy()
            broken += int((~np.isfinite(vectors[start : start + size])).any(1).sum())
            context.progress(min(start + size, len(queries)), len(queries))
    if broken:
        raise BenchError(
            f"{broken} of {len(vectors)} session vectors hold NaN or infinity", where=type(encoder).__name__
        )
    return vectors


def _context(job: Job, progress: Progress, ranks: Ranks = ALONE) -> TrainingContext:
    context = TrainingContext(Corpus(job.corpus), job.config["seed"], torch.device(job.config["device"]), progress)
    context.ranks = ranks
    torch.manual_seed(int(context.generator(f"torch {job.kind}").integers(2**62)))
    return context


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def _pretrained(job: Job, store: Store, context: TrainingContext) -> SessionEncoder:
    encoder = load_encoder(job.config, context.features.dims).to(context.device)
    context.checkpoint, context.trajectory = store.checkpoint(job.key), store.trajectory(trajectory_key(job.config))
    encoder.pretrain(context)
    return encoder


def _pretrain(job: Job, store: Store, folder: Path, context: TrainingContext) -> dict[str, Any]:
    encoder = _pretrained(job, store, context)
    save_file(
        {name: tensor.contiguous().cpu() for name, tensor in encoder.state_dict().items()},
        folder / "encoder.safetensors",
    )
    pd.DataFrame(context.curve).to_parquet(folder / "curve.parquet")
    return {"output_dim": encoder.output_dim, "continued_from": context.continued_from}


def _embed(job: Job, store: Store, folder: Path, context: TrainingContext) -> dict[str, Any]:
    queries = _attribute(job.config["task"]["target"])(**job.config["task"]["options"]).units(context.corpus)
    if job.vectors:
        vectors, known = finished_vectors(job, context.corpus, queries, folder / "vectors.npy")
        context.warnings += known
    else:
        weights = weights_of(store, job.config["encoder_key"])
        encoder = load_encoder(job.config, context.features.dims, weights).to(context.device)
        vectors = encode_prefixes(encoder, queries, context, into=folder / "vectors.npy")
    np.save(folder / "queries.npy", queries)
    return {"units": len(queries), "output_dim": vectors.shape[1]}


def _run(job: Job, store: Store, folder: Path, context: TrainingContext) -> dict[str, Any]:
    config = job.config
    task = _attribute(config["task"]["target"])(**config["task"]["options"])
    baseline = _attribute(config["baseline"]["target"])
    sessions = _session_vectors(job, store, context)
    context.scratch = folder.parent  # not inside: on NFS a file without a name has one until it is let go
    if "start" in config:
        context.pretrained = load_file(weights_of(store, dict(job.needs)["encoders"]))
    result = task.run(context.corpus, baseline, config["baseline"]["options"], sessions, context)
    result.scores.assign(seed=config["seed"]).to_parquet(folder / "scores.parquet", index=False)
    result.predictions.to_parquet(folder / "predictions.parquet", index=False)
    result.curve.to_parquet(folder / "curve.parquet", index=False)
    metrics = result.scores.groupby("metric")["value"].mean().to_dict()
    pooled = {name: value if math.isfinite(value) else None for name, value in result.pooled.items()}  # JSON has no NaN
    return {"metrics": {**metrics, **pooled}, "pooled": pooled}


def _session_vectors(job: Job, store: Store, context: TrainingContext) -> SessionVectors:
    """The finished vectors that the job needs; without such, the encoder to train along."""
    kind, needs = "embeddings", dict(job.needs)
    if kind not in needs:
        return TrainedAlong(lambda dims: load_encoder(job.config, dims), context)
    key = needs[kind]
    context.warnings += _encoder_record(store, kind, key).get("warnings", [])
    # mapped as copies, which torch wants to be able to write to; nobody does, so none is made
    files = (store.folder(kind, key) / f"{name}.npy" for name in ("queries", "vectors"))
    queries, vectors = (np.load(file, mmap_mode="c") for file in files)
    return FrozenVectors(torch.from_numpy(queries), torch.from_numpy(vectors)).to(context.device)


def _components(job: Job) -> dict[str, str]:
    """Names of the job's components by their modules."""
    parts = [job.config[kind] for kind in ("task", "baseline", "encoder") if kind in job.config]
    return {part["target"].partition(":")[0]: part["name"] for part in parts}


def _encoder_record(store: Store, kind: str, key: str) -> Record:
    """The record of the pretraining behind these vectors; their own where they are finished ones of a file."""
    record = store.read(kind, key)
    if record is None:
        raise BenchError("the vectors are gone", where=str(store.folder(kind, key)), fix="run it again")
    key_of_encoder = record["config"].get("encoder_key")
    return record if key_of_encoder is None else store.read("encoders", key_of_encoder) or {}
