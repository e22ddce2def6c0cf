"""Pictures of a log's images: small copies in its corpus that change no key and no fingerprint, shown in the report and
in the figure of a session; what is no picture is left out and counted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from command_line import bench_here
from pictured_log import ITEMS, draw_pictures, write_pictured_log
from PIL import Image
from playwright.sync_api import Browser

from bench.data.checks.file_checks import damaged_files
from bench.data.corpus import Corpus
from bench.data.pictures import FILE, read_pictures
from bench.datasets.images.thumbnails import SIDE, shown_picture
from bench.errors import BenchError
from bench.reports.html.session_pictures import session_pictures

pytest_plugins = ["browsers", "report_fixtures"]

EXPERIMENT = """
title = "pictured"
seeds = 2
[settings]
ctr.epochs = 1
[[part]]
id = "table2"
title = "Clicks"
task = "ctr"
datasets = ["CORPUS"]
baselines = ["transearch"]
encoders = ["vanilla", "lstm"]
metrics = ["ndcg@10"]
layout = "table2"
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``plain`` and ``pictured``: the corpora of one log, without and with pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    log, pictures = write_pictured_log(folder / "log"), draw_pictures(folder / "photos")
    plain = bench_here("data", "ingest", log, "--to", folder / "plain", "--name", "shop")
    assert plain.code == 0, plain.err
    ran = bench_here("data", "ingest", log, "--to", folder / "pictured", "--name", "shop", "--pictures", pictures)
    assert ran.code == 0, ran.err
    (folder / "said.txt").write_text(ran.out)
    return folder


def test_what_is_no_picture_is_left_out_and_counted(folder: Path) -> None:
    said = (folder / "said.txt").read_text()
    assert f"{ITEMS - 4} of {ITEMS} images have a picture" in said
    assert "without a file (2)" in said, "the link leads out of the folder, and an SVG is no picture"
    assert "files that are no picture (1)" in said
    assert "pictures of too many pixels (1), such as 'shapes/i2';" in said


def test_pictures_change_no_number_and_are_checked(folder: Path) -> None:
    plain, pictured = Corpus(folder / "plain"), Corpus(folder / "pictured")
    assert plain.info.fingerprint == pictured.info.fingerprint
    assert plain.info.checksums == pictured.info.checksums
    assert not (folder / "plain" / FILE).exists()
    found = read_pictures(pictured, [*range(ITEMS), -1, 10_000])
    assert len(found) == ITEMS - 4
    assert read_pictures(plain, range(ITEMS)) == {}
    for jpeg in found.values():
        with Image.open(io.BytesIO(jpeg)) as opened:
            assert (opened.format, opened.size) == ("JPEG", (SIDE, 64))
    assert bench_here("data", "validate", folder / "pictured").code == 0
    whole = (folder / "pictured" / FILE).read_bytes()
    try:
        (folder / "pictured" / FILE).write_bytes(whole[:-1])
        assert damaged_files(folder / "pictured") == [FILE]
        assert bench_here("data", "validate", folder / "pictured").code == 1
        with pytest.raises(BenchError, match="not as it was written"):
            read_pictures(pictured, [5])
        shown = session_pictures(pictured, [{"steps": [["product", 0, 5]], "clicked": []}], 10**6)
        assert shown["shown"] == {}
        assert "not as it was written" in shown["said"]
    finally:
        (folder / "pictured" / FILE).write_bytes(whole)


def test_a_picture_is_written_anew_before_it_is_shown() -> None:
    written = io.BytesIO()
    Image.new("RGB", (90, 30), "red").save(written, "JPEG", comment=b"</script>")
    shown = shown_picture(written.getvalue())
    assert shown is not None
    assert shown[1:] == (90, 30)
    assert b"script" in written.getvalue()
    assert b"script" not in shown[0]
    large = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(large, "JPEG", quality=1)
    for hostile in (b"<svg onload='alert(1)'/>", b"", written.getvalue()[:40], large.getvalue(), bytes(50_000)):
        assert shown_picture(hostile) is None


def test_a_report_has_only_so_many(folder: Path) -> None:
    corpus = Corpus(folder / "pictured")
    units = [{"steps": [["product", 0, image]], "clicked": [[0, image]]} for image in range(ITEMS)]
    every = session_pictures(corpus, units, 10**6)
    some = session_pictures(corpus, units, 4_000)
    assert len(every["shown"]) == ITEMS - 4
    assert every["said"] == ""
    assert 0 < sum(len(jpeg) for _, _, jpeg in some["shown"].values()) <= 4_000
    assert some["said"] == f"Pictures left out: {ITEMS - 4 - len(some['shown'])} to keep this file small."


def test_no_folder_of_pictures_is_one_line(folder: Path, tmp_path: Path) -> None:
    ran = bench_here("data", "ingest", folder / "log", "--to", tmp_path / "c", "--pictures", tmp_path / "none")
    assert "no such folder" in ran.error
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_the_report_and_the_session_show_them(folder: Path, browser: Browser) -> None:
    experiment, report = folder / "ours.toml", folder / "report.html"
    experiment.write_text(EXPERIMENT.replace("CORPUS", str(folder / "pictured")))
    where = ("--out", folder / "runs", "--device", "cpu")
    assert bench_here("tables", experiment, *where, "--jobs", 1).code == 0
    drawn = bench_here("figures", experiment, "--only", "session", *where)
    assert drawn.code == 0, drawn.err
    assert bench_here("report", experiment, *where, "--to", report).code == 0
    picture = np.asarray(Image.open(folder / "runs" / "figures" / "ours" / "session.png").convert("RGB")).astype(int)
    assert (picture.max(axis=2) - picture.min(axis=2) > 200).sum() > 500, "coloured shapes, which no marker is"
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: complaints.append(request.url[:80]) if request.url[:5] not in ("file:", "data:") else None,
    )
    page.goto(report.as_uri())
    titles = " ".join(page.locator("#figures figcaption").all_inner_texts())
    for shown in ("One session and its candidates", "the seconds it takes", "Figure 2"):
        assert shown in titles, "a figure that `bench figures` draws"
    images = page.locator(".unit img")
    assert images.count() > 0
    assert page.locator(".unit img[alt='']").count() == 0
    assert images.first.get_attribute("alt", timeout=1000).startswith(("Image of the query: ", "Clicked item: "))
    page.locator("#compare").scroll_into_view_if_needed()
    images.evaluate_all("all => Promise.all(all.map(one => { one.loading = 'eager'; return one.decode(); }))")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert complaints == []
    page.close()
