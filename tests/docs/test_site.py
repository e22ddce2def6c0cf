"""What the site makes of the project when it is built; the build itself is ``make docs``: a warning is an error."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from types import ModuleType

import pytest
from reader import ROOT
from typer.main import get_command

from bench.cli.main import app

pytest.importorskip("mkdocs", reason="the site is built with the extra docs")
SITE = ROOT / "docs" / "site"


@pytest.fixture
def site(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of docs/site, which MkDocs imports by its path."""
    monkeypatch.syspath_prepend(str(SITE))
    known = set(sys.modules)
    module = importlib.import_module(request.param)
    for name in set(sys.modules) - known:  # names such as "links" are free again afterwards
        if str(SITE) in str(getattr(sys.modules[name], "__file__", "")):
            monkeypatch.delitem(sys.modules, name)
    return module


@pytest.mark.parametrize("site", ["demo_picture"], indirect=True)
def test_the_picture_is_that_of_the_recorded_rows(site: ModuleType) -> None:
    rows = json.loads(site.ROWS.read_text(encoding="utf-8"))
    assert site.PICTURE.read_text(encoding="utf-8") == site.picture(rows), "python docs/site/demo_picture.py draws it"
    assert "simulated" in site.picture(rows)


@pytest.mark.parametrize("site", ["gains"], indirect=True)
def test_the_table_of_gains_has_the_recorded_numbers(site: ModuleType) -> None:
    """A plain restatement, of one table: its means, and muvcog-m's difference with its interval."""
    folder = "scorer-simulated/second-world"
    with (ROOT / "results" / folder / "categories.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "ndcg@10" and row["baseline"] == "transearch"]
    lines = [line for line in site.table([folder]).splitlines() if "categories" in line]
    datasets = {row["dataset"] for row in rows}
    assert len(lines) == len(datasets) > 1
    for dataset in datasets:
        (line,) = [line for line in lines if f"| {dataset}, transearch |" in line]
        of = {row["encoder"]: row for row in rows if row["dataset"] == dataset}
        assert f"{float(of['vanilla']['mean']):.3f} | {float(of['lstm']['mean']):.3f} |" in line
        assert f"{float(of['muvcog-m']['delta']):+.3f}".replace("-", "−") in line
        assert f"{float(of['muvcog-m']['ci_low']):+.3f}".replace("-", "−") in line


@pytest.mark.parametrize("site", ["gains"], indirect=True)
def test_every_verdict_of_a_folder_is_shown(site: ModuleType) -> None:
    recorded = (ROOT / "results" / "scorer-simulated" / "second-world" / "claims.md").read_text(encoding="utf-8")
    verdicts = [line for line in recorded.splitlines() if line.startswith("|")][2:]
    shown = site.claims(["scorer-simulated/second-world"]).splitlines()
    assert [line for line in verdicts if not any(row.endswith(line) for row in shown)] == []
    assert len(shown) == len(verdicts) + 2


@pytest.mark.parametrize("site", ["api_reference"], indirect=True)
@pytest.mark.parametrize("module", ["bench", "bench.testing"])
def test_the_reference_has_every_public_class_and_function(site: ModuleType, module: str) -> None:
    page = site.page(module)
    exported = importlib.import_module(module)
    assert [name for name in exported.__all__ if f".{name}\n" not in page] == ["__version__"] * (module == "bench")


@pytest.mark.parametrize("site", ["command_reference"], indirect=True)
def test_the_reference_has_every_command_and_option(site: ModuleType) -> None:
    page = site.page()
    waiting = [("bench", get_command(app))]
    while waiting:
        path, command = waiting.pop()
        if hasattr(command, "commands"):
            waiting += [(f"{path} {name}", inner) for name, inner in command.commands.items()]
            continue
        section = page.split(f"\n## {path}\n")[1].split("\n## ")[0]
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        assert [option for option in options if option not in section] == []


@pytest.mark.parametrize("site", ["searchable"], indirect=True)
def test_what_the_search_does_not_find_is_named(site: ModuleType) -> None:
    entries = [("", "A start"), ("own.html", "Own"), ("own.html#more", "bench run"), ("ref.html#x", "of muvcog-m")]
    index = {"docs": [{"location": where, "title": "", "text": text} for where, text in entries]}
    pages, words = ["index.html", "own.html", "ref.html"], ["bench run", "muvcog-m"]
    assert site.not_found(index, pages, words) == []
    assert site.not_found(index, [*pages, "lost.html"], [*words, "lstm"]) == ["lost.html", "lstm"]
    assert {"bench run", "bench data", "muvcog-m", "transearch", "ctr", "beauty"} <= set(site.sought())


@pytest.mark.parametrize("site", ["docstrings"], indirect=True)
def test_docstrings_become_markdown(site: ModuleType) -> None:
    formulas, literal = ".. math::\n    a &= b\n\n    c &= d\n\n", "As in::\n\n    not ``changed``\n"
    said = site.as_markdown(f"See :func:`bench.run` and :math:`x`.\n\n{formulas}{literal}")
    assert "See `bench.run` and $x$." in said
    assert "$$\na = b\n$$" in said
    assert "$$\nc = d\n$$" in said
    assert "As in:\n\n```\nnot changed\n```" in said


@pytest.mark.parametrize("site", ["links"], indirect=True)
def test_links_of_the_project_lead_to_pages_of_the_site(site: ModuleType) -> None:
    assert site.resolved("docs/own-logs.md", "../results/README.md") == "results/README.md"
    assert site.resolved("results/README.md", "simulated-worlds") == "results/simulated-worlds/README.md"
    assert site.resolved("docs/own-logs.md", "nowhere.md") is None
    assert site.site_path("docs/own-logs.md") == "own-logs.md"
    text = "[a](../results/README.md) [b](own-encoder.md) [c](https://example.org)\n\n```text\n[d](../LICENSE)\n```\n"
    assert site.linked_targets("docs/own-logs.md", text) == {"results/README.md"}
