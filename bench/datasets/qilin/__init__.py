"""Qilin: searches in an app of notes with pictures, their lists and clicks, text in Chinese.

Source: Chen et al., "Qilin: A Multimodal Information Retrieval Dataset with APP-level User Sessions", SIGIR 2025
(arXiv 2503.00501), Parquet folders ``search_train``, ``search_test`` and ``notes``. Importing this package is cheap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from bench.datasets.ingest.options import SessionOptions, TimeUnit
from bench.plugins.constraints import Between, Matching
from bench.plugins.options import read_options
from bench.progress import Progress

if TYPE_CHECKING:
    from bench.datasets.ingest.report import IngestReport


@dataclass(frozen=True)
class QilinOptions(SessionOptions):
    """Options of ``qilin``.

    Attributes:
        keep_text_only: keep sessions without an image query: by default no search counts as one.
        words: ``bigrams`` of neighbouring Chinese characters, or those of the segmenter ``jieba`` (extra ``chinese``);
            runs of letters and digits are words in both.
        content: read words of a note's content beside those of its title.
        taxonomy: level of the taxonomy that is an item's category.
        image: which of a note's images is its own, from 1.
        vectors: Parquet file of image vectors (image_id or id, vector), such as ``bench data images`` writes; the ids
            are the paths in ``image_path``. Without it the corpus has no images.
        product_types: values of query_from_type, with commas between them, of searches that are product queries: they
            began from a note and not with typed words. The release says only that the column is where a query came
            from, so that by default all are keyword queries.
        product_note: which of the recently clicked notes a product query began from, whose image becomes the query's;
            the release does not say in which order they stand.
        own_split: keep the released test part; validation sessions are ``valid_share`` of the others. Otherwise
            sessions of both parts are split here.
        time_unit: of the times; ``auto`` takes the unit that puts them between 1990 and next year.
    """

    keep_text_only: bool = True
    words: Literal["bigrams", "jieba"] = "bigrams"
    content: bool = False
    taxonomy: Annotated[int, Between(1, 3)] = 1
    image: Annotated[int, Between(1, 1_000)] = 1
    vectors: str = ""
    product_types: Annotated[str, Matching(r"(-?\d+(,-?\d+)*)?", "3,5")] = ""
    product_note: Literal["none", "first", "last"] = "none"
    own_split: bool = True
    time_unit: TimeUnit = "auto"


def make(
    folder: str | Path, *, name: str, source: str | Path, progress: Progress | None = None, **options: Any
) -> IngestReport:
    """Writes the corpus of :mod:`bench.datasets.qilin.build` to ``folder``.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name.
        source: the folder that has ``search_train``, ``search_test`` and ``notes`` in it.
        progress: called with ``(stages done, stages in all)``.
        options: see :class:`QilinOptions`.

    Returns:
        the report, which corpus.toml keeps under ``source.report``.

    Raises:
        BenchError: a file, a column or a value is missing or wrong, or an option is out of range.
    """
    from bench.datasets.qilin.build import build

    return build(Path(folder), name, source, read_options(QilinOptions, options, "qilin"), progress)
