"""Coveo: searches and clicks of a shop, whose texts and images are known as vectors only.

Source: Tagliabue et al., "SIGIR 2021 E-Commerce Workshop Data Challenge", SIGIR eCom 2021 (arXiv 2104.09423), github
coveooss/SIGIR-ecom-data-challenge; the three CSVs of its training part. Importing this package is cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from bench.datasets.ingest.options import SessionOptions
from bench.plugins.constraints import Between
from bench.plugins.options import read_options
from bench.progress import Progress

if TYPE_CHECKING:
    from bench.datasets.ingest.report import IngestReport


@dataclass(frozen=True)
class CoveoOptions(SessionOptions):
    """Options of ``coveo``.

    Attributes:
        keep_text_only: keep sessions without an image query: by default no search counts as one.
        category_level: levels of a category's path that count; a shorter path counts as it is, and 0 takes the whole.
        views: what a detail view of a product is, in sessions that have a search. ``none``: nothing, since nobody asked
            for anything. ``product``: a product query with the product's description and image that shows nothing,
            which gives encoders more of a session to read than a search log has.
    """

    keep_text_only: bool = True
    category_level: Annotated[int, Between(0, 100)] = 1
    views: Literal["none", "product"] = "none"


def make(
    folder: str | Path, *, name: str, source: str | Path, progress: Progress | None = None, **options: Any
) -> IngestReport:
    """Writes the corpus of :mod:`bench.datasets.coveo.build` to ``folder``.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name.
        source: the folder that has the CSVs in it, or in its folder ``train``.
        progress: called with ``(stages done, stages in all)``.
        options: see :class:`CoveoOptions`.

    Returns:
        the report, which corpus.toml keeps under ``source.report``.

    Raises:
        BenchError: a file, a column or a value is missing or wrong, or an option is out of range.
    """
    from bench.datasets.coveo.build import build

    return build(Path(folder), name, source, read_options(CoveoOptions, options, "coveo"), progress)
