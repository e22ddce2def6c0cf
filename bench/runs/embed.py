"""A pretrained encoder, made where it is missing, and its vectors of some queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.claiming import claimed
from bench.data.corpus import Corpus
from bench.data.truth import require_truth
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import Spec
from bench.plugins.variants import base_of, variant_of, variant_options
from bench.plugins.vector_files import VectorFileSpec, is_vector_file
from bench.progress import Progress, note
from bench.runs.corpora import dataset_spec, open_corpus
from bench.runs.engines.engine import Engine
from bench.runs.jobs import Job, plan_encoder
from bench.runs.needs import check_needs
from bench.runs.plan import resolve_device
from bench.runs.store import Record, Store, believed, is_done

if TYPE_CHECKING:
    from bench.contracts import SessionEncoder
    from bench.training.ranks import Ranks

_LARGEST_SEED = 2**63 - 1
"""Of what draws random numbers: NumPy takes none below 0, torch none beyond 64 bits."""


def pretrained(
    encoder: str,
    dataset: str,
    seed: int,
    settings: Sequence[str],
    device: str,
    store: Store,
    progress: Callable[[str], Progress],
    beside: Sequence[str] = (),
    truth: bool = False,
    engine: Engine = Engine(),
    ranks: Ranks | None = None,
) -> tuple[Job, Corpus]:
    """Pretrains an encoder unless that has been done with this very configuration.

    Args:
        encoder, dataset, seed, settings, device: as typed by the user.
        store: where results are, and go.
        progress: from a title to what is called with the progress of that work.
        beside: names of encoders that the settings may be meant for as well.
        truth: whether the corpus must have a known truth.
        engine: the local one stands for this very process.
        ranks: the processes that share the pretraining, all of which call this; rank 0 alone makes and stores.

    Returns:
        the job whose result is in the store, and the corpus.

    Raises:
        BenchError: wrong names or options, a seed that is none, an encoder that isn't frozen, or a failed pretraining.
    """
    if not 0 <= seed <= _LARGEST_SEED:
        raise BenchError(f"{seed} is no seed", where="--seed", fix=f"0 to {_LARGEST_SEED:,}")
    data = dataset_spec(dataset, registry())
    spec, changes = variant_of(encoder, registry())
    if isinstance(spec, VectorFileSpec):
        raise BenchError("its vectors are finished: there is nothing to pretrain or to embed", where=spec.path)
    if not spec.frozen:
        raise BenchError(f"{encoder} is trained with a baseline and has no vectors of its own", where="--encoder")
    plain = registry().get("encoder", base_of(encoder))
    named = [base_of(name) for name in beside if not is_vector_file(name)]
    others = {name: registry().get("encoder", name) for name in named}
    specs: list[Spec] = [*{**others, plain.name: plain}.values(), *([data] if data is not None else [])]
    options = resolve_options(specs, settings)
    options["encoder", spec.name] = variant_options(spec, changes, options["encoder", plain.name])
    data_options = options["dataset", data.name] if data is not None else {}
    made = partial(open_corpus, dataset, data, data_options, store, progress(f"making {dataset}"))
    if ranks is not None:
        ranks.from_first(lambda: made().info.name)  # the others find it made
    corpus = made()
    name = dataset if data is not None else corpus.info.name
    check_needs(corpus, name, [spec], options)
    if truth:
        require_truth(corpus)
    processes = engine.processes if ranks is None else ranks.size
    there = resolve_device(device, engine.elsewhere)
    job = plan_encoder(corpus, name, spec, seed, options, there, processes=processes)
    done = partial(store.is_done, job.kind, job.key)
    if not (done() if ranks is None else ranks.from_first(done)):
        if engine.elsewhere:
            record = _carried_out(job, store, progress(job.title), engine)
        else:
            import torch

            from bench.runs.work import assist, perform
            from bench.training.ranks import ALONE

            torch.set_num_threads(1)  # as in the grid's workers, so that the same key means the same weights
            if ranks is not None and not ranks.first:
                assist(job, store, ranks)
                return job, corpus
            record = _once(job, store, lambda: perform(job, store, progress(job.title), ranks=ranks or ALONE))
        if record["status"] != "done":
            raise BenchError(record["error"], where=job.title, fix=f"bench show {job.key}")
    elif ranks is None or ranks.first:
        store.tidy(job.kind, job.key)
    return job, corpus


def _once(job: Job, store: Store, carry_out: Callable[[], Record]) -> Record:
    """Carries out a job while it is claimed, unless the process that had claimed it before has done it; its record."""
    with claimed(store.claim(job.kind, job.key), lambda holder: note(f"waiting for {holder}: {job.title}")):
        store.sweep()
        there = store.read(job.kind, job.key)
        record = there if there is not None and is_done(there) else carry_out()
    store.drop_claims()
    return record


def _carried_out(job: Job, store: Store, progress: Progress, engine: Engine) -> Record:
    """Carries out one job on an engine; returns its record."""
    if engine.processes > 1:
        from bench.runs.engines.ray.together import pretrain_together

        together = partial(pretrain_together, job, store, engine.processes, progress, engine.address)
        return _once(job, store, together)
    percent = 100

    def watch(job: Job, part: float, record: Record | None) -> None:
        progress(int(percent * part), percent)

    engine.run_jobs([job], store, 1, watch)
    return store.read(job.kind, job.key) or {"status": "failed", "error": "no result was stored"}


def opened_corpus(dataset: str, settings: Sequence[str], store: Store, progress: Progress) -> Corpus:
    """The corpus of a dataset with these settings, made first where it is missing; or that of the folder ``dataset``.

    Raises:
        BenchError: no such dataset or option, or files that only the user can provide.
    """
    spec = dataset_spec(dataset, registry())
    options = resolve_options([spec] if spec is not None else [], settings)
    return open_corpus(dataset, spec, options["dataset", spec.name] if spec is not None else {}, store, progress)


def stored_encoder(folder: Path) -> SessionEncoder:
    """The pretrained encoder that stands in a folder of the store, in evaluation mode.

    Raises:
        BenchError: it is damaged, its pretraining failed, or the corpus that says how wide its inputs are is gone.
    """
    from bench.data.features import Features
    from bench.runs.work import load_encoder

    record, damage = believed(folder, "encoders")
    if damage:
        raise BenchError(damage, where=str(folder), fix="pretrain it again: bench pretrain sets the damaged one aside")
    if record["status"] != "done":
        raise BenchError(f"its pretraining failed: {record['error']}", where=str(folder))
    dims = Features.of(Corpus(record["provenance"]["corpus_folder"])).dims
    return load_encoder(record["config"], dims, folder / "encoder.safetensors")
