"""Getting a dataset's files from a folder or a base URL, checked by SHA-256 and never half there."""

from __future__ import annotations

import http.client
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO

from bench.data.checksums import sha256_of
from bench.errors import BenchError
from bench.files import written_whole

_CHUNK_BYTES = 1 << 20
_SCHEMES = ("http://", "https://", "file://")


def is_url(source: str | Path) -> bool:
    """Whether ``source`` is an address that :func:`fetch` downloads from, and not a path."""
    return str(source).lower().startswith(_SCHEMES)


def check_sha256(actual: str, expected: str | None, where: str) -> None:
    """Raises unless the checksums agree; ``expected`` None means that none is known.

    Raises:
        BenchError: names the file and both sums.
    """
    if expected is not None and actual != expected.lower():
        raise BenchError(
            f"SHA-256 is {actual}, expected {expected}",
            where=where,
            fix="fetch the version that the checksums are for, or set verify=false",
        )


def fetch(source: str | Path, target: Path, *, sha256: str | None = None, timeout: float = 60.0) -> str:
    """Copies a file, or downloads a URL, to ``target``.

    The bytes go beside ``target`` first and are renamed once they are complete and their sum is right, so that a broken
    connection or a wrong file leaves nothing behind.

    Args:
        source: a path, or an address that starts with ``http://``, ``https://`` or ``file://``.
        target: where the file shall stand; overwritten.
        sha256: the sum that it must have, in hexadecimal; None for any.
        timeout: seconds without a byte after which the server is given up.

    Returns:
        the SHA-256 of the file, in hexadecimal.

    Raises:
        BenchError: it is missing, the connection broke, or the sum is wrong.
    """
    with written_whole(target) as part:
        actual = _download(str(source), part, timeout) if is_url(source) else _copy(Path(source), part)
        check_sha256(actual, sha256, str(source))
    return actual


def join_url(base: str, relative: str) -> str:
    """``base`` + ``relative`` with one slash between them; the parts of ``relative`` are quoted."""
    return base.rstrip("/") + "/" + urllib.parse.quote(relative)


def _copy(source: Path, part: Path) -> str:
    try:
        with source.open("rb") as reader:
            return _write(reader, part)[0]
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(source), fix="check the path") from None


def _download(url: str, part: Path, timeout: float) -> str:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            length = response.headers.get("Content-Length")
            digest, size = _write(response, part)
    except urllib.error.HTTPError as error:
        raise BenchError(f"the server answered {error.code} {error.reason}", where=url, fix="check the URL") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BenchError(f"the download failed: {reason}", where=url, fix="try again, or give a folder") from None
    # a connection closed early is not an error to http.client when the body is read in pieces
    if length is not None and length.isdigit() and size != int(length):
        raise BenchError(f"the connection broke after {size} of {length} bytes", where=url, fix="try again")
    return digest


def _write(reader: IO[bytes], part: Path) -> tuple[str, int]:
    with part.open("wb") as writer:
        shutil.copyfileobj(reader, writer, _CHUNK_BYTES)
        size = writer.tell()
    return sha256_of(part), size
