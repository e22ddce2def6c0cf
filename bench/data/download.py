"""Getting a dataset's files from a folder or a base URL, checked by SHA-256 and never half there."""

from __future__ import annotations

import errno
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.data.checksums import sha256_of
from bench.errors import BenchError, shortened
from bench.files import written_whole

_CHUNK_BYTES = 1 << 20
MOST_BYTES = 100 * 10**9
"""Of one file: more than any log that people have put on a server."""
SLOWEST = 1_000.0
"""Bytes a second."""
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

    Returns:
        the SHA-256 of the file, in hexadecimal.

    Raises:
        BenchError: it is missing, the connection broke, the sum is wrong, the server sends too much or too slowly, or
            it redirects to where nobody asked for: out of HTTPS, to what is no web address, or, where the sum is not
            known, to another host.
    """
    with written_whole(target) as part:
        limits = _Limits(timeout, most_bytes, slowest)
        actual = (
            _download(str(source), part, sha256 is not None, limits) if is_url(source) else _copy(Path(source), part)
        )
        check_sha256(actual, sha256, str(source))
    return actual


def join_url(base: str, relative: str) -> str:
    """``base`` + ``relative`` with one slash between them; the parts of ``relative`` are quoted."""
    return base.rstrip("/") + "/" + urllib.parse.quote(relative)


@dataclass(frozen=True)
class _Limits:
    """Of a download: seconds without a byte, bytes in all, bytes a second."""

    timeout: float
    most_bytes: int
    slowest: float


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the user would have gone.

    Args:
        known: whether the checksum of the file is known, so that it does not matter which host has it.
    """

    def __init__(self, known: bool) -> None:
        self._known = known

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if after.scheme not in ("http", "https"):
            raise _RefusedError(f"redirects to {newurl}, which is no web address")
        if before.scheme == "https" and after.scheme != "https":
            raise _RefusedError(f"redirects out of HTTPS, to {newurl}")
        if before.hostname != after.hostname and not self._known:
            what = f"redirects to another host, {newurl}, and no checksum is known"
            raise _RefusedError(what, "give that address itself")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _RefusedError(Exception):
    """A redirect that is not followed, and what to do."""

    def __init__(self, what: str, fix: str = "check the URL") -> None:
        self.what, self.fix = what, fix


def _download(url: str, part: Path, known: bool, limits: _Limits) -> str:
    where = shortened(url)
    try:
        with urllib.request.build_opener(_Redirects(known)).open(url, timeout=limits.timeout) as response:
            length = response.headers.get("Content-Length")
            if length is not None and length.isdecimal() and len(length) < 20 and int(length) > limits.most_bytes:
                raise _too_much(limits, where)
            digest, size = _write(response, part, limits, where)
    except _RefusedError as refused:
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


def _too_much(limits: _Limits, where: str) -> BenchError:
    what = f"the server sends more than {limits.most_bytes:,} bytes"
    return BenchError(what, where=where, fix="check the URL; fetch a larger file yourself, and name its path")


def _write(reader: IO[bytes], part: Path, limits: _Limits | None = None, where: str = "") -> tuple[str, int]:
    """Copies what is read, within limits; returns the SHA-256 and the size."""
    size, began = 0, time.monotonic()
    # one read of the socket at a time: a whole chunk of a server that drips would take for ever
    read = getattr(reader, "read1", reader.read) if limits is not None else reader.read
    with part.open("wb") as writer:
        while chunk := read(_CHUNK_BYTES):
            writer.write(chunk)
            size += len(chunk)
            if limits is None:
                continue
            if size > limits.most_bytes:
                raise _too_much(limits, where)
            seconds = time.monotonic() - began
            if seconds > limits.timeout and size < limits.slowest * seconds:
                what = f"the server sends {size / seconds:,.0f} bytes a second"
                raise BenchError(what, where=where, fix="try again later, or fetch the file yourself and name its path")
    return sha256_of(part), size


def _copy(source: Path, part: Path) -> str:
    try:
        reader = source.open("rb")
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", where=str(source), fix="check the path") from None
    with reader:
        return _write(reader, part)[0]
