"""The figures of an experiment, drawn from the results in a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.data.corpus import Corpus
from bench.evaluation.costs import costs
from bench.evaluation.experiment import Part
from bench.evaluation.grid import ExperimentPlan
from bench.evaluation.tests import Results
from bench.figures.bars import bars_of, draw_bars
from bench.figures.captions import dataset_label, provenance_lines
from bench.figures.cost import draw_cost
from bench.figures.curves import draw_curves
from bench.figures.drawing import Drawing
from bench.figures.forest import draw_forest
from bench.figures.learning import draw_learning
from bench.figures.ranks import draw_ranks
from bench.paper.cells_drawn import learning_curves, ranks_of
from bench.paper.characteristics import draw_characteristics
from bench.paper.figure_list import (
    CASE,
    CASE_BASELINE,
    CASE_ENCODERS,
    CHARACTERISTICS,
    COST,
    CURVES,
    DELTAS,
    LEARNING,
    SESSION,
    case_part,
)
from bench.plugins.specs import REFERENCE
from bench.progress import Progress, silent
from bench.reports.record import pretraining_curves
from bench.runs.jobs import Cell
from bench.runs.store import Store


@dataclass(frozen=True)
class Missing:
    """A figure that cannot be drawn yet, since none of its results is there.

    Attributes:
        id: the figure's id.
        experiment: the name or file of its experiment.
        part: the part of the experiment whose results it draws; empty where it draws all of them.
    """

    id: str
    experiment: str
    part: str = ""

    @property
    def reason(self) -> str:
        """What it lacks, and the command that computes it."""
        more = f" --part {self.part}" if self.part else ""
        return f"none of its results is there yet (bench tables {self.experiment}{more})"


def left_out(figures: Sequence[Missing]) -> str:
    """The line that says which figures of an experiment were not drawn, and why."""
    if len(figures) == 1:
        return f"{figures[0].id} is left out: {figures[0].reason}"
    names = f"{', '.join(figure.id for figure in figures[:-1])} and {figures[-1].id}"
    return f"{names} are left out: none of their results is there yet (bench tables {figures[0].experiment})"


class ExperimentFigures:
    """Draws an experiment's figures.

    Args:
        plan: the experiment's plan.
        store: where the results are. No cell is run; only Figure 6 may train encoders, and stores them.
        command: the command that draws the figures again, for the captions, without ``bench``.
        progress: from a training's title to what is called with its progress.
    """

    def __init__(
        self,
        plan: ExperimentPlan,
        store: Store,
        command: Sequence[str],
        progress: Callable[[str], Progress] = lambda _: silent,
    ) -> None:
        self.experiment, self.plan, self.store = plan.experiment, plan, store
        self.command, self.progress = command, progress

    @cached_property
    def results(self) -> Results:
        """The results that the store has."""
        return self.plan.results(self.store)

    def draw(self, id: str, train: bool) -> tuple[Drawing, tuple[str, ...]] | Missing:
        """A figure and the provenance at the end of its caption.

        Args:
            id: one of :func:`bench.paper.figure_list.figure_ids`.
            train: whether Figure 6 may train the encoders that it lacks, which takes minutes.
        """
        special: dict[str, Callable[[], _Drawn | Missing]] = {
            CHARACTERISTICS: self._characteristics,
            DELTAS: self._deltas,
            COST: self._cost,
            CURVES: self._curves,
            LEARNING: self._learning,
            CASE: lambda: self._case(train),
            SESSION: self._session,
        }
        drawn = special[id]() if id in special else self._bars(self.experiment.part(id))
        if isinstance(drawn, Missing):
            return drawn
        drawing, corpora, seeds, records = drawn
        design = self.experiment.design if self.experiment.corpus_seeds is not None and len(seeds) > 1 else ""
        return drawing, provenance_lines(corpora, seeds, self.command, records, design)

    def _characteristics(self) -> _Drawn | Missing:
        return draw_characteristics(self.plan.corpora, self._names), self.plan.corpora, (), ()

    def _bars(self, part: Part) -> _Drawn | Missing:
        bars = bars_of(self.results, part)
        cells = self.plan.cells[part.id]
        if all(bar.mean is None for bar in bars):
            return self._missing(part.id, part)
        number = part.id.removeprefix("figure")
        title = f"Figure {number}. {part.title}" if number.isdigit() else part.title
        drawing = draw_bars(bars, part.id, title, part.metrics[0], self._names)
        return drawing, self._corpora(cells), self._seeds, self._records(cells)

    def _deltas(self) -> _Drawn | Missing:
        outcomes = self.results.outcomes()
        groups = {self._short_title(part): outcomes.get(f"{part.id} primary", []) for part in self.experiment.parts}
        groups = {title: part for title, part in groups.items() if any(o.difference is not None for o in part)}
        if not groups:
            return self._missing(DELTAS)
        cells = self.plan.all_cells
        return draw_forest(groups, self._names, DELTAS), self._corpora(cells), self._seeds, self._records(cells)

    def _curves(self) -> _Drawn | Missing:
        curves = pretraining_curves(self.plan.all_cells, self.store)
        if curves.empty:
            return self._missing(CURVES)
        cells = [cell for cell in self.plan.all_cells if len(cell.jobs) > 1]
        corpora = {name: corpus for name, corpus in self._corpora(cells).items() if name in set(curves["dataset"])}
        return draw_curves(curves, self._names), corpora, self._seeds, self._records(cells)

    def _cost(self) -> _Drawn | Missing:
        points = costs(self.results, self.experiment.parts, self.plan.cells, self.store)
        if points.empty:
            return self._missing(COST)
        cells = self.plan.all_cells
        return draw_cost(points, self._names), self._corpora(cells), self._seeds, self._records(cells)

    def _learning(self) -> _Drawn | Missing:
        curves = learning_curves(self.plan.all_cells, self.store)
        if curves.empty:
            return self._missing(LEARNING)
        drawn = set(curves["dataset"])
        cells = [cell for cell in self.plan.all_cells if cell.dataset in drawn]
        return draw_learning(curves, self._names), self._corpora(cells), self._seeds, self._records(cells)

    def _session(self) -> _Drawn | Missing:
        part, baseline, cells = self._case_cells(REFERENCE, *CASE_ENCODERS)
        if not cells or not all(self.store.is_done(cell.jobs[-1].kind, cell.jobs[-1].key) for cell in cells):
            return self._missing(SESSION, part)
        from bench.paper.case import candidate_pictures, choose_case, describe_steps, pictures_of, step_images

        dataset = part.datasets[0]
        corpus = self.plan.corpora[dataset]
        case = choose_case(corpus)
        ranks = ranks_of(case, corpus, cells, self._names, self.store)
        if ranks.empty:
            return self._missing(SESSION, part)
        steps, name = describe_steps(corpus, case.query), self._names.get(baseline, baseline)
        drawing = draw_ranks(
            ranks,
            steps,
            self._dataset(dataset),
            name,
            case.rule,
            pictures_of(corpus, step_images(corpus, case.query)),
            candidate_pictures(corpus, case.query),
        )
        return drawing, {dataset: corpus}, (0,), self._records(cells)

    def _case_cells(self, *encoders: str) -> tuple[Part, str, list[Cell]]:
        """The part whose cells Figure 6 shows, its baseline, and the first seed's cells of that with these encoders."""
        part = case_part(self.experiment)
        assert part is not None  # figure_ids lists Figure 6 only where there is one
        cells = [cell for cell in self.plan.cells[part.id] if (cell.dataset, cell.seed) == (part.datasets[0], 0)]
        baselines = [cell.baseline for cell in cells if cell.encoder in CASE_ENCODERS]  # references have no encoder
        baseline = CASE_BASELINE if CASE_BASELINE in baselines else next(iter(baselines), "")
        return part, baseline, [cell for cell in cells if cell.baseline == baseline and cell.encoder in encoders]

    def _case(self, train: bool) -> _Drawn | Missing:
        part, baseline, cells = self._case_cells(*CASE_ENCODERS)
        if not cells:
            return self._missing(CASE, part)
        if not train and not all(self.store.is_done(cell.jobs[0].kind, cell.jobs[0].key) for cell in cells):
            return self._missing(CASE, part)
        dataset = part.datasets[0]
        from bench.paper.case import choose_case, describe_steps, pictures_of, step_images
        from bench.paper.case_study import draw_case
        from bench.paper.nearness import measure_nearness
        from bench.paper.trained import trained_encoder
        from bench.training.context import TrainingContext

        corpus = self.plan.corpora[dataset]
        case, nearness, records = choose_case(corpus), {}, []
        for cell in cells:
            context = TrainingContext(corpus, cell.seed)
            encoder, record = trained_encoder(cell, self.store, context, self.progress(cell.jobs[0].title))
            nearness[self._names.get(cell.encoder, cell.encoder)] = measure_nearness(encoder, case, context)
            records.append(record)
        steps, pictures = describe_steps(corpus, case.query), pictures_of(corpus, step_images(corpus, case.query))
        drawing = draw_case(case, steps, self._dataset(dataset), nearness, baseline, pictures=pictures)
        return drawing, {dataset: corpus}, (0,), records

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """The printed names of encoders, baselines, metrics and datasets; simulated datasets say so."""
        return {**self.experiment.labels, **{name: self._dataset(name) for name in self.plan.corpora}}

    def _dataset(self, name: str) -> str:
        return dataset_label(self.experiment.label(name), self.plan.corpora[name])

    def _short_title(self, part: Part) -> str:
        kind = part.id.rstrip("0123456789")
        return f"{kind.capitalize()} {part.id[len(kind) :]}" if kind in ("table", "figure") else part.title

    @property
    def _seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(sorted(cell.seed for cell in self.plan.all_cells)))

    def _corpora(self, cells: Sequence[Cell]) -> dict[str, Corpus]:
        return {cell.dataset: self.plan.corpora[cell.dataset] for cell in cells}

    def _records(self, cells: Sequence[Cell]) -> list[dict[str, Any]]:
        jobs = {(cell.jobs[-1].kind, cell.jobs[-1].key) for cell in cells}
        return [record for job in sorted(jobs) if (record := self.store.read(*job)) is not None]

    def _missing(self, id: str, part: Part | None = None) -> Missing:
        return Missing(id, self.command[1], part.id if part else "")


_Drawn = tuple[Drawing, Mapping[str, Corpus], Sequence[int], Sequence[Mapping[str, Any]]]
"""A drawing, the corpora and seeds that it is about, and the records behind it."""
