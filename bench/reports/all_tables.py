"""All tables of an experiment, and the folder that they are written to with their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.evaluation.tests import Results
from bench.files import files_written_whole
from bench.printable import file_name, markdown_text
from bench.reports.against_paper import ordering_table, published_table
from bench.reports.dataset_table import dataset_table
from bench.reports.differences import difference_table
from bench.reports.main_table import main_table
from bench.reports.record import provenance_of, write_json
from bench.reports.table import Table
from bench.reports.writers import WRITERS


def all_tables(results: Results, with_datasets: bool = True) -> list[Table]:
    """Table 1, then for every part its main table, differences, published numbers and published orderings."""
    tables = [dataset_table(results.experiment, results.corpora)] if with_datasets else []
    for part in results.experiment.parts:
        tables.append(main_table(results, part))
        tables += [
            table
            for make in (difference_table, published_table, ordering_table)
            if (table := make(results, part)) is not None
        ]
    return tables


def write_tables(
    folder: Path, tables: Sequence[Table], formats: Sequence[str], results: Results, command: Sequence[str]
) -> None:
    """Writes ``ID.ENDING`` for every table and format, ``tables.md`` with all of them, and ``provenance.json``.

    Args:
        folder: made where it is missing; files of the same names are replaced, others stay.
        tables: the tables.
        formats: endings, of :data:`bench.reports.writers.WRITERS`.
        results: the results that they show.
        command: the command that was typed, without ``bench``.
    """
    with files_written_whole(folder) as writing:
        _write(writing, tables, formats, results, command)


def _write(
    writing: Path, tables: Sequence[Table], formats: Sequence[str], results: Results, command: Sequence[str]
) -> None:
    experiment = results.experiment
    for ending in formats:
        for table in tables:
            (writing / f"{file_name(table.id)}.{ending}").write_text(WRITERS[ending]([table]), encoding="utf-8")
    cells = list({cell.key: cell for planned in results.cells.values() for cell in planned}.values())
    provenance = provenance_of(command, cells, results.corpora, results.store)
    about = {
        "name": experiment.name,
        "title": experiment.title,
        "seeds": experiment.seeds,
        "corpus_seeds": experiment.corpus_seeds,
        "settings": list(experiment.settings),
        "source": experiment.source,
        "parts": {part.id: [cell.key for cell in results.cells[part.id]] for part in experiment.parts},
    }
    write_json(writing / "provenance.json", {**provenance, "experiment": about, "warnings": results.warnings()})
    lines = [f"# {markdown_text(experiment.title)}", f"`{provenance['command']}`"]
    lines.append(f"Computed at commit {', '.join(map(str, provenance['commits']))}; see `provenance.json`.")
    text = "\n\n".join([*lines, WRITERS["md"](tables).rstrip("\n"), *map(markdown_text, results.warnings())]) + "\n"
    (writing / "tables.md").write_text(text, encoding="utf-8")
