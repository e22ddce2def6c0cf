"""The site's search in a real browser: what somebody types is found, on this server alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect
from reader import ROOT

pytest.importorskip("mkdocs", reason="the site is built with the extra docs")
pytest_plugins = ["browsers"]
pytestmark = pytest.mark.slow  # builds the site


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the site is served."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True, timeout=300)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("typed", "page"),
    [("equivalence test", "statistics.html"), ("date format", "log-formats.html"), ("gc", "command-line.html")],
)
def test_what_is_typed_is_found_and_opens(browser: Browser, address: str, typed: str, page: str) -> None:
    tab, complaints = browser.new_page(), list[str]()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: complaints.append(request.url) if address not in request.url else None)
    tab.goto(f"{address}/index.html")
    tab.keyboard.press("s")  # as the page says
    tab.keyboard.type(typed)
    found = tab.locator(f".md-search-result__link[href*='{page}']").first
    expect(found).to_be_visible(timeout=30_000)
    found.click()
    tab.wait_for_url(f"**/{page}*")
    expect(tab.locator("h1").first).to_be_visible()
    assert complaints == []
    tab.close()
