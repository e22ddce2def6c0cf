"""A corpus's tables and matrices in memory, and writing them again in chunks of any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.schema import KINDS, MATRICES, SPLITS, TABLES
from bench.data.writer import CorpusWriter


@dataclass
class Content:
    """Everything that a corpus holds."""

    tables: dict[str, pa.Table]
    matrices: dict[str, NDArray]

    def replace(self, table: str, column: str, values: list[Any]) -> None:
        """Other values for a column."""
        field = TABLES[table].field(column)
        index = self.tables[table].schema.get_field_index(column)
        self.tables[table] = self.tables[table].set_column(index, field, pa.array(values, field.type))


def read(corpus: Corpus) -> Content:
    """All of a corpus."""
    tables = {name: pq.read_table(corpus.folder / f"{name}.parquet") for name in TABLES}
    return Content(tables, {name: np.load(corpus.folder / f"{name}.npy") for name in MATRICES})


def awkward(corpus: Corpus) -> Content:
    """The corpus with every value that a column may hold: nulls, empty lists, an item without words, scripts, emoji."""
    content = read(corpus)
    for table, column in (
        ("items", "image"),
        ("items", "category"),
        ("items", "domain"),
        ("sessions", "user"),
        ("sessions", "start"),
        ("impressions", "click_time"),
    ):
        values = content.tables[table][column].to_pylist()
        content.replace(table, column, [None if row % 3 == 1 else value for row, value in enumerate(values)])
    words = content.tables["items"]["words"].to_pylist()
    content.replace("items", "words", [[], *words[1:-1], []])
    names = content.tables["vocabulary"]["word"].to_pylist()
    content.replace("vocabulary", "word", ["", "Größe", "口红", "👗 dress", 'a,b\n"c"', *names[5:]])
    return content


def write(folder: Path, content: Content, chunk: int = 10**6, **keywords: Any) -> Corpus:
    """Writes the content through :class:`CorpusWriter`, ``chunk`` rows at a time."""
    tables, matrices = content.tables, content.matrices
    about = {
        "name": "again",
        "origin": "log",
        "licence": "unknown",
        "image_dtype": matrices["image_vectors"].dtype.type,
    }
    widths = {"word_dim": matrices["word_vectors"].shape[1], "image_dim": matrices["image_vectors"].shape[1]}
    with CorpusWriter(folder, **{**widths, **about, **keywords}) as writer:

        def parts(table: str) -> list[tuple[int, pa.Table]]:
            return [(at, tables[table].slice(at, chunk)) for at in range(0, len(tables[table]), chunk)]

        for at, part in parts("vocabulary"):
            writer.vocabulary(part["word"], matrices["word_vectors"][at : at + chunk])
        for at in range(0, len(matrices["image_vectors"]), chunk):
            writer.images(matrices["image_vectors"][at : at + chunk])
        for _, part in parts("items"):
            image = part["image"].fill_null(-1).to_numpy()
            writer.items(part["item_id"], _csr(part["words"]), image, part["category"], part["domain"])
        for _, part in parts("sessions"):
            split = pc.index_in(part["split"], pa.array(SPLITS)).to_numpy()
            downstream = part["downstream"].to_numpy()
            writer.sessions(part["session_id"], part["user"], part["start"], split, downstream)
        for _, part in parts("queries"):
            writer.queries(
                part["query_id"],
                part["session"],
                part["position"],
                part["time"],
                pc.index_in(part["kind"], pa.array(KINDS)).to_numpy(),
                _csr(part["words"]),
                part["image"].fill_null(-1).to_numpy(),
            )
        for _, part in parts("impressions"):
            writer.impressions(*(part[name] for name in ("query", "item", "rank", "clicked", "click_time")))
    return Corpus(folder)


def _csr(lists: pa.ChunkedArray) -> tuple[NDArray, NDArray]:
    whole = lists.combine_chunks()
    return offsets_of(pc.list_value_length(whole).to_numpy()), whole.flatten().to_numpy()
