"""``make audit`` fails on a known vulnerability, passes over one with a reason, and never takes silence for peace.

The service is a real one: it listens on this machine and speaks OSV's interface; pip-audit asks it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import environment

pytest.importorskip("pip_audit")

AUDIT = Path(__file__).parents[1] / ".ci" / "audit.py"
KNOWN = {
    ("jinja2", "2.11.2"): ("PYSEC-2021-66", "CVE-2020-28493", "2.11.3"),
    ("left-pad", "1.0"): ("PYSEC-2026-1", "CVE-2026-1", "1.1"),
}


class _Osv(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, version = query["package"]["name"], query["version"]
        answer: dict[str, object] = {}
        if self.path == "/knows" and (name, version) in KNOWN:
            own, alias, fixed = KNOWN[name, version]
            ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
            affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
            answer = {"vulns": [{"id": own, "aliases": [alias], "summary": "bad", "affected": affected}]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def osv() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Osv) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def audit(folder: Path, *words: str, pins: str = "left-pad==1.0\nnumpy==2.0\n", excepted: str = "") -> tuple[int, str]:
    """Runs it where nothing but this machine can be reached; returns its exit code and what it says."""
    (folder / "pins.txt").write_text(pins)
    (folder / "excepted.toml").write_text(excepted)
    nowhere = {"https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1", "PIP_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, AUDIT, folder / "pins.txt", "--exceptions", folder / "excepted.toml", *words]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(**nowhere), timeout=120)
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran.returncode, ran.stdout + ran.stderr


def test_a_vulnerability_fails_unless_it_is_excepted_with_a_reason(osv: str, tmp_path: Path) -> None:
    at = ["--osv-url", f"{osv}/knows"]
    excepted = '[[exception]]\npackage = "left-pad"\nid = "{}"\nreason = "we pad right"\n'
    code, said = audit(tmp_path, *at, excepted=excepted.format("CVE-2026-2"))
    assert code == 1
    assert "VULNERABLE: left-pad 1.0: PYSEC-2026-1, CVE-2026-1 (fixed in 1.1)" in said
    assert "2 versions audited by osv: 1 vulnerable, 0 excepted" in said
    assert "no longer needed in excepted.toml: left-pad CVE-2026-2" in said
    code, said = audit(tmp_path, *at, excepted=excepted.format("CVE-2026-1"))
    assert code == 0
    assert "excepted: left-pad 1.0: PYSEC-2026-1, CVE-2026-1 (fixed in 1.1): we pad right" in said


def test_a_service_that_knows_nothing_is_not_believed(osv: str, tmp_path: Path) -> None:
    for at, why in ((f"{osv}/empty", "its silence says nothing"), ("http://127.0.0.1:9/", "cannot be reached")):
        code, said = audit(tmp_path, "--osv-url", at)
        assert code == 0
        assert said.startswith("NOT AUDITED: osv: ")
        assert why in said.partition("; pypi: cannot be reached")[0]
        assert "audited by" not in said


def test_an_exception_without_a_reason_is_none(tmp_path: Path) -> None:
    for excepted in (
        '[[exception]]\npackage = "a"\nid = "b"\n',
        '[[exception]]\npackage = "a"\nid = "b"\nreason = " "\n',
        "exception = 1\n",
        "[[exception\n",
    ):
        code, said = audit(tmp_path, excepted=excepted)
        assert code == 2
        assert len(said.splitlines()) == 1
