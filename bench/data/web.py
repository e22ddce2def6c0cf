"""Web addresses of servers that nobody vouches for: what one may send, for how long, and where it may send one to.

http.client waits as long as each byte comes within a timeout, whether it is of a file, of a header or of the thousandth
"100 Continue", and urllib reads the whole text beside a redirect. Limits are therefore kept where bytes are read from
the connection, and what stands beside a redirect is not read.
"""

from __future__ import annotations

import functools
import http.client
import io
import ipaddress
import socket
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedError(Exception):
    """What a server does is not put up with, and what to do."""

    def __init__(self, what: str, fix: str = "check the URL") -> None:
        self.what, self.fix = what, fix


@dataclass(frozen=True)
class Limits:
    """What a server may cost.

    Attributes:
        timeout: seconds without a byte.
        most_bytes: of a file.
        slowest: bytes a second, on average from the first byte of an answer, after ``timeout`` seconds.
        longest: seconds in all, redirects and headers among them.
        began: on the clock of :func:`time.monotonic`.
    """

    timeout: float
    most_bytes: int
    slowest: float
    longest: float
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float:
        """Until the server is given up.

        Raises:
            RefusedError: it is past.
        """
        left = self.began + self.longest - time.monotonic()
        if left <= 0:
            raise RefusedError(f"has not sent all of it within {self.longest:,g} s", _FETCH_IT_YOURSELF)
        return left

    def check_size(self, size: int) -> None:
        """Raises :class:`RefusedError` where so many bytes are too many."""
        if size > self.most_bytes:
            what = f"sends more than {self.most_bytes:,} bytes"
            raise RefusedError(what, "check the URL; fetch a larger file yourself, and name its path")

    def check_rate(self, size: int, seconds: float) -> None:
        """Raises :class:`RefusedError` where so many bytes are too few for this time."""
        if seconds > self.timeout and size < self.slowest * seconds:
            raise RefusedError(f"sends {size / seconds:,.0f} bytes a second", _FETCH_IT_YOURSELF)


_FETCH_IT_YOURSELF = "try again later, or fetch the file yourself and name its path"


def opener(limits: Limits, known: bool) -> urllib.request.OpenerDirector:
    """Opens web addresses within limits.

    Args:
        limits: of all that it opens together.
        known: whether the checksum of the file is known, so that it does not matter which server has it.
    """
    return urllib.request.build_opener(_Redirects(known), _Http(limits), _Https(limits))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where the user would have gone.

    That is the same server, over HTTPS or as before; where a checksum says what arrives, any other web address. Neither
    leaves HTTPS, nor leads from the public network to this machine or a private one.
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
        fp.close()  # urllib would read all of it
        before, after = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if after.scheme not in DEFAULT_PORTS:
            raise RefusedError(f"redirects to {newurl}, which is no web address")
        if before.scheme == "https" and after.scheme != "https":
            raise RefusedError(f"redirects out of HTTPS, to {newurl}")
        if not (self._known or _is_same(before, after)):
            what = f"redirects to another place, {newurl}, and no checksum is known"
            raise RefusedError(what, "give that address itself")
        if _is_private(after.hostname) and not _is_private(before.hostname):
            raise RefusedError(f"redirects into a private network, to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_same(before: urllib.parse.SplitResult, after: urllib.parse.SplitResult) -> bool:
    """Whether two addresses are of one server: the same host and port, or HTTPS instead of HTTP."""
    ports = [(url.port or DEFAULT_PORTS[url.scheme], url.scheme) for url in (before, after)]
    return before.hostname == after.hostname and (ports[0] == ports[1] or ports == [(80, "http"), (443, "https")])


def _is_private(host: str | None) -> bool:
    """Whether a name has an address of this machine or of a network that the world does not see."""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        if not (mapped or address).is_global:
            return True
    return False


class _Paced(io.RawIOBase):
    """A connection, read within limits."""

    def __init__(self, connection: socket.socket, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._raw = connection.makefile("rb", buffering=0)
        self._size, self._first = 0, float("inf")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(min(self._limits.timeout, self._limits.seconds_left))
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            _ = self._limits.seconds_left  # if that is why, it says so
            raise
        now = time.monotonic()
        self._first = min(self._first, now)
        self._size += count or 0
        if count:
            self._limits.check_rate(self._size, now - self._first)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that is read within limits."""

    def __init__(self, sock: socket.socket, *words: Any, limits: Limits, **more: Any) -> None:
        super().__init__(sock, *words, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Paced(sock, limits))


def _connection(kind: type[http.client.HTTPConnection], limits: Limits) -> Callable[..., http.client.HTTPConnection]:
    """Makes connections whose answers are read within limits."""

    def made(host: str, **words: Any) -> http.client.HTTPConnection:
        words["timeout"] = min(limits.timeout, limits.seconds_left)
        connection = kind(host, **words)
        connection.response_class = functools.partial(_Answer, limits=limits)  # type: ignore[assignment]
        return connection

    return made


class _Http(urllib.request.HTTPHandler):
    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_connection(http.client.HTTPConnection, self._limits), req)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        made = _connection(http.client.HTTPSConnection, self._limits)
        return self.do_open(made, req, context=ssl.create_default_context())
