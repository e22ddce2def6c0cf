"""From the files of Qilin to a corpus: a search is a query, its shown notes are the list, notes are items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import pyarrow as pa

from bench.datasets.image_vectors import image_vectors
from bench.datasets.ingest.options import IngestOptions, SessionOptions
from bench.datasets.ingest.report import Conversion, IngestReport
from bench.datasets.log_reader import Reading, corpus_of_log, local_folder, provenance
from bench.datasets.qilin import QilinOptions
from bench.datasets.qilin.files import DETAILS, QilinTable, find_tables
from bench.datasets.qilin.words import bigrams, segment, segmented

LICENCE = "Apache-2.0"
_STAGES = 4

_SEARCHES = """
CREATE TABLE searches AS
SELECT {search} AS search, {session} AS session, {user} AS user, query::VARCHAR AS query, '{split}' AS split,
       TRY_CAST(query_from_type AS BIGINT) AS came_from, {recent} AS recent,
       list_transform({details}, lambda shown: struct_pack(
           note := {note}, position := TRY_CAST(shown.position AS BIGINT),
           clicked := coalesce(TRY_CAST(shown.click AS DOUBLE), 0) > 0, time := TRY_CAST(shown.{time} AS DOUBLE)
       )) AS shown
FROM {scan}
"""

_LISTED = """
CREATE TABLE listed AS SELECT search, unnest(shown, recursive := true) FROM searches
"""

_QUERIES = """
SELECT search AS query_id, session AS session_id, user, time, {kind} AS kind, {words} AS words, image{split}
FROM (
    SELECT *, list_min(list_filter(list_transform(shown, lambda note: note.time), lambda time: time > 0)) AS time,
           {came} AS began, CASE WHEN {came} THEN recent[{from_note}] END AS note
    FROM searches WHERE len(shown) > 0
) AS asked LEFT JOIN images_of_notes AS pictures USING (note)
"""


def build(
    folder: Path, name: str, source: str | Path, options: QilinOptions, progress: Callable[[int, int], None] | None
) -> IngestReport:
    """Writes the corpus; see :func:`bench.datasets.qilin.make`."""
    root = local_folder(source, "search_train, search_test and notes")
    tables = find_tables(root)
    ingestion = IngestOptions.of_reader(options, time_unit=options.time_unit)
    conversion = _Conversion(root, tables, options)
    return corpus_of_log(folder, name, LICENCE, root, ingestion, conversion.run, _STAGES, progress)


class _Conversion:
    """The files of Qilin on their way into an event log.

    Args:
        root: the folder that the tables are in.
        tables: by name.
        options: how they are read.
    """

    def __init__(self, root: Path, tables: dict[str, QilinTable], options: QilinOptions) -> None:
        self._root, self._tables, self._options = root, tables, options
        self._notes: list[str] = []
        self._dropped: dict[str, int] = {}

    def run(self, log: Reading) -> Conversion:
        """Writes the tables of the event log."""
        self._read_searches(log)
        log.advance()
        self._write_items(log)
        log.advance()
        self._write_queries(log)
        log.advance()
        self._write_lists(log)
        log.advance()
        return self._conversion(log)

    def _read_searches(self, log: Reading) -> None:
        """Makes table ``searches`` of both parts."""
        for name, split in (("search_train", "train"), ("search_test", "test")):
            table = self._tables[name]
            note = table.schema.field(DETAILS).type.value_type.field("note_idx").type
            sql = _SEARCHES.format(
                search=_id("search_idx", table.schema.field("search_idx").type),
                session=_id("session_idx", table.schema.field("session_idx").type),
                user=_id("user_idx", table.schema.field("user_idx").type),
                recent=_ids("recent_clicked_note_idxs", table.schema.field("recent_clicked_note_idxs").type),
                note=_id("shown.note_idx", note),
                split=split,
                details=DETAILS,
                time=table.time,
                scan=table.scan,
            )
            log.db.execute(sql if split == "train" else sql.replace("CREATE TABLE searches AS", "INSERT INTO searches"))
        both = "SELECT search FROM searches GROUP BY search HAVING count(DISTINCT split) > 1"
        if twice := log.count(f"({both})"):
            log.db.execute("UPDATE searches SET search = split || '-' || search, session = split || '-' || session")
            self._notes.append(
                f"{twice:,} values of search_idx stand in both parts: searches and sessions are counted anew in each, "
                "and are called train-N and test-N"
            )

    def _write_items(self, log: Reading) -> None:
        options, notes = self._options, self._tables["notes"]
        texts = ["note_title", *(["note_content"] if options.content else [])]
        if options.words == "jieba":
            both = " UNION ALL ".join(f"SELECT {text} AS text FROM {notes.scan}" for text in texts)
            segment(log.db, f"SELECT query AS text FROM searches UNION ALL {both}", log.tables.parent)
        image = "NULL::VARCHAR"
        if options.vectors:
            paths = notes.schema.field("image_path").type
            image = f"image_path[{options.image}]" if _is_list(paths) else "image_path"
        note = _id("note_idx", notes.schema.field("note_idx").type)
        words = " || ".join(f"coalesce({self._words(text)}, [])" for text in texts)
        log.write(
            "items",
            f"SELECT {note} AS item_id, {words} AS words, {image} AS image, "
            f"taxonomy{options.taxonomy}_id::VARCHAR AS category FROM {notes.scan}",
        )
        log.db.execute(
            f"CREATE TABLE images_of_notes AS SELECT {note} AS note, min({image}) AS image FROM {notes.scan} GROUP BY 1"
        )
        if options.vectors:
            log.write("images", image_vectors(options.vectors))

    def _write_queries(self, log: Reading) -> None:
        options = self._options
        came = f"coalesce(came_from IN ({options.product_types or 'NULL'}), false)"
        at = {"none": "0", "first": "1", "last": "len(recent)"}[options.product_note]
        sql = _QUERIES.format(
            came=came,
            kind="CASE WHEN began THEN 'product' ELSE 'keyword' END",
            words=f"coalesce({self._words('query')}, [])",
            from_note=at,
            split=", split" if options.own_split else "",
        )
        log.write("queries", sql)
        self._dropped["searches that showed nothing, which have no time"] = log.count(
            "searches WHERE coalesce(len(shown), 0) = 0"
        )
        types = log.db.execute("SELECT came_from, count(*) FROM searches GROUP BY 1 ORDER BY 1").fetchall()
        counted = ", ".join(f"{'none' if kind is None else kind} ({count:,})" for kind, count in types)
        meaning = (
            f"product queries are those of {options.product_types}" if options.product_types else "all are keywords"
        )
        self._notes.append(f"query_from_type of searches: {counted}; {meaning} (product_types)")

    def _write_lists(self, log: Reading) -> None:
        log.db.execute(_LISTED)
        zeros, ones = log.db.execute("""
            SELECT count(*) FILTER (least = 0), count(*) FILTER (least = 1)
            FROM (SELECT min(position) AS least FROM listed GROUP BY search)
        """).fetchall()[0]
        first = int(zeros > ones)
        if first:
            self._notes.append("positions count from 0; 1 was added to each")
        log.write("impressions", f"SELECT search AS query_id, note AS item_id, position + {first} AS rank FROM listed")
        log.write("clicks", "SELECT search AS query_id, note AS item_id FROM listed WHERE clicked")

    def _words(self, text: str) -> str:
        return segmented(text) if self._options.words == "jieba" else bigrams(text)

    def _conversion(self, log: Reading) -> Conversion:
        options, caveats = self._options, []
        if options.words == "bigrams":
            caveats.append("words are bigrams of Chinese characters; words=jieba gives those of a segmenter")
        self._notes.append("the time of a search is the earliest of its shown notes; clicks have no time of their own")
        own = {field.name for field in fields(QilinOptions)} - {field.name for field in fields(SessionOptions)}
        deciding = {key: value for key, value in asdict(options).items() if key in own}
        files = provenance(self._root, (part for table in self._tables.values() for part in table.parts))
        if options.vectors:
            files |= {"vectors": next(iter(provenance(self._root, [Path(options.vectors)]).values()))}
        read = {name: log.count(table.scan) for name, table in self._tables.items()}
        return Conversion(
            "qilin",
            files,
            options=deciding,
            read=read,
            dropped=self._dropped,
            notes=tuple(self._notes),
            caveats=tuple(caveats),
        )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _id(value: str, kind: pa.DataType) -> str:
    """The SQL of an id as text; a column with nulls is often written as doubles, and 33.0 is 33."""
    if pa.types.is_floating(kind):
        return f"CASE WHEN {value} = trunc({value}) THEN {value}::BIGINT::VARCHAR END"
    return f"{value}::VARCHAR"


def _ids(values: str, kind: pa.DataType) -> str:
    """The SQL of a list of ids as texts; an empty one for a column of another type, such as one of nulls only."""
    if not _is_list(kind):
        return "[]::VARCHAR[]"
    return f"list_transform({values}, lambda value: {_id('value', kind.value_type)})"
