"""Small pictures of a log's images, from a folder of image files into the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from bench.data.writer import CorpusWriter
from bench.datasets.images.thumbnails import Thumbnails

_AT_ONCE = 1_024


def write_pictures(writer: CorpusWriter, db: duckdb.DuckDBPyConnection, files: Mapping[str, Path]) -> list[str]:
    """Writes small pictures of the images that :meth:`WriteCorpus.images` wrote; returns what there is to say of them.

    A file is that of an image whose id is its path below the folder, with or without its ending. It is looked up among
    the files that were found there: an id is text from a log, and never becomes a path.

    Args:
        writer: the corpus that is written.
        db: the database, with the tables ``known_images`` and ``pictures``.
        files: the image files, by their path below the folder.
    """
    by_stem = {Path(name).with_suffix("").as_posix(): file for name, file in files.items()}
    small, by_name = Thumbnails(), {**by_stem, **files}
    sql = "SELECT image_id, row FROM known_images JOIN pictures USING (picture) ORDER BY row"
    for batch in db.sql(sql).to_arrow_reader(_AT_ONCE):
        rows = dict(zip(map(str, batch["image_id"].to_pylist()), batch["row"].to_pylist(), strict=True))
        found = dict(small.of(by_name, list(rows)))
        writer.pictures([rows[name] for name in found], list(found.values()))
    return small.lines()
