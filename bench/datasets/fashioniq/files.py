"""The published files of multi-turn FashionIQ: their paths and checksums, in a folder or downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.data.checksums import sha256_of
from bench.data.download import check_sha256, fetch, is_url, join_url
from bench.errors import BenchError

REPOSITORY = "https://github.com/yfyuan01/MultiturnFashionRetrieval"
COMMIT = "cc192e64ee69f35a7741a1cb43c75cf0a8824a88"
BASE_URL = f"https://raw.githubusercontent.com/yfyuan01/MultiturnFashionRetrieval/{COMMIT}/"

CATEGORIES = ("dress", "shirt", "toptee")
PARTS = ("train", "val")

SHA256 = {
    "attr/asin2attr.all.train.new.json": "f8553c9dad699e9ca0a3c5027165a4765dea9b66bb18ea5cb3de9d326a17d834",
    "attr/asin2attr.all.val.new.json": "79eed0972e96e674cf4174b0d06686dc70ac4c8e9127baa740fe6ae9dc3ea7f3",
    "data/dress.train.json": "910382f8ba5114f911be3068aeff217cfbbd9691a264455b98662c296dc636a7",
    "data/dress.val.json": "0fab57ee66f28054e3546eb676b42b083e66eb4ae45607b2a425ab078154e3df",
    "data/shirt.train.json": "0ce0dc3ecf18535bc78695c67709e355e990751ecc257e63681766f08b97c103",
    "data/shirt.val.json": "95279d8c36e7e14eb55bd98e4a2200d0fec5f61413617d3470cfd47d6cb9f332",
    "data/toptee.train.json": "885c671630d786de02c5d29d087c4ea2b5a1ba8fe725080a1e4d600c9d8327ed",
    "data/toptee.val.json": "5e834d286496590e763dfa00ec3657fe6a41d1e9e9947c1266d0c300d2def75b",
    "image_splits/split.dress.train.json": "9ad820deefeec6de4af957c47bd9d7023451d07e1561ab5fa689aa05b7a45005",
    "image_splits/split.dress.val.json": "643d22f7df5fe3a5ea1be7c3a496ea3226ef177f14e3de5ee210545f761c5d6b",
    "image_splits/split.shirt.train.json": "576b52b609b390b9324972d7d1a59e4d4b7b46aa4e3ee69da13ad37935a383ce",
    "image_splits/split.shirt.val.json": "56d3b88525040fab12558164ea31e19423e7fe22daedc8f541452e2cfdd6f87e",
    "image_splits/split.toptee.train.json": "05dcf470d7cfd258a9b6ce538e3ce11201b77356beefaaa503707c3585f09068",
    "image_splits/split.toptee.val.json": "76e09428cd3eb1bd8c4077ff5c2e022497abed2b40296edb742da7d0997e0811",
}
"""Every file that is read, with its SHA-256 at :data:`COMMIT`."""


@contextmanager
def located(source: str | Path, beside: Path, verify: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder that holds the files, and the SHA-256 of each by its path.

    Files of a URL are downloaded next to ``beside`` and removed when the block ends.

    Raises:
        BenchError: a file is missing, or ``verify`` is set and a checksum differs.
    """
    expected = {path: digest if verify else None for path, digest in SHA256.items()}
    if is_url(source):
        beside.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f"{beside.name}.download.", dir=beside.parent) as downloads:
            root = Path(downloads)
            yield (
                root,
                {
                    path: fetch(join_url(str(source), path), root / path, sha256=digest)
                    for path, digest in expected.items()
                },
            )
        return
    root = Path(source)
    if not root.is_dir():
        raise BenchError("no such folder", where=str(root), fix=f"clone {REPOSITORY}, or give {BASE_URL}")
    digests = {path: sha256_of(root / path) for path in expected}
    for path, digest in expected.items():
        check_sha256(digests[path], digest, str(root / path))
    yield root, digests
