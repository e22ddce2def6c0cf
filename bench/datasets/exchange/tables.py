"""A corpus from tables in memory: pandas, Arrow or Hugging Face, by the very code that reads event logs from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.data.checksums import sha256_of
from bench.data.corpus import Corpus
from bench.datasets.ingest import Conversion, IngestOptions, ingest
from bench.errors import BenchError
from bench.files import scratch


@runtime_checkable
class HuggingFaceDataset(Protocol):
    """What is asked of a ``datasets.Dataset``, which need not be installed."""

    def with_format(self, type: str) -> HuggingFaceDataset: ...
    def __getitem__(self, key: slice) -> object: ...


TableLike: TypeAlias = pd.DataFrame | pa.Table | HuggingFaceDataset
"""A pandas frame, an Arrow table or a ``datasets.Dataset``."""


def corpus_from_tables(
    folder: str | Path,
    *,
    queries: TableLike,
    impressions: TableLike,
    clicks: TableLike,
    items: TableLike,
    images: TableLike | None = None,
    word_vectors: TableLike | None = None,
    name: str | None = None,
    licence: str = "unknown",
    options: IngestOptions | None = None,
    replace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Writes the corpus of an event log whose tables are in memory, with all checks of ``bench data ingest``.

    Args:
        folder: the corpus folder to be written.
        queries, impressions, clicks, items, images, word_vectors: with the columns that ``bench data columns`` prints.
        name: the corpus's name; by default that of the folder.
        licence: the licence of the data.
        options: how values are read, and how sessions are cut, kept and split.
        replace: overwrite the folder where it exists.
        progress: called with ``(stages done, stages in all)``.

    Returns:
        the corpus; its ``info.source["report"]`` has what was read, dropped and doubted.

    Raises:
        BenchError: as :func:`bench.datasets.ingest.ingest`; it names the table and the column.
    """
    given = {
        "queries": queries,
        "impressions": impressions,
        "clicks": clicks,
        "items": items,
        "images": images,
        "word_vectors": word_vectors,
    }
    folder = Path(folder)
    with scratch(folder.with_name(f"{folder.name}.tables")) as work:
        files, made_of, read = {}, {}, {}
        for table, values in given.items():
            if values is None:
                continue
            arrow = as_arrow(values, table)
            files[table] = work / f"{table}.parquet"
            pq.write_table(arrow, files[table])
            made_of[table], read[f"rows of {table}"] = _kind(values), arrow.num_rows
        conversion = Conversion(
            reader="tables in memory",
            files={
                table: {"file": table, "bytes": file.stat().st_size, "sha256": sha256_of(file)}
                for table, file in files.items()
            },
            read=read,
            made_of=made_of,
        )
        ingest(
            files,
            folder,
            name=name,
            licence=licence,
            options=options,
            conversion=conversion,
            replace=replace,
            progress=progress,
        )
    return Corpus(folder)


def as_arrow(values: TableLike, table: str) -> pa.Table:
    """The values as an Arrow table; a frame's index is no column.

    Args:
        values: what was given.
        table: its name, for errors.

    Raises:
        BenchError: it is no table, or a column mixes types that Arrow cannot hold together.
    """
    try:
        if isinstance(values, pd.DataFrame):
            return pa.Table.from_pandas(values, preserve_index=False).replace_schema_metadata(None)
        found = values.with_format("arrow")[:] if isinstance(values, HuggingFaceDataset) else values
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        what = f"a column has values of several types: {str(error).splitlines()[0]}"
        raise BenchError(what, where=table, fix="convert it to one type, such as by astype(str)") from None
    if not isinstance(found, pa.Table):
        raise BenchError(
            f"a {type(values).__name__} is no table", where=table, fix="give a pandas, Arrow or Hugging Face table"
        )
    return found.replace_schema_metadata(None)


def _kind(values: TableLike) -> str:
    return {pd.DataFrame: "a pandas frame", pa.Table: "an Arrow table"}.get(type(values), "a Hugging Face dataset")
