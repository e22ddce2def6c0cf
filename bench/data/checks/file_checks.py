"""Which files of a corpus are not as they were written. All of them are read, and none is mended."""

from __future__ import annotations

from pathlib import Path

from bench.data import pictures, truth
from bench.data.checksums import has_digest, record_checksum
from bench.data.columns import FOLDER, Meta, read_meta
from bench.data.corpus import CorpusInfo, read_info
from bench.errors import BenchError


def damaged_files(folder: Path) -> list[str]:
    """Names of the files in the folder of a corpus that are gone or have other contents than those that were written.

    A table that was written again with the same rows is as it was: the columns say which files they were derived from.
    """
    try:
        info = read_info(folder)
    except BenchError:
        return ["corpus.toml"]
    meta = _meta(folder)
    derived = damaged_columns(folder)
    taken = {} if meta is None or derived else {name: one["sha256"] for name, one in meta["tables"].items()}
    known = info.checksums if meta is None or meta["fingerprint"] != info.fingerprint else {**info.checksums, **taken}
    tables = [name for name, digest in known.items() if not has_digest(folder / name, digest)]
    return [*tables, *damaged_truth_files(folder, info), *damaged_pictures(folder, info), *derived]


def damaged_columns(folder: Path) -> list[str]:
    """Those of the derived columns; none where there are no columns of this version: they are derived again."""
    meta = _meta(folder)
    if meta is None:
        return []
    if meta["checksum"] != record_checksum(meta):
        return [f"{FOLDER}/meta.json"]
    columns = folder / FOLDER
    known = {name: one["sha256"] for name, one in meta["files"].items()}
    return [f"{FOLDER}/{name}" for name, digest in known.items() if not has_digest(columns / name, digest)]


def damaged_truth_files(folder: Path, info: CorpusInfo) -> list[str]:
    """Those of the truth."""
    if info.truth and not has_digest(folder / truth.FOLDER / truth.FILE, info.truth):
        return [f"{truth.FOLDER}/{truth.FILE}"]
    return [f"{truth.FOLDER}/{name}" for name in truth.damaged_truth(folder)]


def damaged_pictures(folder: Path, info: CorpusInfo) -> list[str]:
    """The file of pictures, where there should be one."""
    return [pictures.FILE] if info.pictures and not has_digest(folder / pictures.FILE, info.pictures) else []


def _meta(folder: Path) -> Meta | None:
    """What the columns say of themselves; None where there are none, or those of another version."""
    try:
        meta = read_meta(folder)
        complete = Meta.__required_keys__ <= set(meta)
        return meta if complete and all("sha256" in one for one in meta["files"].values()) else None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError, BenchError):
        return None
