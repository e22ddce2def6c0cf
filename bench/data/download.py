"""Getting a dataset's files from a folder or a base URL, checked by SHA-256 and never half there."""

from __future__ import annotations

import errno
import http.client
import urllib.error
import urllib.parse
from pathlib import Path
from typing import IO

from bench.data.checksums import sha256_of
from bench.data.web import Limits, RefusedError, opener
from bench.errors import BenchError, shortened
from bench.files import written_whole

_CHUNK_BYTES = 1 << 20
MOST_BYTES = 100 * 10**9
"""Of one file: more than any log that people have put on a server."""
SLOWEST = 1_000.0
"""Bytes a second."""
LONGEST = 24 * 3600.0
"""Seconds of a download."""
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


def fetch(
    source: str | Path,
    target: Path,
    *,
    sha256: str | None = None,
    timeout: float = 60.0,
    most_bytes: int = MOST_BYTES,
    slowest: float = SLOWEST,
    longest: float = LONGEST,
) -> str:
    """Copies a file, or downloads a URL, to ``target``.

    The bytes go beside ``target`` first and are renamed once they are complete and their sum is right, so that a broken
    connection or a wrong file leaves nothing behind.

    Args:
        source: a path, or an address that starts with ``http://``, ``https://`` or ``file://``.
        target: where the file shall stand; overwritten.
        sha256: the sum that it must have, in hexadecimal; None for any.
        timeout: seconds without a byte after which the server is given up.
        most_bytes: a server that sends more is given up.
        slowest: bytes a second, on average, below which the server is given up after ``timeout`` seconds.
        longest: seconds after which the server is given up, however it sends.

    Returns:
        the SHA-256 of the file, in hexadecimal.

    Raises:
        BenchError: it is missing, the connection broke, the sum is wrong, the server sends too much or too slowly, or
            it redirects to where nobody asked for: out of HTTPS, to what is no web address, into a private network,
            or, where the sum is not known, to another host or port.
    """
    with written_whole(target) as part:
        limits = Limits(timeout, most_bytes, slowest, longest)
        actual = (
            _download(str(source), part, sha256 is not None, limits) if is_url(source) else _copy(Path(source), part)
        )
        check_sha256(actual, sha256, str(source))
    return actual


def join_url(base: str, relative: str) -> str:
    """``base`` + ``relative`` with one slash between them; the parts of ``relative`` are quoted."""
    return base.rstrip("/") + "/" + urllib.parse.quote(relative)


def _download(url: str, part: Path, known: bool, limits: Limits) -> str:
    where = shortened(url)
    try:
        with opener(limits, known).open(url, timeout=limits.timeout) as response:
            length = response.headers.get("Content-Length")
            if length is not None and length.isdecimal() and len(length) < 20:
                limits.check_size(int(length))
            digest, size = _write(response, part, limits)
    except RefusedError as refused:
        raise BenchError(shortened(f"the server {refused.what}", 400), where=where, fix=refused.fix) from None
    except urllib.error.HTTPError as error:
        reason = shortened(f"{error.code} {error.reason}")
        raise BenchError(f"the server answered {reason}", where=where, fix="check the URL") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise  # the disk's fault, not the server's
        raise _failed(error, where) from None
    except (http.client.HTTPException, ValueError) as error:
        raise _failed(error, where) from None
    # a connection closed early is not an error to http.client when the body is read in pieces
    if length is not None and length.isdecimal() and str(size) != length.lstrip("0").rjust(1, "0"):
        raise BenchError(
            f"the connection broke after {size} of {shortened(length)} bytes", where=where, fix="try again"
        )
    return digest


def _failed(error: Exception, where: str) -> BenchError:
    reason = shortened(str(getattr(error, "reason", None) or error))
    return BenchError(f"the download failed: {reason}", where=where, fix="try again, or give a folder")


def _write(reader: IO[bytes], part: Path, limits: Limits | None = None) -> tuple[str, int]:
    """Copies what is read, up to a size; returns the SHA-256 and the size."""
    size = 0
    # one read of the connection at a time, so that what a slow server has sent is counted as it comes
    read = getattr(reader, "read1", reader.read) if limits is not None else reader.read
    with part.open("wb") as writer:
        while chunk := read(_CHUNK_BYTES):
            writer.write(chunk)
            size += len(chunk)
            if limits is not None:
                limits.check_size(size)
    return sha256_of(part), size


def _copy(source: Path, part: Path) -> str:
    try:
        reader = source.open("rb")
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(source), fix="check the path") from None
    with reader:
        return _write(reader, part)[0]
