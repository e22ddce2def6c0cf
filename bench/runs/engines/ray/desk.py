"""The desk: an actor on the driver's node, where other nodes fetch files and jobs say how far they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.data.checksums import mark

if TYPE_CHECKING:
    from bench.runs.engines.ray.node import Outcome
    from bench.runs.engines.schedule import Name

PIECE = 32 << 20
"""Bytes of a file that are sent at once."""


class Offered(NamedTuple):
    """A file that can be fetched: its path in the folder, its size, when it was last changed (ns), its SHA-256."""

    path: str
    size: int
    modified: int
    sha256: str


class Desk:
    """Files of the driver's machine for other nodes, and what their jobs say."""

    def __init__(self) -> None:
        self._offered: dict[str, list[Offered]] = {}
        self._said: list[tuple[Name, str, Any]] = []
        self._delivered: Outcome | None = None

    def offer(self, place: str) -> list[Offered]:
        """What a file or a folder that is written no more consists of; checksums are taken once."""
        if place not in self._offered:
            root = Path(place)
            files = [root] if root.is_file() else sorted(file for file in root.rglob("*") if file.is_file())
            self._offered[place] = []
            for file in files:
                if ".writing-" not in file.as_posix() and ".claim-" not in file.name:
                    known = mark(file)
                    name = file.relative_to(root.parent if file == root else root).as_posix()
                    self._offered[place].append(Offered(name, known["bytes"], known["modified"], known["sha256"]))
        return self._offered[place]

    def piece(self, file: str, start: int) -> bytes:
        """The bytes of a file from ``start`` on, :data:`PIECE` at most."""
        with Path(file).open("rb") as opened:
            opened.seek(start)
            return opened.read(PIECE)

    def say(self, name: Name, kind: str, what: Any) -> None:
        """Takes in what a job says: ``at``, the part of it that is done, or ``note``, a line for people."""
        self._said.append((name, kind, what))

    def heard(self) -> list[tuple[Name, str, Any]]:
        """What jobs have said since it was last asked."""
        said, self._said = self._said, []
        return said

    def deliver(self, outcome: Outcome) -> None:
        """Takes in the result of a job that several processes share."""
        self._delivered = outcome

    def delivered(self) -> Outcome | None:
        """What was delivered."""
        return self._delivered
