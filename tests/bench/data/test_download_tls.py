"""Over TLS, with a certificate made here: a server is who it says, and no redirect leaves HTTPS or the public network.

Names that are not of this machine lead to it through a proxy, as they do in many firms.
"""

from __future__ import annotations

import datetime
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.data.download import fetch
from bench.errors import BenchError

x509 = pytest.importorskip("cryptography.x509")

BODY = b"a file"
SUM = hashlib.sha256(BODY).hexdigest()
NAMES = ("localhost", "shop.test")


class _Server(BaseHTTPRequestHandler):
    """Sends a file, or to where ``/to/`` says; passes on what a proxy is asked to."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path  # a proxy is sent the whole address
        self.send_response(302 if path.startswith("/to/") else 200)
        self.send_header("Location", path.removeprefix("/to/")) if path.startswith("/to/") else None
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_CONNECT(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.behind)) as other:  # type: ignore[attr-defined]
            self.send_response(200)
            self.end_headers()
            threading.Thread(target=_pass_on, args=(other, self.connection), daemon=True).start()
            _pass_on(self.connection, other)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def _certificate(folder: Path) -> Path:
    """Key and certificate of a server that signs for itself."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def ports(certificate: Path) -> Iterator[tuple[int, int]]:
    """Of a server of HTTPS, and of one of HTTP that is a proxy too."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Server)) for _ in range(2)]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        servers[0].socket = context.wrap_socket(servers[0].socket, server_side=True)
        servers[1].behind = servers[0].server_port  # type: ignore[attr-defined]
        for one in servers:
            threading.Thread(target=one.serve_forever, daemon=True).start()
            stack.callback(one.shutdown)
        yield servers[0].server_port, servers[1].server_port


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def proxy(ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{ports[1]}")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


def test_a_server_must_be_who_it_says(ports: tuple[int, int], certificate: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="certificate verify failed"):
        fetch(f"https://localhost:{ports[0]}/x", tmp_path / "file", sha256=SUM)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SSL_CERT_FILE", str(certificate))
        assert fetch(f"https://localhost:{ports[0]}/x", tmp_path / "file") == SUM
        with pytest.raises(BenchError, match=r"not valid for '127\.0\.0\.1'"):
            fetch(f"https://127.0.0.1:{ports[0]}/x", tmp_path / "file", sha256=SUM)


@pytest.mark.usefixtures("trusted")
def test_no_redirect_leaves_https_not_even_to_what_is_known(ports: tuple[int, int], tmp_path: Path) -> None:
    secure, plain = f"https://localhost:{ports[0]}", f"http://localhost:{ports[1]}"
    for known in (SUM, None):
        with pytest.raises(BenchError, match="redirects out of HTTPS"):
            fetch(f"{secure}/to/{plain}/x", tmp_path / "file", sha256=known)
    assert fetch(f"{secure}/to/{secure}/x", tmp_path / "file") == SUM
    assert fetch(f"{plain}/to/{secure}/x", tmp_path / "file", sha256=SUM) == SUM
    with pytest.raises(BenchError, match="redirects to another place"):
        fetch(f"{plain}/to/{secure}/x", tmp_path / "file")  # another port


@pytest.mark.usefixtures("trusted", "proxy")
def test_no_redirect_leads_from_outside_into_a_private_network(ports: tuple[int, int], tmp_path: Path) -> None:
    assert fetch("http://shop.test/x", tmp_path / "file") == SUM
    assert fetch("http://shop.test/to/https://shop.test/x", tmp_path / "file") == SUM, "the same server's HTTPS"
    with pytest.raises(BenchError, match="redirects to another place"):
        fetch("http://shop.test/to/https://shop.test:444/x", tmp_path / "file")
    for inside in (
        f"127.0.0.1:{ports[1]}",
        f"localhost:{ports[1]}",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "2130706433",
    ):
        with pytest.raises(BenchError, match="redirects into a private network"):
            fetch(f"http://shop.test/to/http://{inside}/x", tmp_path / "file", sha256=SUM)
