"""Names that attack, by every way out: none is a command, a formula, a tag, mathematics or an escape."""

from __future__ import annotations

import csv
import html.parser
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Ran, bench_fork, bench_here
from hostile_names import ATTACKS, hostile_corpus, install_hostile_encoder

pytestmark = pytest.mark.slow  # workers import torch


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, an experiment on it and its results."""
    folder = tmp_path_factory.mktemp("hostile")
    corpus = hostile_corpus(folder / "c", sessions=80).folder
    text = json.dumps(" ".join(ATTACKS[:13]))  # a text of TOML, too
    labels = {"lstm": ATTACKS[0] + ATTACKS[2], "meanpool": "_" + ATTACKS[7], "transearch": ATTACKS[4] + ATTACKS[8]}
    (folder / "e.toml").write_text(
        f"""
        title = {text}
        seeds = 2
        champion = "lstm"
        source = {text}
        settings = {{ ctr.epochs = 1 }}
        labels = {{ {", ".join(f"{name} = {json.dumps(label)}" for name, label in labels.items())} }}
        [[part]]
        id = "table2"
        title = {text}
        task = "ctr"
        datasets = ["{corpus}"]
        baselines = ["transearch"]
        encoders = ["vanilla", "lstm", "meanpool"]
        metrics = ["ndcg@10"]
        layout = "bars"
        """
    )
    ran = command("tables", folder, "--jobs", 1, "--format", "md,tex,csv,html,json", "--to", folder / "tables")
    assert ran.code == 0, ran.err
    return folder


def command(name: str, folder: Path, *words: object) -> Ran:
    ran = bench_here(name, folder / "e.toml", "--out", folder / "runs", "--device", "cpu", *words)
    check_text(ran.out + ran.err)
    return ran


def check_text(text: str) -> None:
    """No letter moves a cursor, turns the direction of writing or is half of a pair."""
    odd = {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")} - {"\n", "\t"}
    assert not odd | {letter for letter in text if unicodedata.bidirectional(letter) in ("RLO", "LRO", "RLE")}, odd


def check_tex(text: str) -> None:
    """LaTeX would read no file and no command but those of tables; mathematics is ours."""
    plain = text.replace(r"\textbackslash{}", "").replace(r"\$", "")
    commands = set(re.findall(r"\\([a-zA-Z]+)", plain))
    assert not commands & {"input", "frac", "write", "include", "immediate"}
    ours = r"\$(?:\\[a-zA-Z]+|\^\\dagger|[-<>])\$"
    assert "$" not in re.sub(ours, "", plain)


def check_md(text: str) -> None:
    check_text(text)
    assert not re.search(r"<(script|img|/style|/svg)", text)
    unescaped = [re.findall(r"(?<!\\)\$", line) for line in text.splitlines()]
    assert max(map(len, unescaped)) <= 1, "two of them would be mathematics"


def check_csv(text: str) -> None:
    check_text(text)
    fields = [field for row in csv.reader(text.splitlines(keepends=True)) for field in row]
    assert not [field for field in fields if re.match(r"\s*([=@]|[+-]\D)", field) and field not in "+-"]


class _Page(html.parser.HTMLParser):
    """Fails at tags and attributes that run something or load something."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("img", "iframe", "object", "embed", "link", "base"), tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert not (value or "").strip().lower().startswith(("javascript:", "data:text")), value

    def handle_data(self, data: str) -> None:
        if (self.get_starttag_text() or "").startswith("<script"):
            assert "alert(1)</" not in data


def check_html(text: str) -> None:
    check_text(text)
    _Page().feed(text)
    assert len(re.findall(r"<script", text)) <= 2  # the report's own, and its data


def check_svg(text: str) -> None:
    check_text(text)
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {
        "svg",
        "metadata",
        "RDF",
        "Work",
        "type",
        "format",
        "creator",
        "Agent",
        "title",
        "defs",
        "style",
    } | {*("g", "path", "use", "clipPath", "rect", "text", "tspan", "image")}


CHECKS = {"tex": check_tex, "md": check_md, "csv": check_csv, "html": check_html, "svg": check_svg, "json": check_text}


def check_folder(folder: Path) -> Iterator[str]:
    """Looks at every file, and at its name; yields the endings."""
    for file in folder.iterdir():
        assert re.fullmatch(r"[\w.@+=-]+", file.name), file.name
        ending = file.suffix.removeprefix(".")
        if ending in CHECKS:
            CHECKS[ending](file.read_text(encoding="utf-8"))
        yield ending


@pytest.mark.parametrize("way", ["tables", "figures", "report", "claims", "score"])
def test_names_are_text_by_every_way_out(way: str, place: Path) -> None:
    before = {path.name for path in place.iterdir()}
    if way == "tables":
        assert set(check_folder(place / "tables")) == {"md", "tex", "csv", "html", "json"}
    elif way == "figures":
        ran = command("figures", place, "--to", place / "figures")
        assert ran.code == 0, ran.err
        assert not re.search(r"Glyph [12]?\d \(", ran.err), "a picture of a control character"
        assert {"svg", "png", "pdf", "csv", "md"} == set(check_folder(place / "figures"))
        assert {file.stem for file in (place / "figures").iterdir()} >= {"table2", "figure6", "session", "deltas"}
    elif way == "report":
        assert command("report", place, "--to", place / "report.html").code == 0
        check_html((place / "report.html").read_text(encoding="utf-8"))
    elif way == "claims":
        assert command("claims", place).code in (0, 1)
        json.loads(command("claims", place, "--json").out)
    else:
        words = ["--metric", "MAP", "--slice", "first-query", "--format", "md,tex,csv,html", "--to", place / "scores"]
        assert command("score", place, *words).code == 0
        assert set(check_folder(place / "scores")) == {"md", "tex", "csv", "html", "json"}
    outside = {path.name for path in place.iterdir()} - before
    assert outside <= {"figures", "report.html", "scores"}


def test_what_a_corpus_and_a_plugin_say_of_themselves_is_a_line_each(place: Path, tmp_path: Path) -> None:
    stats = bench_here("data", "stats", place / "c")
    notes = stats.out.partition("Note: ")[2]
    assert len(("Note: " + notes).strip().splitlines()) == len(ATTACKS)
    explained = bench_fork("plugins", "counts", plugins=[install_hostile_encoder(tmp_path)])
    assert [explained.out.splitlines()[line].partition(" ")[0] for line in (0, 1, 3)] == ["encoder", "from", "source:"]
    for ran in (stats, explained, bench_here("data", "validate", place / "c")):
        assert ran.code == 0
        check_text(ran.out + ran.err)
