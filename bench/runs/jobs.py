"""Jobs: pieces of work with a key, what they need, and a payload that any process can carry out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.data.corpus import Corpus
from bench.plugins.specs import BaselineSpec, EncoderSpec, TaskSpec
from bench.plugins.vector_files import VectorFileSpec
from bench.runs.keys import component_config, key_of
from bench.runs.provenance import library_versions
from bench.runs.source_version import source_version

Options = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One piece of work.

    Attributes:
        kind: ``encoders`` (pretraining), ``embeddings`` or ``cells``: where its result is stored.
        key: hash of ``config``.
        config: everything that decides the result; plain JSON.
        corpus: folder of the corpus. Not in the key: its fingerprint is.
        needs: keys of the jobs, kind by kind, whose results it reads.
        title: one line for people.
        vectors: file of finished vectors, where they stand for an encoder. Not in the key: the hash of its contents is.
    """

    kind: str
    key: str
    config: dict[str, Any]
    corpus: str
    needs: tuple[tuple[str, str], ...]
    title: str
    vectors: str = ""


@dataclass(frozen=True)
class Cell:
    """One cell of the grid and the jobs that make it, the last being its own.

    Attributes:
        corpus_seed: which corpus of the dataset, where several are the replicates; else None.
    """

    dataset: str
    task: str
    baseline: str
    encoder: str
    seed: int
    jobs: tuple[Job, ...]
    corpus_seed: int | None = None

    @property
    def key(self) -> str:
        """Key of the cell's result."""
        return self.jobs[-1].key


def plan_cell(
    corpus: Corpus,
    dataset: str,
    task: TaskSpec,
    baseline: BaselineSpec,
    encoder: EncoderSpec,
    seed: int,
    options: Options,
    device: str,
    corpus_seed: int | None = None,
    start: EncoderSpec | None = None,
) -> Cell:
    """The cell (task, dataset, baseline, encoder, seed) with every job that it takes.

    ``corpus_seed`` says in titles which corpus it is; in keys the corpus's fingerprint does. ``start`` is the encoder
    whose pretrained weights the baseline starts from, pretrained with the cell's seed.
    """
    called = dataset if corpus_seed is None else f"{dataset} corpus {corpus_seed}"
    the_task = component_config(task, options["task", task.name])
    jobs: list[Job] = []
    if isinstance(encoder, VectorFileSpec):
        jobs.append(plan_vectors(corpus, dataset, the_task, encoder, options, device, called))
    elif encoder.frozen:
        jobs += plan_embeddings(corpus, dataset, the_task, encoder, seed, options, device, called)
    config = {
        **_environment(corpus, dataset, device),
        "task": the_task,
        "baseline": component_config(baseline, options["baseline", baseline.name]),
        "encoder": {**component_config(encoder, options["encoder", encoder.name]), "frozen": encoder.frozen},
        "seed": 0 if baseline.reference else seed,  # nothing random: one result stands for every seed
    }
    title = f"{task.name} {called} {baseline.name}"
    title += "" if baseline.reference else f" {encoder.name} seed {seed}"
    needs = [(job.kind, job.key) for job in jobs[-1:]]
    vectors = jobs[-1].vectors if jobs else ""
    if start is not None:
        pretraining = plan_encoder(corpus, dataset, start, seed, options, device, called)
        config["start"] = pretraining.config["encoder"]
        needs.append((pretraining.kind, pretraining.key))
        jobs.append(pretraining)
    jobs.append(Job("cells", key_of({"cell": config}), config, str(corpus.folder), tuple(needs), title, vectors))
    return Cell(dataset, task.name, baseline.name, encoder.name, seed, tuple(jobs), corpus_seed)


def plan_encoder(
    corpus: Corpus,
    dataset: str,
    encoder: EncoderSpec,
    seed: int,
    options: Options,
    device: str,
    called: str = "",
    processes: int = 1,
) -> Job:
    """The pretraining of an encoder on a corpus, which the title calls ``called``, or by its dataset.

    The number of processes that share it is a part of its key only where it decides what is learnt: where negatives
    come from a process's own rows.
    """
    chosen = options["encoder", encoder.name]
    config = {
        **_environment(corpus, dataset, device),
        "encoder": component_config(encoder, chosen),
        "seed": seed,
    }
    if processes > 1 and chosen.get("negatives_from") == "rank":
        config["processes"] = processes
    title = f"pretrain {encoder.name} on {called or dataset} seed {seed}"
    return Job("encoders", key_of({"encoder": config}), config, str(corpus.folder), (), title)


def plan_embeddings(
    corpus: Corpus,
    dataset: str,
    task: dict[str, Any],
    encoder: EncoderSpec,
    seed: int,
    options: Options,
    device: str,
    called: str = "",
) -> Sequence[Job]:
    """The pretraining, and the vectors of the units that the task wants; shared by all baselines."""
    pretraining = plan_encoder(corpus, dataset, encoder, seed, options, device, called)
    config = {**pretraining.config, "encoder_key": pretraining.key, "task": task}
    title = f"embed {called or dataset} with {encoder.name} seed {seed} for {task['name']}"
    needs = ((pretraining.kind, pretraining.key),)
    return pretraining, Job("embeddings", key_of({"embedding": config}), config, pretraining.corpus, needs, title)


def plan_vectors(
    corpus: Corpus,
    dataset: str,
    task: dict[str, Any],
    encoder: VectorFileSpec,
    options: Options,
    device: str,
    called: str = "",
) -> Job:
    """The finished vectors of the units that the task wants, from a file; the same for all seeds."""
    config = {
        **_environment(corpus, dataset, device),
        "encoder": component_config(encoder, options["encoder", encoder.name]),
        "seed": 0,
        "task": task,
    }
    title = f"look up {called or dataset} in {encoder.name} for {task['name']}"
    file = str(Path(encoder.path).absolute())
    return Job("embeddings", key_of({"embedding": config}), config, str(corpus.folder), (), title, file)


def _environment(corpus: Corpus, dataset: str, device: str) -> dict[str, Any]:
    """What every number depends on, whatever is computed."""
    return {
        "libraries": library_versions(),
        "harness": source_version("bench.runs.work"),
        "device": device,
        "corpus": {"dataset": dataset, "fingerprint": corpus.info.fingerprint},
    }
