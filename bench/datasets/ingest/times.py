"""Times of an event log as SQL: which unit a column of numbers is in, and ms since 1970 of every form of a time.

The unit is one for a whole column: that which puts most of its numbers between 1990 and the end of next year. Values
that it puts elsewhere are faults, since a guess for each value would make an instant of any number.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bench.datasets.ingest.options import TimeUnit

FIRST_YEAR = 1990
_SECONDS: dict[TimeUnit, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_CALENDAR: dict[TimeUnit, str] = {"yyyymmdd": "%Y%m%d", "yyyymmddhhmmss": "%Y%m%d%H%M%S"}
UNIT_NAMES: dict[TimeUnit, str] = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "yyyymmdd": "days written as yyyymmdd",
    "yyyymmddhhmmss": "yyyymmddhhmmss",
}
_OTHER_FORMS = ("%Y-%m-%d %H:%M:%S,%g", "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z", "%Y%m%dT%H%M%SZ")
"""Forms of log files, web servers, mail and compact ISO, beside those that DuckDB reads as a timestamp."""


def last_year() -> int:
    """The last year that a time is believed to be in: next year."""
    return datetime.now(UTC).year + 1


def number_of(value: str) -> str:
    """The SQL of a number, exact to nine digits after the point; null for what is none."""
    return f"TRY_CAST({value} AS DECIMAL(38, 9))"


def plausible_range(unit: TimeUnit) -> tuple[int, int]:
    """The numbers that are instants from the start of 1990 to the end of next year in a unit, as ``[first, after)``."""
    first, after = FIRST_YEAR, last_year() + 1
    if unit in _CALENDAR:
        digits = 10 ** (len("mmddhhmmss") if unit == "yyyymmddhhmmss" else len("mmdd"))
        return first * digits, after * digits
    scale = _SECONDS[unit]
    return tuple(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * scale for year in (first, after))  # type: ignore[return-value]


def unit_counts(value: str) -> dict[TimeUnit, str]:
    """For each unit, the SQL that counts the numbers of a column that it makes plausible instants of."""
    counts = {}
    for unit in UNIT_NAMES:
        low, high = plausible_range(unit)
        counts[unit] = f"count(*) FILTER ({number_of(value)} >= {low} AND {number_of(value)} < {high})"
    return counts


def from_number(value: str, unit: TimeUnit) -> str:
    """The SQL of ms since 1970 of a number in a unit; a fraction of a millisecond is cut off."""
    number = number_of(value)
    if unit in _CALENDAR:
        return f"epoch_ms(try_strptime(TRY_CAST(TRY_CAST({number} AS BIGINT) AS VARCHAR), '{_CALENDAR[unit]}'))"
    if unit == "s":  # half a microsecond more, as a double is not exact to the last digit
        return f"TRY_CAST(floor(TRY_CAST({number} AS DOUBLE) * 1000 + 0.0005) AS BIGINT)"
    return f"TRY_CAST(TRY_CAST({number} AS HUGEINT) // {_SECONDS[unit] // 1000} AS BIGINT)"


def from_timestamp(value: str, file_type: str) -> str:
    """The SQL of ms since 1970 of a date or timestamp of DuckDB's type ``file_type``.

    Nanoseconds with a zone, which pandas writes, have no ``epoch_ms`` of their own in DuckDB.
    """
    return f"epoch_ms({value}::TIMESTAMPTZ)" if file_type == "TIMESTAMPTZ_NS" else f"epoch_ms({value})"


def from_text(value: str) -> str:
    """The SQL of ms since 1970 of a written date and time, in UTC unless it names a zone."""
    forms = ", ".join(f"'{form}'" for form in _OTHER_FORMS)
    return f"epoch_ms(coalesce(TRY_CAST({value} AS TIMESTAMPTZ), try_strptime({value}, [{forms}])))"


def believed(milliseconds: str) -> str:
    """The SQL of an instant, null where it is not between 1990 and the end of next year."""
    low, high = plausible_range("ms")
    return f"CASE WHEN {milliseconds} >= {low} AND {milliseconds} < {high} THEN {milliseconds} END"
