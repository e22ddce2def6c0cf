"""The Parquet files that finished vectors lie in: one, or a folder of them with a manifest.

``bench embed --shard-rows`` writes ``part-00000.parquet``, ``part-00001.parquet`` … and ``_manifest.json``, which says
what the vectors are of and, of each shard, its rows, size and SHA-256. It is written anew after every shard, so that a
run that was killed goes on after the last whole one. A folder of Parquet files that another program wrote is read as
well; it has no manifest, and its files are read in the order of their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from bench.data.checksums import has_digest, sha256_of
from bench.errors import BenchError, quoted
from bench.files import sweep, written_whole

MANIFEST = "_manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class Made:
    """What the shards of a folder hold, and how they are cut. Of two runs with the same, one may finish the other's.

    Attributes:
        encoder: as the user named it.
        key: of its pretraining.
        corpus: fingerprint of the corpus that the vectors are of.
        unit: ``session_id`` or ``query_id``.
        numbers: ``float32`` or ``float16``.
        rows: vectors altogether.
        shard_rows: rows of a shard; the last may have fewer.
    """

    encoder: str
    key: str
    corpus: str
    unit: str
    numbers: str
    rows: int
    shard_rows: int


class Shard(TypedDict):
    """A finished shard: name of its file, rows, size in bytes, SHA-256."""

    file: str
    rows: int
    bytes: int
    sha256: str


class Shards:
    """A folder of shards in the making.

    Args:
        folder: made where it is missing; a finished or half-finished one goes on after its last whole shard.
        made: what it shall hold.

    Raises:
        BenchError: it holds something else.

    Attributes:
        rows: vectors that stand in whole shards.
    """

    def __init__(self, folder: Path, made: Made) -> None:
        self.folder, self.made = folder, made
        self._shards: list[Shard] = []
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        if not (folder / MANIFEST).exists():
            if any(folder.glob("*.parquet")):
                raise BenchError(f"holds Parquet files and no {MANIFEST}", where=str(folder), fix=_ELSEWHERE)
            self._write()
            return
        there, shards = read_manifest(folder)
        other = [name for name, value in asdict(made).items() if there.get(name) != value]
        if other:
            said = f"{other[0]} {quoted(there.get(other[0]))}, not {getattr(made, other[0])!r}"
            raise BenchError(f"holds other vectors: {said}", where=str(folder), fix=_ELSEWHERE)
        for number, shard in enumerate(shards):
            full = min(made.shard_rows, made.rows - self.rows)
            if shard["file"] != _name(number) or shard["rows"] != full or not _is_whole(folder, shard):
                break  # it and what follows is made again
            self._shards.append(shard)

    @property
    def rows(self) -> int:
        """Vectors that stand in whole shards."""
        return sum(shard["rows"] for shard in self._shards)

    @contextmanager
    def next(self, rows: int) -> Iterator[Path]:
        """A name to write the next shard to, of so many rows; it belongs to the folder when the block succeeds."""
        file = self.folder / _name(len(self._shards))
        with written_whole(file) as writing:
            yield writing
            digest, size = sha256_of(writing), writing.stat().st_size
        self._shards.append({"file": file.name, "rows": rows, "bytes": size, "sha256": digest})
        self._write()

    def _write(self) -> None:
        said = {"format": _FORMAT, **asdict(self.made), "shards": self._shards}
        with written_whole(self.folder / MANIFEST) as writing:
            writing.write_text(json.dumps(said, indent=1), encoding="utf-8")


def parts_of(place: Path) -> tuple[Path, ...]:
    """The Parquet files of finished vectors: ``place`` itself, or those of the folder ``place``, in order.

    Raises:
        BenchError: a folder without any, or one that is not finished.
    """
    if not place.is_dir():
        return (place,)
    if not (place / MANIFEST).exists():
        found = tuple(sorted(file for file in place.glob("*.parquet") if not file.name.startswith((".", "_"))))
        if not found:
            raise BenchError("no Parquet file in it", where=str(place), fix="finished vectors are Parquet files")
        return found
    made, shards = read_manifest(place)
    there = sum(shard["rows"] for shard in shards)
    if there != made.get("rows") or not shards:
        what = f"not finished: {there:,} of {quoted(made.get('rows'))} vectors"
        raise BenchError(what, where=str(place), fix="run the same bench embed again; it goes on where it was")
    return tuple(place / shard["file"] for shard in shards)


def digest_of(place: Path) -> str:
    """SHA-256 of the contents of finished vectors: of the file, or of the checksums of a folder's files.

    Raises:
        BenchError: unreadable; or a shard is not the one that the manifest is of.
    """
    parts = parts_of(place)
    if not place.is_dir():
        return sha256_of(place)
    sums = [sha256_of(part) for part in parts]
    if (place / MANIFEST).exists():
        for shard, found in zip(read_manifest(place)[1], sums, strict=True):
            if shard["sha256"] != found:
                fix = "run the same bench embed again; it makes what is damaged anew"
                raise BenchError(f"is not as {MANIFEST} says", where=str(place / shard["file"]), fix=fix)
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def read_manifest(folder: Path) -> tuple[dict[str, object], list[Shard]]:
    """What a manifest says of the vectors, and its shards.

    Raises:
        BenchError: it is not one, or of another format.
    """
    file = folder / MANIFEST
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        shards = [_shard(one) for one in said.pop("shards")]
        if said.pop("format") != _FORMAT:
            raise BenchError("of a format that this version does not read", where=str(file), fix=_ELSEWHERE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BenchError("not a manifest of vectors", where=str(file), fix=_ELSEWHERE) from None
    return said, shards


def _shard(said: dict[str, object]) -> Shard:
    """A shard as a manifest tells it; its file is in the folder and nowhere else."""
    file, rows, size, digest = (said[key] for key in ("file", "rows", "bytes", "sha256"))
    if not (isinstance(file, str) and Path(file).name == file and isinstance(digest, str)):
        raise ValueError
    if not (type(rows) is int and type(size) is int and rows > 0):
        raise ValueError
    return {"file": file, "rows": rows, "bytes": size, "sha256": digest}


def _is_whole(folder: Path, shard: Shard) -> bool:
    file = folder / shard["file"]
    return file.is_file() and file.stat().st_size == shard["bytes"] and has_digest(file, shard["sha256"])


def _name(number: int) -> str:
    return f"part-{number:05}.parquet"


_ELSEWHERE = "name another folder, or remove this one"
