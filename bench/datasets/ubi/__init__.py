"""User Behavior Insights: the queries and events that OpenSearch, Elasticsearch and Solr shops log, as a corpus.

Source: the schemas of UBI 1.3.0 (github o19s/ubi). Importing this package is cheap: its options serve the list of
datasets; DuckDB comes with ``make``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from bench.datasets.ingest.options import SessionOptions
from bench.plugins.constraints import Matching

if TYPE_CHECKING:
    from bench.datasets.ingest import IngestReport


@dataclass(frozen=True)
class UbiOptions(SessionOptions):
    """Options of ``ubi``: those of every log, and how UBI's free fields are read.

    Attributes:
        keep_text_only: keep sessions without an image query, which the paper drops; nearly all of UBI's are such.
        application: whose queries and events are read; several with commas between them, or ``all``. Needed where the
            log has more than one.
        impressions: names of the actions that are impressions, with commas between them.
        clicks: names of the actions that are clicks.
        query_messages: message types whose message is the words of a query; read only for a query whose words stand
            nowhere else. No other message is ever read. Empty for none.
        product_query_key: the key of ``query_attributes`` that holds the product or image which a query began from;
            a dot goes one level down.
        as_you_type: what becomes of a query that the same user typed on within seconds (``go`` before ``gold``), and
            that has no click: ``keep`` counts it, since a reader leaves out nothing unasked; ``merge`` leaves it out.
        user_ids: ``hashed`` puts a hash in the place of user and client ids, ``as-logged`` keeps them.
        items: the catalogue, a file or folder: an index export with ``_id`` and ``_source``, or plain columns. Without
            it, titles are the descriptions that events have of objects.
        item_id: the catalogue's field that object ids are found in; empty for the one that most are found in.
        item_title: the catalogue's field with the title; empty for ``title``, ``name`` or their like.
        item_category: the catalogue's field with the category; empty for ``category`` or its like.
        images: a Parquet file with the vectors of images, ``image_id`` (or an item's id) and ``vector``.
        memory_limit: that DuckDB may use before it goes to disk.
    """

    keep_text_only: bool = True
    application: str = ""
    impressions: str = "impression"
    clicks: str = "click,item_click"
    query_messages: str = "QUERY"
    product_query_key: str = ""
    as_you_type: Literal["keep", "merge"] = "keep"
    user_ids: Literal["hashed", "as-logged"] = "hashed"
    items: str = ""
    item_id: str = ""
    item_title: str = ""
    item_category: str = ""
    images: str = ""
    memory_limit: Annotated[str, Matching(r"[1-9]\d*(\.\d+)?\s?[KMGT]i?B", "2GB")] = "2GB"


def make(
    folder: str | Path,
    *,
    name: str,
    source: str | Path,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> IngestReport:
    """Writes the corpus of a UBI log.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name.
        source: a file of the log, a folder with its files, or the address of a file.
        progress: called with ``(stages done, stages in all)``.
        options: see :class:`UbiOptions`.

    Returns:
        what was read, kept and dropped, also in ``corpus.toml`` under ``source.report``.

    Raises:
        BenchError: names every kind of fault of the log, with the number of rows and an example.
    """
    from bench.datasets.ubi.build import build
    from bench.plugins.options import read_options

    return build(Path(folder), name, source, read_options(UbiOptions, options), progress)
