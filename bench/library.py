"""The harness as a library: what ``bench run``, ``score``, ``data make`` and ``pretrain`` do, as functions.

Results, corpora and encoders are kept in the same folder under the same keys, so that a notebook and the command line
find each other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.evaluation.contrasts import Contrast, contrasts
from bench.evaluation.summary import SummaryRow, results_of, summarise
from bench.files import is_there
from bench.plugins.registry import registry
from bench.plugins.specs import REFERENCE
from bench.progress import silent
from bench.runs.engines.dealing import Watcher
from bench.runs.plan import Plan, RunRequest, make_plan, missing_jobs
from bench.runs.running import Running
from bench.runs.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from bench.contracts import SessionEncoder
    from bench.reports.table import Table

Names = str | Iterable[str]
"""One name, or several."""

Settings = Mapping[str, object] | Sequence[str]
"""Options by ``key`` or ``component.key``: ``{"epochs": 2}``, or as they are typed: ``["epochs=2"]``."""


@dataclass(frozen=True)
class RunResult:
    """What a run found.

    Attributes:
        rows: one per dataset, baseline, encoder and metric, as in ``bench run --json``.
        plan: its cells, corpora and primary metric.
        store: where the cells are; ``bench show KEY`` says how one came about.
        warnings: what must be known about the numbers.
    """

    rows: tuple[SummaryRow, ...]
    plan: Plan
    store: Store
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every cell has a number."""
        return all(row.status == "done" for row in self.rows)

    def table(self) -> str:
        """The tables of ``bench run`` as Markdown."""
        from bench.reports.run_table import markdown_run

        return markdown_run(self.rows, self.plan.corpora, self.plan.primary)

    def to_pandas(self) -> pd.DataFrame:
        """The rows, with the columns of ``bench run --json``."""
        import pandas as pd

        return pd.DataFrame([row.as_dict() for row in self.rows])

    def to_html(self, file: str | Path) -> Path:
        """Writes the report of ``bench report``: one HTML file that opens without network.

        Args:
            file: replaced where it exists.

        Raises:
            BenchError: the packages of the extra ``report`` are not installed.
        """
        from bench.reports.html.page import require_report, write_report

        require_report("RunResult.to_html")
        from bench.reports.html.subject import subject_of_plan

        write_report(Path(file), subject_of_plan(self.plan, self.store))
        return Path(file)

    def differences(self) -> tuple[Contrast, ...]:
        """Every tested contrast: two encoders, their difference, its interval, p, and what may be said of it."""
        return tuple(contrasts(self.rows))

    def __str__(self) -> str:
        return self.table()

    def _repr_markdown_(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from bench.reports.run_table import html_run

        return html_run(self.rows, self.plan.corpora, self.plan.primary)


def run(
    task: str,
    encoder: Names,
    baseline: Names = (),
    dataset: Names | Path = "beauty",
    *,
    seeds: int = 5,
    corpus_seeds: int | None = None,
    settings: Settings = (),
    device: str = "auto",
    jobs: int | None = None,
    cell_timeout: float | None = None,
    cell_memory: str | None = None,
    out: str | Path = "runs",
    watch: Watcher | None = None,
    engine: str = "local",
    address: str | None = None,
    gpu_share: float = 1.0,
    store: str | None = None,
) -> RunResult:
    """Measures encoders: every baseline of a task with every encoder, over several seeds.

    Finished cells are kept in ``out``; running the same again does no work. In a script, call it under
    ``if __name__ == "__main__"``: cells run in processes of their own, which import the script.

    Args:
        task: its name.
        encoder: names, variants such as ``muvcog-m[negatives=random]``, or files of finished vectors such as
            ``vectors.parquet[name=ours]``; ``vanilla`` is added.
        baseline: names; without any, all that come with the task.
        dataset: names, or folders of corpora.
        seeds: how many; with ``corpus_seeds`` that many for each corpus, where one will do.
        corpus_seeds: make each dataset, which must be simulated, with seeds 1 … corpus_seeds, and take the corpora as
            replicates: for claims about the simulated world, which users of one corpus know nothing of.
        settings: options of components.
        device: ``auto``, ``cpu`` or ``cuda``.
        jobs: processes at once; one per processor by default.
        cell_timeout: seconds after which a cell or a pretraining is ended, and has failed.
        cell_memory: such as ``4GB``; a cell or a pretraining that takes more is ended, and has failed.
        out: folder of corpora, encoders and results.
        watch: is told of every job as it proceeds.
        engine: ``local``, or ``ray`` for a cluster.
        address: of the Ray cluster; without one, one is started on this machine.
        gpu_share: of a GPU, for each job on Ray that computes on one.
        store: URL where results are kept, too, such as ``s3://bucket/runs``.

    Raises:
        BenchError: a name, an option or a corpus is wrong; nothing has been run then. A cell that fails is a row whose
            ``status`` says so.
    """
    running = Running.of(engine, address, gpu_share, store, jobs, cell_timeout, cell_memory, "cell_memory")
    kept = Store(Path(out))
    datasets = [str(dataset)] if isinstance(dataset, str | Path) else list(dataset)
    request = RunRequest(
        task,
        _names(encoder),
        _names(baseline),
        datasets,
        seeds,
        _typed(settings),
        device,
        corpus_seeds,
        running.engine.elsewhere,
    )
    plan = make_plan(request, registry(), kept)
    running.bring(plan.jobs, kept)
    missing = missing_jobs(plan.jobs, kept)
    running.carry_out(missing, kept, watch or _unwatched)
    results = results_of(plan.cells, kept)
    rows = summarise(results, plan.primary, REFERENCE, frozenset(job.key for job in missing), plan.corpora)
    return RunResult(tuple(rows), plan, kept, tuple(results.warnings()))


@dataclass(frozen=True)
class ScoreResult:
    """What stored predictions say when they are asked something else.

    Attributes:
        rows: one per slice, system and metric, as in ``bench score --json``.
        tables: the same for people.
        warnings: what must be known about the numbers.
    """

    rows: tuple[dict[str, Any], ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every row has a number."""
        return all(row["status"] == "done" for row in self.rows)

    def table(self) -> str:
        """The tables of ``bench score`` as Markdown."""
        from bench.reports.writers import markdown

        return markdown(self.tables)

    def to_pandas(self) -> pd.DataFrame:
        """The rows, with the columns of ``bench score --json``."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def __str__(self) -> str:
        return self.table()

    def _repr_markdown_(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from bench.reports.writers import html_fragment

        return html_fragment(self.tables)


def score(
    result: RunResult,
    metric: Names = (),
    slices: Names = (),
) -> ScoreResult:
    """Other metrics, cut-offs and slices of a run, from its stored predictions; nothing is trained.

    Args:
        result: of :func:`run`, which does no work where the cells are there.
        metric: names such as ``nDCG@5``, ``MAP``, ``AUC``, or the task's own; by default its primary one.
        slices: names such as ``product-turns`` or ``long-sessions[steps=8]``, beside the whole test split.

    Raises:
        BenchError: no metric or slice is called so, or the stored predictions do not tell it.
    """
    from bench.evaluation.rescored import rescore
    from bench.reports.score_table import score_tables

    source = results_of(result.plan.cells, result.store)
    tables = score_tables(rescore(source, _names(metric), _names(slices), registry()))
    rows = tuple(row for table in tables for row in table.rows)
    return ScoreResult(rows, tuple(tables), tuple(source.warnings()))


def load_corpus(dataset: str | Path, *, out: str | Path = "runs", **options: object) -> Corpus:
    """The corpus of a dataset, made first where it is missing, or the one in a folder.

    Args:
        dataset: a name, or the folder of a corpus.
        out: where corpora are kept.
        options: of the dataset.

    Raises:
        BenchError: no such dataset or option, or files that only the user can provide.
    """
    from bench.runs.embed import opened_corpus

    return opened_corpus(str(dataset), _typed(options), Store(Path(out)), silent)


def load_encoder(
    encoder: str | Path,
    dataset: str | Path | None = None,
    *,
    seed: int = 0,
    settings: Settings = (),
    device: str = "cpu",
    out: str | Path = "runs",
) -> SessionEncoder:
    """A pretrained encoder with frozen weights, in evaluation mode.

    Args:
        encoder: with ``dataset``, the name of a frozen encoder, pretrained on it first where that has not been done;
            else the key (or its beginning) or the folder of a stored one, as ``bench pretrain`` prints it; or a file
            of ``bench export``, which needs no store and no corpus and gives an :class:`bench.ExportedEncoder`.
        dataset: a name, or the folder of a corpus.
        seed: of the pretraining.
        settings: options of encoder and dataset.
        device: ``auto``, ``cpu`` or ``cuda``: of the pretraining, and where the encoder is put.
        out: where encoders and corpora are kept.

    Raises:
        BenchError: no such name, option or key, an encoder that isn't frozen, or a failed pretraining.
    """
    from bench.runs.embed import pretrained, stored_encoder
    from bench.runs.plan import resolve_device

    store, device = Store(Path(out)), resolve_device(device)
    if dataset is None:
        if settings:
            raise BenchError("a stored encoder has its options already", where="settings", fix="name a dataset, too")
        if str(encoder).endswith(".safetensors"):
            from bench.serving.encoder_file import read_encoder_file

            return read_encoder_file(encoder).to(device)
        folder = _stored(str(encoder), store)
    else:
        job, _ = pretrained(str(encoder), str(dataset), seed, _typed(settings), device, store, lambda _: silent)
        folder = store.folder(job.kind, job.key)
    return stored_encoder(folder).to(device).requires_grad_(False)


def _stored(key: str, store: Store) -> Path:
    """The folder of a stored encoder, from itself or from the beginning of its key."""
    if is_there(Path(key, "encoder.safetensors")):
        return Path(key)
    kept = store.root / "encoders"
    found = [path for path in sorted(kept.glob("*")) if path.name.startswith(key) and "." not in path.name]
    if len(found) != 1:
        what = f"{len(found)} stored encoders begin like {key!r}" if found else f"no stored encoder is called {key!r}"
        raise BenchError(what, where=str(kept), fix="give more of the key, or a dataset to pretrain on")
    return found[0]


def _names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _typed(settings: Settings) -> list[str]:
    """Settings as they are typed after ``--set``."""
    if not isinstance(settings, Mapping):
        return list(settings)
    return [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in settings.items()]


def _unwatched(job: Any, part: float, record: Any) -> None:
    """Tells nobody."""
