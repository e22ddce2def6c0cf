"""``bench run`` as a function: from names to planned cells, run and summarised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.data.corpus import Corpus
from bench.data.truth import has_truth
from bench.data.vector_parts import digest_of
from bench.errors import BenchError
from bench.plugins.registry import Registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import REFERENCE, BaselineSpec, DatasetSpec, EncoderSpec, Spec, TaskSpec
from bench.plugins.variants import base_of, plain_of, variant_of, variant_options
from bench.plugins.vector_files import VectorFileSpec
from bench.progress import Progress, silent
from bench.runs.corpora import dataset_spec, open_corpus
from bench.runs.finished import check_vectors
from bench.runs.jobs import Cell, Job, Options, plan_cell
from bench.runs.needs import check_needs
from bench.runs.replicates import MOST_SEEDS, check_replicable, corpus_seeds, model_seeds, replicate_options
from bench.runs.store import Store

REFERENCES = "references"
"""In place of a baseline's name: every reference that comes with the task."""


@dataclass(frozen=True)
class RunRequest:
    """What a user asks for, by name.

    Attributes:
        task: name of the task.
        encoders: names, variants such as ``muvcog-m[negatives=random]``, or files of finished vectors such as
            ``vectors.parquet[name=ours]``; the reference ``vanilla`` is added where it is missing.
        baselines: names; when empty those that come with the task, of the same distribution. ``references`` stands for
            all references among these. References stand first, whatever the order; those that need the truth of a
            simulated corpus are left out where there is none.
        datasets: names, or folders of corpora.
        seeds: number of seeds, 0 … seeds - 1; with corpus seeds that many for each corpus.
        settings: ``--set`` lines.
        device: ``auto``, ``cpu`` or ``cuda``.
        corpus_seeds: number of corpora of each simulated dataset, made with seeds 1 … corpus_seeds, which are the
            replicates (:mod:`bench.runs.replicates`); None for one corpus, as its options say.
        elsewhere: whether jobs run on other machines, so that this one needs no GPU for theirs.
    """

    task: str
    encoders: Sequence[str]
    baselines: Sequence[str] = ()
    datasets: Sequence[str] = ("beauty",)
    seeds: int = 5
    settings: Sequence[str] = ()
    device: str = "auto"
    corpus_seeds: int | None = None
    elsewhere: bool = False


@dataclass
class Plan:
    """Everything that a run will do, checked before any of it is done.

    Attributes:
        request: what was asked for, with what was left to defaults spelt out.
        primary: the metric that hypotheses are about.
        cells: in the order in which tables show them.
        corpora: by dataset; the first one where corpora are replicates.
    """

    request: RunRequest
    primary: str
    cells: list[Cell] = field(default_factory=list)
    corpora: dict[str, Corpus] = field(default_factory=dict)

    @property
    def jobs(self) -> list[Job]:
        """Every job once, though it may be part of several cells."""
        return distinct_jobs(self.cells)


def distinct_jobs(cells: Iterable[Cell]) -> list[Job]:
    """Every job of these cells once."""
    return list({(job.kind, job.key): job for cell in cells for job in cell.jobs}.values())


def missing_jobs(jobs: Iterable[Job], store: Store) -> list[Job]:
    """Those of these jobs, each once, that have no result yet, or only a failure; the store is asked once for each."""
    distinct = {(job.kind, job.key): job for job in jobs}
    return [job for name, job in distinct.items() if not store.is_done(*name)]


def make_plan(
    request: RunRequest, registry: Registry, store: Store, corpus_progress: Callable[[str], Progress] = lambda _: silent
) -> Plan:
    """Checks every name and option, then makes the corpora that are missing and plans the cells.

    Raises:
        BenchError: a name, an option or a corpus is wrong; nothing has been run then.
    """
    chosen = _chosen(request, registry)
    task, baselines, encoders, options = chosen.task, chosen.baselines, chosen.encoders, chosen.options
    device = resolve_device(request.device, request.elsewhere)

    plan = Plan(request, task.primary)
    opened = {
        name: {number: _open(name, spec, number, options, store, corpus_progress) for number in chosen.corpus_seeds}
        for name, spec in chosen.datasets.items()
    }
    replicates: dict[str, dict[int | None, Corpus]] = {}
    for name, corpora in opened.items():
        corpus = next(iter(corpora.values()))
        label = name if chosen.datasets[name] is not None else corpus.info.name
        if label in plan.corpora:  # their cells would be taken for more seeds of one dataset
            raise BenchError(
                f"the dataset {label!r} stands twice",
                where="--dataset",
                fix=f"{plan.corpora[label].folder} and {corpus.folder} have the same name in corpus.toml",
            )
        plan.corpora[label], replicates[label] = corpus, corpora
    named = request.baselines and REFERENCES not in request.baselines
    if not named or any(has_truth(corpus) for corpus in plan.corpora.values()):
        runs_on = {label: _without_truth_lacking(baselines, corpus) for label, corpus in plan.corpora.items()}
    else:
        runs_on = dict.fromkeys(plan.corpora, baselines)
    some = {baseline.name for possible in runs_on.values() for baseline in possible}
    plan.request = replace(
        request,
        encoders=[e.typed if isinstance(e, VectorFileSpec) else e.name for e in encoders],
        baselines=[baseline.name for baseline in baselines if baseline.name in some],
        datasets=list(chosen.datasets),
        device=device,
    )
    for label, corpora in replicates.items():
        for one in corpora.values():
            check_needs(one, label, [task, *runs_on[label], *encoders], options)
            check_vectors(one, task, encoders, options)
    for label, corpora in replicates.items():
        for baseline in runs_on[label]:
            start = _start_of(baseline, encoders, options)
            for encoder in encoders[:1] if baseline.reference else encoders:
                for number, corpus in corpora.items():
                    plan.cells += [
                        plan_cell(corpus, label, task, baseline, encoder, seed, options, device, number, start)
                        for seed in model_seeds(number, request.seeds)
                    ]
    return plan


def _start_of(baseline: BaselineSpec, encoders: Sequence[EncoderSpec], options: Options) -> EncoderSpec | None:
    """The encoder of the run whose pretrained weights a baseline starts from; None for none.

    Raises:
        BenchError: no encoder of the run is called so, or it is not pretrained.
    """
    named = options["baseline", baseline.name].get(baseline.starts_from, "")
    if not named:
        return None
    pretrained = {e.name: e for e in encoders if e.frozen and not isinstance(e, VectorFileSpec)}
    if named not in pretrained:
        raise BenchError(
            f"{baseline.starts_from}={named}, and no pretrained encoder of this run is called so",
            where=f"option of {baseline.name}",
            fix=f"name it among the encoders: --encoder {named}",
        )
    return pretrained[named]


def _without_truth_lacking(baselines: list[BaselineSpec], corpus: Corpus) -> list[BaselineSpec]:
    """Those of these baselines that need no truth, where the corpus has none: a real log has no ceilings."""
    if has_truth(corpus):
        return baselines
    return [b for b in baselines if not any(need.what == "truth" for need in b.needed(b.defaults))]


def _open(
    name: str,
    spec: DatasetSpec | None,
    corpus_seed: int | None,
    options: Options,
    store: Store,
    progress: Callable[[str], Progress],
) -> Corpus:
    """The corpus of a dataset with this seed; an error says which of several corpora it is about."""
    mine = replicate_options(spec, {} if spec is None else options["dataset", spec.name], corpus_seed)
    if corpus_seed is None:
        return open_corpus(name, spec, mine, store, progress(name))
    called = f"{name}, corpus seed {corpus_seed}"
    try:
        return open_corpus(name, spec, mine, store, progress(called))
    except BenchError as error:
        where = f"{called}: {error.where}" if error.where else called
        raise BenchError(error.what, where=where, fix=error.fix) from None


@dataclass(frozen=True)
class _Chosen:
    """The components of a request and their options, encoders under the names of their variants."""

    task: TaskSpec
    baselines: list[BaselineSpec]
    encoders: list[EncoderSpec]
    datasets: dict[str, DatasetSpec | None]
    options: Options
    corpus_seeds: tuple[int | None, ...]


def _chosen(request: RunRequest, registry: Registry) -> _Chosen:
    """Looks up every name, and resolves and checks every option."""
    if not 1 <= request.seeds <= MOST_SEEDS:
        fix = f"1 to {MOST_SEEDS:,}; 5 or more for a test over seeds"
        raise BenchError(f"{request.seeds:,} seeds", where="--seeds", fix=fix)
    numbers = corpus_seeds(request.corpus_seeds)
    task = registry.get("task", request.task)
    named_baselines = _named_baselines(request, registry)
    if not named_baselines:
        raise BenchError(f"no baseline comes with {task.name}", where="--baseline", fix="name one")
    baselines = [registry.get("baseline", name) for name in _distinct(named_baselines)]
    baselines.sort(key=lambda baseline: not baseline.reference)  # stable: references first
    for baseline in baselines:
        if baseline.task != task.name:
            raise BenchError(
                f"{baseline.name} is a baseline of {baseline.task}, not of {task.name}", where="--baseline"
            )
    named = [variant_of(name, registry) for name in _distinct([REFERENCE, *request.encoders])]
    encoders = [spec for spec, _ in named]
    if len(encoders) > 1 and all(baseline.reference for baseline in baselines):
        raise BenchError(
            f"{baselines[0].name} is a reference: it reads no session vector",
            where="--baseline",
            fix=f"name a baseline that encoders can be measured with, or --encoder {REFERENCE}",
        )
    _refuse_trained_along(baselines, encoders, registry)
    datasets = {name: dataset_spec(name, registry) for name in _distinct(request.datasets)}
    for name, spec in datasets.items() if request.corpus_seeds is not None else ():
        check_replicable(name, spec, "--corpus-seeds")
    twice = [spec.name for place, spec in enumerate(encoders) if spec.name in [e.name for e in encoders[:place]]]
    if twice:
        raise BenchError(
            f"two encoders are called {twice[0]!r}", where="--encoder", fix="such as FILE.parquet[name=ours]"
        )
    plain = {spec.name: spec for spec in (plain_of(encoder, registry) for encoder in encoders)}
    specs: list[Spec] = [task, *baselines, *plain.values(), *(spec for spec in datasets.values() if spec is not None)]
    options = resolve_options(specs, request.settings)
    for encoder, changes in named:
        if isinstance(encoder, VectorFileSpec):
            options["encoder", encoder.name] = {"sha256": digest_of(Path(encoder.path))}
        else:
            own = options["encoder", base_of(encoder.name)]
            options["encoder", encoder.name] = variant_options(encoder, changes, own)
    return _Chosen(task, baselines, encoders, datasets, options, numbers)


def _named_baselines(request: RunRequest, registry: Registry) -> list[str]:
    """The names asked for, with ``references`` spelt out; without any, all that come with the task."""
    every = registry.default_baselines(request.task)
    references = [name for name in every if registry.get("baseline", name).reference]
    named = [references if name == REFERENCES else [name] for name in request.baselines]
    return [name for names in named for name in names] or every


def resolve_device(device: str, elsewhere: bool = False) -> str:
    """``cpu`` or ``cuda``; ``auto`` is ``cuda`` where there is one. Only with a driver is torch imported to look.

    ``elsewhere`` says that jobs run on other machines: ``cuda`` is theirs then, and is not looked for here.
    """
    if device == "auto":
        if not Path("/dev/nvidiactl").exists() and not Path("/proc/driver/nvidia").exists():
            return "cpu"
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise BenchError(f"{device!r} is not auto, cpu or cuda", where="--device")
    if device == "cuda" and not elsewhere:
        import torch

        if not torch.cuda.is_available():
            raise BenchError("no GPU that torch can use here", where="--device cuda", fix="--device cpu")
    return device


def _refuse_trained_along(
    baselines: Sequence[BaselineSpec], encoders: Sequence[EncoderSpec], registry: Registry
) -> None:
    """Raises where a baseline that takes finished vectors only would meet an encoder that has to be trained with it."""
    wanting = [baseline.name for baseline in baselines if baseline.needs_frozen]
    trained = [encoder.name for encoder in encoders if not encoder.frozen and encoder.name != REFERENCE]
    if wanting and trained:
        frozen = [name for name in registry.names("encoder") if registry.get("encoder", name).frozen]
        raise BenchError(
            f"{wanting[0]} takes finished session vectors, but {', '.join(trained)} would have to be trained along",
            where="--encoder",
            fix=f"name frozen encoders only: {', '.join(frozen)}",
        )


def _distinct(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))
