"""What can be wrong with files of a log or a corpus: damage to bytes, texts with separators, JSON, tables, matrices.

Files are ``{path below the folder: contents}``. All draws come from one ``random.Random``, so that a case repeats.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from parsers import damaged

Files = dict[str, bytes]
Change = Callable[[bytes, random.Random], bytes]

ODD: list[Any] = [
    *("", " ", "\u200b", "NULL", "nan", "inf", "-inf", "true", "None", "\\N"),
    *("-1", "0", "1.5", "1e400", "-0.0", "9" * 400, str(2**63), str(-(2**63)), str(2**53 + 1), "1e18", "0x10"),
    *(
        "a\0b",
        "'",
        '"',
        '""',
        'a"b',
        "a,b",
        "a\tb",
        "a\nb",
        "a\r\nb",
        "[",
        "[]",
        "{}",
        '["a", null]',
        "[1e400]",
        "(1,)",
    ),
    *("\u202eabc", "\x1b[2J", "=1+1", "<script>", "../../etc/passwd", "é", "e\u0301", "\U0001f600", "\ufeff", "%s{}"),
    *("0001-01-01", "9999-12-31T23:59:59.999999999Z", "1969-12-31", "2024-02-30", "20240101", "1e10"),
    *("x" * 70_000, "w " * 3_000),
]
"""Texts that stand where others should."""
ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 2**31, 2**63 - 1, -(2**63), float("nan"), float("inf"), 1e308, 0.5),
    *([], [None], [[1]], {}, {"a": {"b": []}}, {"position": {"ordinal": -1}}, b"\xff", "a", *ODD),
]
"""Values of any kind that stand where others should."""
_TYPES = [
    *(pa.int8(), pa.int32(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_()),
    *(pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()),
    *(pa.timestamp("s"), pa.timestamp("ns", "UTC"), pa.date32(), pa.decimal128(38, 3), pa.null(), pa.time64("us")),
    *(pa.list_(pa.string()), pa.large_list(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.float32(), 3)),
    pa.struct([("a", pa.int32())]),
]


def damage(files: Files, draws: random.Random) -> Files:
    """The files with one to three things wrong."""
    files = dict(files)
    for _ in range(draws.choice((1, 1, 2, 3))):
        name = draws.choice(sorted(files))
        if draws.random() < 0.03 and len(files) > 1:
            _exchange(files, name, draws)
        else:
            change = change_of(name, draws)
            try:
                files[name] = change(files[name], draws)
            except Exception:  # damaged before, it is none of its kind any more
                files[name] = damaged(files[name], draws)
    return files


def _exchange(files: Files, name: str, draws: random.Random) -> None:
    """A file is gone, empty, another one, or called otherwise."""
    match draws.randrange(4):
        case 0:
            del files[name]
        case 1:
            files[name] = b""
        case 2:
            files[name] = files[draws.choice(sorted(files))]
        case 3:
            ending = draws.choice((".csv", ".parquet", ".json", ".csv.gz", ".txt"))
            files[name.rpartition(".")[0] + ending] = files.pop(name)


def change_of(name: str, draws: random.Random) -> Change:
    """A kind of damage that fits the file; a quarter of all are to its bytes."""
    if draws.random() < 0.25:
        return damaged
    ending = name.rpartition(".")[2]
    return {
        "csv": separated,
        "tsv": separated,
        "json": json_lines,
        "ndjson": json_lines,
        "jsonl": json_lines,
        "parquet": table,
        "npy": matrix,
    }.get(ending, damaged)


# ---- texts with separators -------------------------------------------------------------------------------------------


def separated(data: bytes, draws: random.Random) -> bytes:
    """A text with separators that is odd: its cells, columns, rows, quotes, line ends or encoding."""
    text = data.decode("utf-8", "replace")
    first = text.partition("\n")[0]
    separator = "\t" if "\t" in first else ","
    csv.field_size_limit(1 << 30)
    rows = [row for row in csv.reader(io.StringIO(text.replace("\0", "")), delimiter=separator) if row]
    if len(rows) < 2:
        return damaged(data, draws)
    row, column = draws.randrange(1, len(rows)), draws.randrange(max(1, len(rows[0])))
    ending, encoding = "\n", "utf-8"
    match draws.randrange(16):
        case 0 | 1 | 2 | 3:
            rows[row][min(column, len(rows[row]) - 1)] = draws.choice(ODD)
        case 4:
            odd = draws.choice(ODD[:-2])
            rows = [rows[0], *([*r[:column], odd, *r[column + 1 :]] for r in rows[1:])]
        case 5:
            rows = [r[:column] + r[column + 1 :] for r in rows]
        case 6:
            order = draws.sample(range(len(rows[0])), len(rows[0]))
            rows = [[r[at] if at < len(r) else "" for at in order] for r in rows]
        case 7:
            rows[0][column] = draws.choice([*rows[0], "", "part of the log", 'a"b', "c0", "readable", "rowid", " X "])
        case 8:
            rows[row] = rows[row][:column] if draws.random() < 0.5 else rows[row] + draws.choices(ODD[:-2], k=2)
        case 9:
            rows.insert(draws.randrange(1, len(rows) + 1), list(rows[row]))
        case 10:
            rows[1:] = draws.sample(rows[1:], len(rows) - 1)
        case 11:
            del rows[draws.randrange(1, len(rows) + 1) :]
        case 12:
            ending = draws.choice(("\r\n", "\r", "\n\r", "\n\n"))
        case 13:
            encoding = draws.choice(("utf-16", "utf-8-sig", "latin-1", "utf-16-le", "cp1252"))
        case 14:
            other = draws.randrange(len(rows[0]))
            for r in rows[1:]:
                if max(column, other) < len(r):
                    r[column], r[other] = r[other], r[column]
        case 15:
            lines = text.split("\n")
            lines[min(row, len(lines) - 1)] += draws.choice(('"', '"a', "\0", "\\", separator, separator * 50))
            return "\n".join(lines).encode()
    made = io.StringIO()
    quoting = draws.choice((csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    csv.writer(made, delimiter=separator, lineterminator=ending, quoting=quoting).writerows(rows)
    return made.getvalue().encode(encoding, "replace")


# ---- JSON ------------------------------------------------------------------------------------------------------------


def json_lines(data: bytes, draws: random.Random) -> bytes:
    """JSON lines with an odd value, key, line or layout."""
    lines = data.decode("utf-8", "replace").splitlines()
    at = draws.randrange(len(lines)) if lines else 0
    match draws.randrange(10):
        case 0:
            lines.insert(
                at, draws.choice(('{"a": ', "[]", "null", "1", '"x"', "{}", '{"a":1}{"a":2}', "\ufeff{}", "[" * 3_000))
            )
        case 1:
            lines[at:at] = lines[at : at + 1]
        case 2:
            lines = draws.sample(lines, len(lines))
        case 3:
            lines = ["[" + ",".join(lines) + "]"]
        case 4:
            with suppress(ValueError, IndexError):
                lines = [json.dumps(json.loads(line), indent=2) for line in lines]
        case _:
            with suppress(ValueError, IndexError, RecursionError):
                value = json.loads(lines[at])
                lines[at] = json.dumps(_odd_within(value, draws), ensure_ascii=draws.random() < 0.5)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


def _odd_within(value: Any, draws: random.Random) -> Any:
    """A value with an odd one somewhere in it."""
    if isinstance(value, dict) and value and draws.random() < 0.85:
        key = draws.choice(sorted(value))
        match draws.randrange(8):
            case 0:
                return {name: one for name, one in value.items() if name != key}
            case 1:
                return {(f"{name}'x" if name == key else name): one for name, one in value.items()}
            case _:
                return {**value, key: _odd_within(value[key], draws)}
    if isinstance(value, list) and value and draws.random() < 0.7:
        at = draws.randrange(len(value))
        return [*value[:at], _odd_within(value[at], draws), *value[at + 1 :]]
    odd = draws.choice(ODD_VALUES)
    return odd.decode("latin-1") if isinstance(odd, bytes) else odd


# ---- tables ----------------------------------------------------------------------------------------------------------


def table(data: bytes, draws: random.Random) -> bytes:
    """A Parquet table with other types, columns, rows or values; as it was where the draw makes no such table."""
    with suppress(pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError, UnicodeError):
        rows = pq.read_table(io.BytesIO(data))
        made = io.BytesIO()
        how: dict[str, Any] = {"row_group_size": draws.choice((1, 1_000)), "store_schema": draws.random() < 0.9}
        pq.write_table(
            _odd_table(rows, draws), made, **how, compression=draws.choice(("none", "snappy", "zstd", "gzip"))
        )
        return made.getvalue()
    return damaged(data, draws)


def _odd_table(rows: pa.Table, draws: random.Random) -> pa.Table:
    number = draws.randrange(rows.num_columns)
    name, column = rows.column_names[number], rows.column(number)
    match draws.randrange(14):
        case 0 | 1 | 2:
            return rows.set_column(number, name, _cast(column, draws.choice(_TYPES)))
        case 3:
            return rows.drop_columns([name])
        case 4:
            return rows.append_column(draws.choice((name, name.upper(), f" {name}", "\0", "part of the log")), column)
        case 5:
            names = list(rows.column_names)
            names[number] = draws.choice((*names, "", "x", "a\"b'c"))
            return rows.rename_columns(names)
        case 6:
            return rows.select(draws.sample(range(rows.num_columns), rows.num_columns))
        case 7:
            return pa.concat_tables([rows, rows.slice(draws.randrange(len(rows) + 1), draws.choice((1, 5, len(rows))))])
        case 8:
            return rows.slice(0, draws.choice((0, 1, len(rows) // 2)))
        case 9:
            return rows.take(draws.sample(range(len(rows)), len(rows)))
        case _:
            return rows.set_column(number, name, _odd_column(column, draws))


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column of another type: its values where they fit, else their text, else nulls."""
    try:
        return column.cast(kind, safe=False)
    except (pa.ArrowException, TypeError):
        pass
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        with suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
            return pa.chunked_array([pa.array([[value] for value in column.to_pylist()]).cast(kind, safe=False)])
    with suppress(pa.ArrowException, TypeError):
        return pa.chunked_array([pa.array([str(value) for value in column.to_pylist()]).cast(kind, safe=False)])
    return pa.chunked_array([pa.nulls(len(column), kind)])


def _odd_column(column: pa.ChunkedArray, draws: random.Random) -> pa.ChunkedArray:
    """A column with a few odd values, of its own type where they fit."""
    values = column.to_pylist()
    for _ in range(draws.choice((1, 1, len(values)))):
        if values:
            at = draws.randrange(len(values))
            values[at] = draws.choice(values) if draws.random() < 0.2 else _odd_within(values[at], draws)
    for kind in (column.type, None):
        with suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
            return pa.chunked_array([pa.array(values, kind)])
    fallen = draws.choice((None, -1, 2**31 - 1, -(2**31), 1e9))
    kept = [value if draws.random() < 0.9 else fallen for value in column.to_pylist()]
    with suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.chunked_array([pa.array(kept, column.type)])
    return pa.chunked_array([pa.array([str(value) for value in values])])


# ---- matrices --------------------------------------------------------------------------------------------------------


def matrix(data: bytes, draws: random.Random) -> bytes:
    """A ``.npy`` of another type, shape or order, with values that are no numbers, or whose header lies."""
    try:
        values = np.load(io.BytesIO(data))
    except Exception:  # NumPy parses the header as Python
        return damaged(data, draws)
    made = io.BytesIO()
    with np.errstate(all="ignore"):
        match draws.randrange(9):
            case 0:
                kind = draws.choice(
                    ("int8", "int16", "float64", ">f4", "bool", "complex64", "S3", "U2", "float16", "M8[s]")
                )
                with suppress(ValueError, TypeError):
                    values = values.astype(kind)
            case 1:
                values = draws.choice(
                    (values.reshape(-1), values[None], values.T, values[:0], values[..., :0], values.sum())
                )
            case 2:
                values = values[: draws.randrange(len(values) + 1)]
            case 3:
                values = np.concatenate([values, values[:3]])
            case 4:
                values = np.asfortranarray(values)
            case 5:
                values = values.astype(object)
            case 6 if values.dtype.kind == "f" and values.size:
                values = values.copy()
                values.flat[draws.randrange(values.size)] = draws.choice((np.nan, np.inf, 3e38))
            case _:
                shape = str(values.shape).encode()
                lie = draws.choice(
                    (b"(1000000000, 1000000)", b"(-1, 4)", b"(2, 2, 2)", b"()", b"(9" + b"9" * 60 + b",)")
                )
                return (
                    data.replace(shape, lie, 1)
                    if draws.random() < 0.5
                    else data.replace(shape.ljust(len(lie)), lie.ljust(len(shape)), 1)
                )
    np.save(made, values, allow_pickle=True)
    return made.getvalue()


def packed(data: bytes) -> bytes:
    """A text as ``.gz``."""
    return gzip.compress(data, mtime=0)
