"""What an experiment file says, as checked values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.stats.family import Family


@dataclass(frozen=True)
class Part:
    """One grid of cells: every baseline with every encoder on every dataset, all seeds.

    Attributes:
        id: for ``--part`` and file names, such as ``table2``.
        title: of the table.
        task: its task.
        datasets, baselines, encoders: names, in the order of the table; encoders may be variants
            (``muvcog-m[negatives=random]``).
        metrics: columns, the primary one first.
        settings: ``KEY=VALUE`` lines as of ``--set``, for this part.
        layout: the table's or figure's form: ``table2``, ``table3``, ``table4``, ``bars`` or ``plain``.
        controls: those of the encoders that the source does not have; they stand below its own rows.
        columns: the same metrics in the order in which the table has them; as ``metrics`` when empty.
        groups: of encoders, such as ``No`` and ``Yes`` for image queries in Table 3; empty for none.
        vector_files: what stands in the file, by the name in ``encoders``, for finished vectors: ``ours`` was written
            ``ours.parquet[name=ours]``.
    """

    id: str
    title: str
    task: str
    datasets: tuple[str, ...]
    baselines: tuple[str, ...]
    encoders: tuple[str, ...]
    metrics: tuple[str, ...]
    settings: tuple[str, ...] = ()
    layout: str = "plain"
    controls: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    vector_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def typed_encoders(self) -> tuple[str, ...]:
        """The encoders as a user types them."""
        return tuple(self.vector_files.get(name, name) for name in self.encoders)


@dataclass(frozen=True)
class PublishedNumber:
    """A number that the paper prints.

    Attributes:
        part: id of the part whose cell it stands beside.
        where: page and table, for people.
        dataset, baseline, encoder, metric: the cell.
        value: as printed.
    """

    part: str
    where: str
    dataset: str
    baseline: str
    encoder: str
    metric: str
    value: float


@dataclass(frozen=True)
class PublishedOrdering:
    """An ordering that a figure of the paper shows without printing numbers.

    Attributes:
        part: id of the part that it is about.
        where: page and figure.
        encoders: from the lowest to the highest.
    """

    part: str
    where: str
    encoders: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """A checked experiment file.

    Attributes:
        name: of the file.
        title: one line.
        seeds: number of seeds, 0 … seeds - 1; of each corpus, where these are replicates.
        settings: ``KEY=VALUE`` lines for all parts that have the component, such as sizes of datasets.
        parts: in the order of the tables.
        families: declared hypotheses; those of claims carry the claim. Every part has two more, ``PART primary`` and
            ``PART secondary``: the protocol's.
        numbers, orderings: published.
        source: citation of the published ones.
        champion: the encoder that is compared with the strongest other one.
        claims: what each claim says, such as ``C1``.
        family_parts: id of the part that each family is about, by the family's name.
        labels: how tables print a name, where not as it is.
        corpus_seeds: number of corpora of each dataset, which are the replicates; None where there is one.
    """

    name: str
    title: str
    seeds: int
    parts: tuple[Part, ...]
    settings: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    numbers: tuple[PublishedNumber, ...] = ()
    orderings: tuple[PublishedOrdering, ...] = field(default=())
    source: str = ""
    champion: str = "muvcog-m"
    claims: Mapping[str, str] = field(default_factory=dict)
    family_parts: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    corpus_seeds: int | None = None

    @property
    def models(self) -> int:
        """Trained models of a system on a dataset: one for each seed of each corpus."""
        return self.seeds * (self.corpus_seeds or 1)

    @property
    def design(self) -> str:
        """``5 seeds``, or ``5 corpora × 2 seeds``."""
        return written_design(self.corpus_seeds, self.seeds)

    def part(self, name: str) -> Part:
        """The part with this id."""
        return next(part for part in self.parts if part.id == name)

    def label(self, name: str) -> str:
        """How tables print an encoder, baseline, dataset or metric."""
        return self.labels.get(name, name)


def written_design(corpora: int | None, seeds: int) -> str:
    """``5 seeds``, or ``5 corpora × 1 seed`` where corpora are the replicates, with seeds of their own."""
    words = f"{seeds} seed{'s' * (seeds != 1)}"
    return words if corpora is None else f"{corpora} corpora × {words}"
