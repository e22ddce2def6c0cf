"""Finished vectors in place of an encoder: ``--encoder vectors.parquet``, or ``vectors.parquet[name=ours]``.

Whoever has a model of another framework writes what it makes of each session prefix to a Parquet file
(:mod:`bench.data.vector_file`), or to several in a folder; the harness joins them as the vectors of a frozen encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.files import is_there
from bench.plugins.specs import EncoderSpec

SUFFIX = ".parquet"


@dataclass(frozen=True)
class VectorFileSpec(EncoderSpec):
    """A file or folder of finished vectors as an encoder.

    Attributes:
        path: as the user typed it.
    """

    path: str = ""

    @property
    def typed(self) -> str:
        """What a user types to get it under this name."""
        return f"{self.path}[name={self.name}]"


def is_vector_file(name: str) -> bool:
    """Whether what stands for an encoder is finished vectors: a Parquet file, or a folder, whose path has a slash."""
    path = name.partition("[")[0]
    return path.endswith(SUFFIX) or ("/" in path and is_there(Path(path)) and Path(path).is_dir())


def vector_file_spec(typed: str) -> VectorFileSpec:
    """The spec of ``PATH.parquet`` or ``PATH.parquet[name=NAME]``; its name is the file's unless one is given.
    ``FOLDER/`` stands for the Parquet files in a folder.

    Raises:
        BenchError: something else than a name in the brackets, or a name that is none.
    """
    path, opened, rest = typed.partition("[")
    name, fix = Path(path).name, f"such as {path}[name=ours]"
    if opened:
        if not rest.endswith("]"):
            raise BenchError(f"{typed!r} lacks a closing bracket", where="--encoder", fix=fix)
        key, equals, given = rest[:-1].partition("=")
        if key.strip() != "name" or not equals:
            raise BenchError(f"{rest[:-1]!r}: finished vectors have a name and no options", where=typed, fix=fix)
        name = given.strip()
    if not name or any(letter in "[],/=" or letter.isspace() for letter in name):
        raise BenchError(f"{name!r} is no name", where=typed, fix=f"letters, digits, -, _ and dots, {fix}")
    return VectorFileSpec(
        name,
        "bench.data.vector_file:read_vector_file",
        f"finished vectors of {path}; frozen",
        "whoever made the file",
        frozen=True,
        path=path,
    )
