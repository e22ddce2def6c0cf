"""One small experiment with hostile names, its report, and a real browser that has it open; each made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from command_line import bench_here
from hostile_report import CHROMIUM, FILE, FLAGS, HostileWriter, Made, Opened
from playwright.sync_api import Browser, sync_playwright

from bench.testing import corpora


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    with patch.object(corpora, "CorpusWriter", HostileWriter):
        corpora.random_corpus(folder / "small", sessions=60)
    made = Made(folder / "ours.toml", folder / "runs", folder / "report.html")
    made.experiment.write_text(FILE.replace("FOLDER", str(folder / "small")), encoding="utf-8")
    ran = bench_here("tables", made.experiment, "--out", made.store, "--jobs", 1, "--device", "cpu")
    assert ran.code == 0, ran.err
    written = bench_here("report", made.experiment, "--out", made.store, "--device", "cpu", "--to", made.report)
    assert written.code == 0, written.err
    return made


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without one the tests are skipped, unless REQUIRE_CHROMIUM says that they must not be."""
    if not Path(CHROMIUM).exists():
        assert not os.environ.get("REQUIRE_CHROMIUM"), "there is no chromium"
        pytest.skip("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, made: Made) -> Iterator[Opened]:
    """The report, freshly opened; afterwards nothing may have been complained of, nor fetched."""
    page, complaints = browser.new_page(viewport={"width": 1440, "height": 900}), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: complaints.append(request.url) if "file:" not in request.url else None)
    page.goto(made.report.as_uri())
    yield Opened(page, complaints)
    assert complaints == []
    page.close()
