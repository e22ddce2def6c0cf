"""A corpus on disk, opened memory-mapped."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bench.claiming import claimed, tidy
from bench.data.checksums import has_digest, record_checksum
from bench.data.column_bounds import stray
from bench.data.columns import FOLDER, Columns, Meta, OutdatedColumnsError, build_columns, open_columns
from bench.data.npy import mapped
from bench.data.schema import FORMAT_VERSION, SPLITS, TABLES
from bench.data.split_kinds import SPLIT_KINDS, SplitKind
from bench.errors import BenchError, did_you_mean, quoted
from bench.files import read_toml
from bench.progress import note

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset


@dataclass(frozen=True)
class CorpusInfo:
    """What ``corpus.toml`` says.

    Attributes:
        name: the dataset's name, as tables print it.
        origin: ``simulated``, ``released`` (the authors' files), ``real`` or ``log`` (ingested).
        caveats: one line each; every result on this corpus prints them.
        licence: licence of the data, ``unknown`` where none is stated.
        source: how the corpus was made: the resolved configuration, seeds, files with checksums.
        counts: rows of each table, and of image_vectors.
        fingerprint: SHA-256 of the contents.
        split: ``random``, which is also what a corpus says that came split, ``time`` or ``user``
            (:mod:`bench.data.split_kinds`).
        checksums: SHA-256 of each table and matrix, by the name of its file.
        truth: SHA-256 of ``truth/truth.toml``, which has those of the truth's files; empty without a truth.
    """

    name: str
    origin: str
    caveats: tuple[str, ...]
    licence: str
    fingerprint: str
    split: SplitKind = "random"
    counts: dict[str, int] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    truth: str = ""

    @property
    def label(self) -> str:
        """The name with what a reader must know: ``beauty (simulated)``, ``mine (split by time)``."""
        return self.labelled(self.name)

    def labelled(self, name: str) -> str:
        """The label with another name in place of the corpus's own."""
        known = ["simulated"] if self.origin == "simulated" else []
        known += [] if self.split == "random" else [f"split by {self.split}"]
        return f"{name} ({', '.join(known)})" if known else name


class Corpus:
    """A corpus folder. Opening it reads only ``corpus.toml``; columns and vectors are memory-mapped when first used.

    Args:
        folder: a folder with ``corpus.toml``.

    Raises:
        BenchError: not a corpus, or of another format version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.info = read_info(self.folder)

    def __repr__(self) -> str:
        return f"Corpus({self.info.label}, {self.info.counts.get('sessions', 0)} sessions, {self.folder})"

    def check(self) -> None:
        """Looks whether the files are those that the corpus was made with; derives its columns where these are missing.

        Sizes and times are compared, and contents where these have changed; :meth:`verify` reads everything.

        Raises:
            BenchError: a table or a matrix was changed; says which.
        """
        _ = self._opened

    def verify(self) -> None:
        """Reads all files that runs use and compares them with their checksums, once per process: a disk that loses a
        bit keeps size and time. Damaged columns are derived again.

        Raises:
            BenchError: a table or a matrix was changed; says which.
        """
        self.__dict__["_opened"] = self._open(whole=True)

    @cached_property
    def _opened(self) -> tuple[Columns, Meta]:
        return self._open()

    def _open(self, whole: bool = False) -> tuple[Columns, Meta]:
        if (self.folder / FOLDER).is_symlink():  # it would be read, and replaced, outside of the corpus
            raise BenchError("is a link", where=str(self.folder / FOLDER), fix="remove it; columns are derived again")
        columns, meta = self._open_or_derive(whole)
        looked_at = str(self.folder.absolute()), meta["checksum"]
        if looked_at in _SOUND:
            return columns, meta
        try:
            wrong = stray(self.folder, columns, meta)
        except (OSError, ValueError, TypeError, KeyError) as error:
            wrong = f"cannot be read: {error}"
        if wrong:
            raise BenchError(
                wrong, where=str(self.folder), fix="do not use this corpus; `bench data validate` says more"
            )
        _SOUND.add(looked_at)
        return columns, meta

    def _open_or_derive(self, whole: bool) -> tuple[Columns, Meta]:
        with suppress(OutdatedColumnsError):
            opened = open_columns(self.folder, self.info.fingerprint, whole)
            tidy(self.folder / FOLDER)  # of a process that was killed when it had derived them
            return opened
        with claimed(self.folder / FOLDER):
            try:
                return open_columns(self.folder, self.info.fingerprint, whole)  # another process was as fast
            except OutdatedColumnsError as outdated:
                if outdated.damaged is not None:
                    column = self.folder / FOLDER / outdated.damaged
                    note(f"{column} is not as it was written; the columns are derived from the tables again")
            self._derive()
            return open_columns(self.folder, self.info.fingerprint)

    def _derive(self) -> None:
        """Makes the columns, from the tables that ``corpus.toml`` was written for and from no others."""
        try:
            fingerprint = build_columns(self.folder, fingerprint=self.info.fingerprint)["fingerprint"]
        except (
            pa.ArrowException,
            OSError,
            EOFError,
            ValueError,
            LookupError,
            ArithmeticError,
            TypeError,
            BenchError,
        ) as error:
            if isinstance(error, OSError) and error.errno in _NO_DAMAGE:
                raise
            raise self._changed(f"; it cannot be read: {' '.join(str(error).split())[:200]}") from error
        if fingerprint != self.info.fingerprint:
            raise self._changed("")

    def _changed(self, more: str) -> BenchError:
        """Names the files that are not those that the corpus was made with; the folder where these are not known."""
        changed = [name for name, digest in self.info.checksums.items() if not has_digest(self.folder / name, digest)]
        return BenchError(
            "is not the one that corpus.toml was written for" + more,
            where=", ".join(str(self.folder / name) for name in changed) or str(self.folder),
            fix="put the file back, or make the corpus again; `bench data validate` says more",
        )

    @property
    def columns(self) -> Columns:
        """All flat columns, memory-mapped."""
        return self._opened[0]

    @property
    def categories(self) -> list[str]:
        """Names of the item categories; a name's place is its code in ``columns.item_category``."""
        names: list[str] = self._opened[1]["categories"]
        return names

    @property
    def domains(self) -> list[str]:
        """Names of the item domains; a name's place is its code in ``columns.item_domain``."""
        names: list[str] = self._opened[1]["domains"]
        return names

    @property
    def num_users(self) -> int:
        """Number of distinct users; 0 where the log has none."""
        users: int = self._opened[1]["users"]
        return users

    @cached_property
    def word_vectors(self) -> NDArray[np.float32]:
        """(V, d) float32."""
        self.check()
        vectors: NDArray[np.float32] = mapped(self.folder / "word_vectors.npy")
        return vectors

    @cached_property
    def image_vectors(self) -> NDArray[np.int8 | np.float32]:
        """(I, d) int8, to be divided by 127, or float32."""
        self.check()
        vectors: NDArray[np.int8 | np.float32] = mapped(self.folder / "image_vectors.npy")
        return vectors

    def strings(self, table: str, column: str) -> pa.ChunkedArray:
        """A string column, such as ``strings("sessions", "session_id")``, read now and not kept."""
        self.check()
        return pq.read_table(self.folder / f"{table}.parquet", columns=[column])[column]

    def to_arrow(self, table: str) -> pa.Table:
        """A table of the corpus, such as ``to_arrow("sessions")``, read now and not kept.

        References between tables are row numbers, words are rows of ``vocabulary``; :func:`bench.log_tables` has ids
        and words in their place.

        Raises:
            BenchError: no table is called so.
        """
        if table not in TABLES:
            raise BenchError(
                f"a corpus has no table {table!r}", where=str(self.folder), fix=did_you_mean(table, TABLES)
            )
        self.check()
        return pq.read_table(self.folder / f"{table}.parquet")

    def to_pandas(self, table: str) -> pd.DataFrame:
        """The same as a pandas frame."""
        frame: pd.DataFrame = self.to_arrow(table).to_pandas()
        return frame

    def to_hf(self, table: str) -> Dataset:
        """The same as a Hugging Face ``Dataset``.

        Raises:
            BenchError: that library is not installed.
        """
        try:
            from datasets import Dataset
            from datasets.table import InMemoryTable
        except ImportError:
            fix = 'pip install "session-bench[huggingface]"'
            raise BenchError("Hugging Face's datasets is not installed", fix=fix) from None
        return Dataset(InMemoryTable(self.to_arrow(table)))

    def session_rows(self, split: str | None = None, downstream: bool | None = None) -> NDArray[np.int64]:
        """Rows of the sessions in ``split`` (all splits without it), in or out of the downstream sample."""
        chosen = np.ones(len(self.columns.session_split), dtype=bool)
        if split is not None:
            chosen &= self.columns.session_split == SPLITS.index(split)
        if downstream is not None:
            chosen &= self.columns.session_downstream == downstream
        return np.flatnonzero(chosen)


def read_info(folder: Path) -> CorpusInfo:
    """Reads ``corpus.toml``.

    Raises:
        BenchError: it is missing, unreadable or not as it was written, lacks a key, has another format version, or
            names no kind of split.
    """
    file = folder / "corpus.toml"
    try:
        raw = read_toml(file)
    except FileNotFoundError:
        raise BenchError(
            "not a corpus: no corpus.toml", where=str(folder), fix="make one with `bench data make` or `ingest`"
        ) from None
    if raw.get("format_version") != FORMAT_VERSION:
        raise BenchError(
            f"corpus format {quoted(raw.get('format_version'))}, this version reads {FORMAT_VERSION}",
            where=str(file),
            fix="make the corpus again",
        )
    if raw.get("split", "random") not in SPLIT_KINDS:
        fix = f"it is one of {', '.join(SPLIT_KINDS)}"
        raise BenchError(f"split = {quoted(raw['split'])} is no kind of split", where=str(file), fix=fix)
    for key, (fits, what) in _KEYS.items():
        if key in raw and not fits(raw[key]):
            raise BenchError(f"{key} = {quoted(raw[key])} is not {what}", where=str(file), fix=_AGAIN)
    try:
        info = CorpusInfo(
            name=raw["name"],
            origin=raw["origin"],
            caveats=tuple(raw["caveats"]),
            licence=raw["licence"],
            fingerprint=raw["fingerprint"],
            split=raw.get("split", "random"),
            counts=raw["counts"],
            source=raw.get("source", {}),
            checksums=raw.get("checksums", {}),
            truth=raw.get("truth", ""),
        )
    except KeyError as error:
        raise BenchError(f"key {error} is missing", where=str(file), fix=_AGAIN) from None
    if "checksum" in raw and raw["checksum"] != record_checksum(raw):
        fix = f"put the file back, or {_AGAIN}; if you edited it yourself, remove its line checksum"
        raise BenchError("is not as it was written", where=str(file), fix=fix)
    return info


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST_NAME


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_counts(value: object) -> bool:
    counts = value if isinstance(value, dict) else {}
    return counts.keys() >= _COUNTED and all(type(count) is int and 0 <= count < 2**63 for count in counts.values())


def _are_sums(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str) and Path(name).name == name for name, one in value.items()
    )


_SOUND: set[tuple[str, str]] = set()
"""Folders of corpora, and the checksums of what their columns say of all files, whose numbers this process has found to
lead somewhere: a worker opens the same corpus for every job."""

_AGAIN = "make the corpus again"
_NO_DAMAGE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE)
"""What the system may answer while columns are derived that says nothing of the files they are derived from."""
_COUNTED = {*TABLES, "images"}
_LONGEST_NAME, _LONGEST_TEXT = 200, 10_000  # characters
_KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (_is_name, f"a text of 1 to {_LONGEST_NAME} characters"),
    "origin": (_is_text, "a text"),
    "caveats": (_are_texts, f"a list of texts of {_LONGEST_TEXT:,} characters at most"),
    "licence": (_is_text, "a text"),
    "fingerprint": (_is_text, "a text"),
    "counts": (_are_counts, f"a table of whole numbers: rows of {', '.join(sorted(_COUNTED))}"),
    "source": (lambda value: isinstance(value, dict), "a table"),
    "checksums": (_are_sums, "a table of texts by names of files"),
    "truth": (_is_text, "a text"),
}
"""What each key of ``corpus.toml`` must be: a corpus may be somebody else's."""
