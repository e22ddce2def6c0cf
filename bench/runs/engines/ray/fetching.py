"""What a node fetches from the driver's: each folder once, under a claim, looked at when it has arrived."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.claiming import claimed, tidy
from bench.data.checksums import has_digest
from bench.errors import BenchError
from bench.files import folder_written_whole
from bench.runs.engines.ray.desk import Offered

Offer = Callable[[str], list[Offered]]
"""From a place on the driver's machine to the files that it consists of."""

Piece = Callable[[str, int], bytes]
"""From a file and a position in it to the bytes from there on; none at its end."""


def node_folder(node: str) -> Path:
    """The folder of a node, by its id, for what its jobs read and write: in the temporary folder, ours alone.

    Raises:
        BenchError: somebody else has made it.
    """
    mine = Path(tempfile.gettempdir(), f"session-bench-{os.getuid()}")
    mine.mkdir(mode=0o700, exist_ok=True)
    if mine.is_symlink() or mine.stat().st_uid != os.getuid():
        raise BenchError("belongs to somebody else", where=str(mine), fix="set TMPDIR for the nodes of the cluster")
    return mine / node


def fetch(place: str, target: Path, offer: Offer, piece: Piece) -> Path:
    """Brings a folder, or a file into a folder, to ``target``, unless it is there.

    Raises:
        BenchError: a file did not arrive as it was sent.
    """
    if target.is_dir():
        tidy(target)
        return target
    with claimed(target):
        if not target.is_dir():
            with folder_written_whole(target) as writing:
                for file in offer(place):
                    _fetch_file(
                        file, place if Path(place).name == file.path else f"{place}/{file.path}", writing, piece
                    )
    return target


def _fetch_file(file: Offered, source: str, writing: Path, piece: Piece) -> None:
    here = writing / file.path
    here.parent.mkdir(parents=True, exist_ok=True)
    with here.open("wb") as opened:
        while opened.tell() < file.size:
            received = piece(source, opened.tell())
            if not received:
                break
            opened.write(received)
    os.utime(here, ns=(file.modified, file.modified))  # whoever knows the file by size and time knows it here, too
    if not has_digest(here, file.sha256):
        raise BenchError("did not arrive as it was sent", where=source, fix="was it changed meanwhile? run it again")
