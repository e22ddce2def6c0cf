"""A part of a table as a query: rows of a file, joined, exploded, filtered, and put in the event log's columns."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from bench.datasets.ingest.event_log import LOG_TABLES
from bench.datasets.ingest.faults import Faults, of_rows
from bench.datasets.mapping.expressions import AtHand, intervals_sql, key_of, value_sql
from bench.datasets.mapping.filters import filter_sql
from bench.datasets.mapping.model import ORDER, UNKNOWN, Join, Part
from bench.datasets.mapping.sources import Source, owner_of
from bench.datasets.mapping.values import rank_of

_SHOWN = 60
"""Characters of a list that a row of one of its places keeps."""


@dataclass
class Forms:
    """What the parts of a table have to agree in.

    Attributes:
        as_text: whether single values are text in all of them.
        as_list: whether words are a list in all of them.
    """

    as_text: bool
    as_list: bool


class PartQuery:
    """The rows of a part.

    Args:
        db: the database with the files' tables.
        part: the part.
        number: its number among those of its table.
        sources: the files, read.
        null: texts that are null.
        faults: gets rows whose lists differ in length.
        notes: gets what is to be known of a join.

    Attributes:
        rows: number of rows before any is filtered out.
    """

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        part: Part,
        number: int,
        sources: dict[str, Source],
        null: tuple[str, ...],
        faults: Faults,
        notes: list[str],
    ) -> None:
        self._db, self._part, self._number, self._sources, self._null = db, part, number, sources, null
        self._faults, self._notes = faults, notes
        self._sql, self._at_hand = self._joined()
        self.rows = sources[part.file].rows if not part.explode else 0
        if part.explode:
            self._explode()

    def sql(self, forms: Forms) -> str:
        """The query that selects the part's rows, in the event log's columns."""
        part = self._part
        kinds = {column.name: column.kind for column in LOG_TABLES[part.table]}
        values = {
            name: value_sql(
                value, kinds[name], self._at_hand, forms.as_text, forms.as_list and kinds[name] in ("words",)
            )
            for name, value in part.columns.items()
            if kinds[name] != "ids" and not (name == "rank" and rank_of(value))
        }
        chosen = [f"{sql} AS {name}" for name, sql in values.items()]
        if "items" in part.columns:
            items = part.columns["items"]
            listed = f"({self._at_hand.list(items.columns[0], items.split)})"
            chosen.append(f"unnest({listed}) AS item_id")
            if part.table == "impressions":
                chosen.append(f"unnest(range(1, len({listed}) + 1)) AS rank")
        ranked = rank_of(part.columns.get("rank"))
        if ranked:
            chosen.append("struct_pack(row_number, place) AS least" if part.explode else "row_number AS least")
        selected = f"SELECT {', '.join(chosen)} FROM {self._filtered()}"
        if ranked:
            return self._ranked(selected, ranked)
        return self._first(selected) if part.first else selected

    def kept(self) -> int:
        """Number of rows that the filters leave."""
        return int(self._db.execute(f"SELECT count(*) FROM {self._filtered()}").fetchall()[0][0])

    @property
    def is_list(self) -> bool:
        """Whether the part's words are a list."""
        words = self._part.columns.get("words")
        if words is None or not words.columns:
            return False
        return words.split is not None or self._at_hand.type(words.columns[0]).endswith("]")

    def _joined(self) -> tuple[str, AtHand]:
        """The file's rows with the columns of others; one row of each, whatever the others have."""
        part, source = self._part, self._sources[self._part.file]
        columns: dict[str, tuple[str, str]] = {}
        chosen = ["mine.row_number"]
        aliases = {part.file: "mine"} | {join.file: f"other_{number}" for number, join in enumerate(part.joins)}
        for name in sorted(part.names):
            file, column = owner_of(name, part, self._sources) or (part.file, name)
            owner = self._sources[file]
            alias = f"a{len(columns)}"
            columns[name] = (alias, owner.scan.columns[column])
            chosen.append(f"{aliases[file]}.c{owner.used.index(column)} AS {alias}")
        keys, joins = "", ""
        for join in part.joins:
            alias = aliases[join.file]
            mine = [f"{self._key(source, column)} AS {alias}_key_{n}" for n, (column, _) in enumerate(join.on)]
            keys += "".join(f", {key}" for key in mine)
            equal = " AND ".join(f"mine.{alias}_key_{n} = {alias}.key_{n}" for n in range(len(join.on)))
            joins += f" LEFT JOIN {self._keyed(join, alias)} AS {alias} ON {equal}"
        mine_sql = f"(SELECT *, rowid + 1 AS row_number{keys} FROM {source.table})"
        for join in part.joins:
            self._count_lonely(join, aliases[join.file], mine_sql)
        return f"SELECT {', '.join(chosen)} FROM {mine_sql} AS mine{joins}", AtHand(columns, self._null)

    def _keyed(self, join: Join, alias: str) -> str:
        """A table of the other file with one row of each key, the first in the order of contents."""
        other = self._sources[join.file]
        named = ", ".join(f"{self._key(other, column)} AS key_{n}" for n, (_, column) in enumerate(join.on))
        keys = [f"key_{n}" for n in range(len(join.on))]
        order = ", ".join(f"c{n}" for n in range(len(other.used)))
        keyed = (
            f"FROM (SELECT *, {named} FROM {other.table}) WHERE {' AND '.join(f'{key} IS NOT NULL' for key in keys)}"
        )
        table = f"{alias}_of_{self._part.table}_{self._number}"
        self._db.execute(f"""
            CREATE TABLE {table} AS
            SELECT * {keyed} QUALIFY row_number() OVER (PARTITION BY {", ".join(keys)} ORDER BY {order}) = 1
        """)
        rows, distinct = self._db.execute(f"SELECT (SELECT count(*) {keyed}), count(*) FROM {table}").fetchall()[0]
        if rows > distinct:
            by = " and ".join(column for _, column in join.on)
            self._notes.append(
                f"{other.label} has {rows - distinct:,} rows of a {by} that has another; the first in order is joined"
            )
        return table

    def _count_lonely(self, join: Join, alias: str, mine: str) -> None:
        """Notes rows to which nothing is joined."""
        source, other = self._sources[self._part.file], self._sources[join.file]
        equal = " AND ".join(f"mine.{alias}_key_{n} = theirs.key_{n}" for n in range(len(join.on)))
        table = f"{alias}_of_{self._part.table}_{self._number}"
        count = self._db.execute(f"SELECT count(*) FROM {mine} AS mine ANTI JOIN {table} AS theirs ON {equal}")
        lonely = count.fetchall()[0][0]
        if lonely:
            rows = of_rows(lonely, source.rows)
            self._notes.append(f"{self._part.table}: rows of {source.label} that {other.label} has nothing for{rows}")

    def _key(self, source: Source, column: str) -> str:
        at_hand = AtHand({column: (f"c{source.used.index(column)}", source.scan.columns[column])}, self._null)
        return key_of(at_hand.text(column))

    def _explode(self) -> None:
        """Makes a row of each place of the lists; rows whose lists differ in length are faults."""
        part, source = self._part, self._sources[self._part.file]
        lists = {name: self._at_hand.list(name, part.split or None) for name in part.explode}
        named = ", ".join(f"coalesce({sql}, []) AS list_{number}" for number, sql in enumerate(lists.values()))
        intervals = {value.intervals: value for value in part.columns.values() if value.intervals}
        gaps = [f"{intervals_sql(value, self._at_hand)} AS gaps_{n}" for n, value in enumerate(intervals.values())]
        listed = f"SELECT *, {', '.join([named, *gaps])} FROM ({self._sql})"
        same = " AND ".join(["true"] + [f"len(list_{number}) = len(list_0)" for number in range(1, len(lists))])
        self.rows, odd, first = self._db.execute(f"""
            SELECT coalesce(sum(len(list_0)) FILTER ({same}), 0)::BIGINT, count(*) FILTER (NOT ({same})),
                   min(row_number) FILTER (NOT ({same}))
            FROM ({listed})
        """).fetchall()[0]
        what = f"the lists {', '.join(part.explode)} differ in length{of_rows(odd, source.rows)}"
        where = f"{source.file.path}, row {first}"
        self._faults.rows(odd, f"rows of {source.label} whose lists differ in length", where, what)
        columns = dict(self._at_hand.columns)
        outside = [  # of a list of intervals no more is carried along than an error shows
            f"left({alias}::VARCHAR, {_SHOWN}) AS {alias}" if name in intervals else alias
            for name, (alias, _) in columns.items()
            if name not in lists
        ]
        chosen = ["row_number", *outside, "unnest(range(1, len(list_0) + 1)) AS place"]
        for number, name in enumerate(intervals):
            chosen += [
                f"unnest(gaps_{number}[1:len(list_0)]) AS gap_{number}",
                f"list_sum(gaps_{number}) AS all_{number}",
            ]
            if name not in lists:
                columns[name] = (columns[name][0], "VARCHAR")
        for number, name in enumerate(lists):
            columns[name] = (columns[name][0], "VARCHAR")
            chosen.append(f"unnest(list_{number}) AS {columns[name][0]}")
        self._sql = f"SELECT {', '.join(chosen)} FROM ({listed}) WHERE {same}"
        passed = {name: (f"passed_{n}", f"all_{n}") for n, name in enumerate(intervals)}
        if passed:
            so_far = ", ".join(f"sum(gap_{n}) OVER up_to AS passed_{n}" for n in range(len(passed)))
            order = "WINDOW up_to AS (PARTITION BY row_number ORDER BY place)"
            self._sql = f"SELECT *, {so_far} FROM ({self._sql}) {order}"
        self._at_hand = AtHand(columns, self._null, passed)
        if part.runs:
            run = self._at_hand.raw(part.runs)
            changed = f"({run} IS DISTINCT FROM lag({run}) OVER (PARTITION BY row_number ORDER BY place))::BIGINT"
            counted = "sum(changed) OVER (PARTITION BY row_number ORDER BY place)::BIGINT AS run"
            self._sql = f"SELECT *, {counted} FROM (SELECT *, {changed} AS changed FROM ({self._sql}))"

    def _filtered(self) -> str:
        conditions = [filter_sql(entry, self._at_hand.text(entry.column)) for entry in self._part.filters]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"(SELECT * FROM ({self._sql}) {where})"

    def _ranked(self, selected: str, rank: str) -> str:
        """One row of each query and item, ranked; rows that lack one of them stay, as faults."""
        others = [name for name in self._part.columns if name not in ("query_id", "item_id", "rank")]
        more = "".join(f", min({name}) AS {name}" for name in others)
        order = {ORDER: "least", UNKNOWN: "md5(query_id::VARCHAR || '#' || item_id::VARCHAR)"}[rank]
        return f"""
            SELECT * EXCLUDE (least), row_number() OVER (PARTITION BY query_id ORDER BY {order}, item_id) AS rank
            FROM (
                SELECT query_id, item_id, min(least) AS least{more} FROM ({selected})
                GROUP BY query_id, item_id, CASE WHEN query_id IS NULL OR item_id IS NULL THEN least END
            )
        """

    def _first(self, selected: str) -> str:
        """The earliest row of each query; rows without an id stay, as faults."""
        order = ", ".join(["TRY_CAST(time AS DECIMAL(38, 9))", "time::VARCHAR", *sorted(self._part.columns)])
        first = f"row_number() OVER (PARTITION BY query_id ORDER BY {order}) = 1"
        return f"SELECT * FROM ({selected}) QUALIFY query_id IS NULL OR {first}"
