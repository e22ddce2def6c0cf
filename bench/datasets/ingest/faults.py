"""The faults of an event log, gathered while it is read, so that all of them are reported at once."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import BenchError

DROP = "--on-conflict drop"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        where: the file, and the row and column where one stands.
        what: what is wrong, with an example and the number of rows.
        fix: what to do about it.
        droppable: whether the log is whole without the rows that have it.
    """

    where: str
    what: str
    fix: str = ""
    droppable: bool = False

    def error(self, option: str = DROP) -> BenchError:
        """The fault as an error of one line; it names the option that drops the rows."""
        parts = [self.fix, f"{option} leaves such rows out" if self.droppable else ""]
        return BenchError(self.what, where=self.where, fix="; ".join(part for part in parts if part) or None)


class Faults:
    """The faults of one log. Rows with a fault are taken out of the staged tables where it is found, and counted.

    Args:
        log: the folder of the log, for the error.
        drop: whether rows with droppable faults are left out; otherwise they are errors.
        option: how that is asked for on the command line.

    Attributes:
        dropped: numbers of rows with droppable faults, by reason.
    """

    def __init__(self, log: str, drop: bool, option: str = DROP) -> None:
        self._log, self._drop, self._option = log, drop, option
        self._found: list[Fault] = []
        self.dropped: dict[str, int] = {}

    def add(self, where: str, what: str, fix: str = "") -> None:
        """Notes a fault that no row can be dropped for."""
        self._found.append(Fault(where, what, fix))

    def rows(self, count: int, reason: str, where: str, what: str, fix: str = "") -> None:
        """Notes a fault of ``count`` rows; ``reason`` names them in a report, such as ``clicks before their query``."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count
            self._found.append(Fault(where, what, fix, droppable=True))

    def settle_lasting(self) -> None:
        """Raises the faults so far if one of them would stop the ingestion although droppable ones were left out.

        Raises:
            BenchError: one line with every kind of fault.
        """
        if any(not fault.droppable for fault in self._found):
            self.settle()

    def settle(self) -> None:
        """Raises the faults so far that stop the ingestion.

        Raises:
            BenchError: one line with every kind of fault.
        """
        stopping = [fault for fault in self._found if not (fault.droppable and self._drop)]
        if len(stopping) == 1:
            raise stopping[0].error(self._option)
        if stopping:
            lines = "; ".join(
                f"({number}) {fault.error(self._option)}" for number, fault in enumerate(stopping, start=1)
            )
            raise BenchError(f"{len(stopping)} kinds of fault: {lines}", where=self._log)


def of_rows(count: int, rows: int) -> str:
    """How many rows have a fault, for a message: `` (12 of 2,880 rows)``."""
    return f" ({count:,} of {rows:,} rows)"


def shortened(value: object) -> str:
    """A value as it is written in Python, at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
