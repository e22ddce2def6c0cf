"""One small experiment with hostile names, and its report, open in a browser; made once."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from command_line import bench_here
from hostile_report import FILE, HostileWriter, Made, Opened
from playwright.sync_api import Browser

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
