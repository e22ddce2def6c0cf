"""A download is whole and the right file, or it is an error that names it and leaves nothing behind."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.data.download import fetch, is_url, join_url
from bench.errors import BenchError

BODY = b"a file\n" * 100_000
SUM = hashlib.sha256(BODY).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path.startswith(("/to/", "/floods/")):
            self.send_response(302)
            self.send_header("Location", self.path.partition("/")[2].partition("/")[2])
            self.end_headers()
            with suppress(OSError):
                while self.path.startswith("/floods/"):  # beside the redirect
                    self.wfile.write(BODY)
            return
        if self.path in ("/headers", "/continues"):
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: " if self.path == "/headers" else b"")
                for _ in range(200):
                    self.wfile.write(b"x" if self.path == "/headers" else b"HTTP/1.1 100 Continue\r\n\r\n")
                    self.server.wait.wait(0.05)  # type: ignore[attr-defined]
            return
        self.send_response(200)
        if self.path not in ("/endless", "/drips"):
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/drips":
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.server.wait.wait(0.05)  # type: ignore[attr-defined]
        elif self.path == "/broken":
            self.wfile.write(BODY[: len(BODY) // 2])
        elif self.path == "/stalled":
            self.wfile.flush()
            self.server.wait.wait(10)  # type: ignore[attr-defined]
        else:
            self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.wait = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.wait.set()  # type: ignore[attr-defined]
        running.shutdown()


@pytest.mark.parametrize("path", ["/good", "/endless"])
def test_a_url_becomes_a_file(server: str, tmp_path: Path, path: str) -> None:
    target = tmp_path / "deep" / "file"
    assert fetch(server + path, target, sha256=SUM) == SUM
    assert target.read_bytes() == BODY
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_a_path_and_a_file_url_are_copied(tmp_path: Path) -> None:
    source = tmp_path / "a file"
    source.write_bytes(BODY)
    assert fetch(source, tmp_path / "copy", sha256=SUM.upper()) == SUM
    assert fetch(source.as_uri(), tmp_path / "copy", sha256=SUM) == SUM
    assert fetch(join_url(tmp_path.as_uri() + "/", "a file"), tmp_path / "copy") == SUM
    assert (tmp_path / "copy").read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "sha256", "message"),
    [
        ("/good", "0" * 64, f"/good: SHA-256 is {SUM}, expected {'0' * 64}"),
        ("/missing", None, "/missing: the server answered 404"),
        ("/broken", None, f"the connection broke after {len(BODY) // 2} of {len(BODY)} bytes"),
        ("/stalled", None, "the download failed: timed out"),
    ],
)
def test_what_goes_wrong_is_said_and_an_older_file_stays(
    server: str, tmp_path: Path, path: str, sha256: str | None, message: str
) -> None:
    (tmp_path / "file").write_text("older")
    with pytest.raises(BenchError) as caught:
        fetch(server + path, tmp_path / "file", sha256=sha256, timeout=0.5)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "older")]


def test_no_server_and_no_file_are_errors(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BenchError, match=r"the download failed: .*refused"):
        fetch(f"http://127.0.0.1:{port}/x", tmp_path / "file", timeout=2)
    for source in (tmp_path / "nowhere", (tmp_path / "nowhere").as_uri(), "http://", tmp_path):
        with pytest.raises(BenchError):
            fetch(source, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_only_addresses_are_urls() -> None:
    assert is_url("https://x/y")
    assert is_url("FILE:///x")
    assert not is_url("data/x")
    assert not is_url(Path("http:/x"))


@pytest.mark.parametrize("path", ["/good", "/endless"])
def test_a_server_that_sends_without_end_is_given_up(server: str, tmp_path: Path, path: str) -> None:
    with pytest.raises(BenchError, match="the server sends more than 1,000 bytes"):
        fetch(server + path, tmp_path / "file", most_bytes=1_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/drips", "/headers", "/continues"])
def test_a_server_that_drips_is_given_up_though_it_never_stops(server: str, tmp_path: Path, path: str) -> None:
    """A byte at a time of a file, of a header, or an answer that is none yet: too few in a second, or for too long."""
    with pytest.raises(BenchError, match=r"the server sends \d+ bytes a second"):
        fetch(server + path, tmp_path / "file", timeout=0.3)
    with pytest.raises(BenchError, match=r"the server has not sent all of it within 0\.3 s"):
        fetch(server + path, tmp_path / "file", slowest=0, longest=0.3)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_beside_a_redirect_is_not_read(server: str, tmp_path: Path) -> None:
    assert fetch(f"{server}/floods//good", tmp_path / "file", longest=30) == SUM


def test_a_redirect_goes_where_the_user_would_have_gone(server: str, tmp_path: Path) -> None:
    assert fetch(f"{server}/to//good", tmp_path / "same host") == SUM
    elsewhere = server.replace("127.0.0.1", "localhost")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        other_port = f"http://127.0.0.1:{running.server_port}"
        for place in (elsewhere, other_port):
            assert fetch(f"{server}/to/{place}/good", tmp_path / "known", sha256=SUM) == SUM
        secret = tmp_path / "secret"
        secret.write_text("secret")
        for target, why in (
            (f"{elsewhere}/good", "redirects to another place"),
            (f"{other_port}/good", "redirects to another place"),
            (f"file://{secret}", "is not allowed"),  # by Python itself
            ("ftp://127.0.0.1/x", "no web address"),
        ):
            with pytest.raises(BenchError, match=why):
                fetch(f"{server}/to/{target}", tmp_path / "refused")
        running.shutdown()
    assert not (tmp_path / "refused").exists()


def test_what_a_server_says_of_itself_is_spelt_out(tmp_path: Path) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 418 \x1b]0;title\x07\x1b[2J" + b"x" * 5_000 + b"\r\n\r\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with listening, pytest.raises(BenchError, match="418") as refused:
        fetch(f"http://127.0.0.1:{listening.getsockname()[1]}/x", tmp_path / "file")
    thread.join(5)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 600
