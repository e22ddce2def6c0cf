"""The report in a real browser: it opens, sorts, filters, compares, works by keyboard, and everybody can read it."""

from __future__ import annotations

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from hostile_report import Made, Opened
from playwright.sync_api import Page, expect

from bench.evaluation.grid import plan_experiment
from bench.evaluation.load import load_experiment
from bench.plugins.registry import registry
from bench.runs.store import Store

pytest_plugins = ["browsers", "report_fixtures"]
pytestmark = pytest.mark.slow  # a browser, and cells that are trained


def numbers(page: Page, table: str, column: int) -> list[float]:
    cells = page.locator(f"#{table} tbody tr td:nth-child({column})[data-sort]")
    return [float(cell.get_attribute("data-sort") or "nan") for cell in cells.all()]


def test_it_opens_whole_and_may_load_nothing(opened: Opened) -> None:
    page = opened.page
    policy = page.locator("meta[http-equiv]").get_attribute("content") or ""
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.locator("main > section").count() == 9
    assert page.locator("nav a").all_inner_texts() == [
        "Answer", "Claims", "Tables", "Differences", "Figures", "Compare", "Data", "Cells",
    ]  # fmt: skip
    assert "Simulated data." in page.locator("header").inner_text()
    assert page.locator("#answer .badge").first.inner_text() == "not certain", "two seeds are never certain"
    assert page.locator("svg").count() >= 4


def test_names_and_words_stay_text(opened: Opened) -> None:
    page = opened.page
    assert page.locator("img").count() == 0
    assert "broken" not in page.title() or "<img" in page.title()
    for text in (page.content(), page.locator("body").inner_text()):
        assert "\u202e" not in text
    said = "</script><img src=x onerror=\"document.title='broken'\">'&\\u202egpj"
    for place in ("h1", "#claims", "#table2", "#corpora", "#compare-result"):
        assert said in page.locator(place).first.inner_text(), place


def test_a_column_sorts_both_ways_and_says_so(opened: Opened) -> None:
    page = opened.page
    head = page.locator("#table2 thead tr:last-child th").nth(2)
    before = numbers(page, "table2", 3)
    for order, reverse in (("descending", True), ("ascending", False)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == order
        assert numbers(page, "table2", 3) == sorted(before, reverse=reverse)
    assert page.locator("#table2 th[aria-sort=none]").count() == 3


def test_a_filter_keeps_the_rows_with_its_words(opened: Opened) -> None:
    page = opened.page
    search, rows = page.locator("[data-filters=cell-list]"), page.locator("#cell-list tbody tr:not([hidden])")
    count = page.locator("[data-counts=cell-list]")
    assert count.inner_text() == f"{rows.count()} rows" == "9 rows"
    search.fill("transearch meanpool")
    assert rows.count() == 2
    assert count.inner_text() == "2 of 9 rows"
    search.fill("")
    assert rows.count() == 9


def test_by_keyboard_a_number_tells_its_interval_and_opens_its_cell(opened: Opened, made: Made) -> None:
    page = opened.page
    number = page.locator("#table2 tr:has-text('transearch'):has-text('meanpool') a.number").first
    number.focus()
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert "Δ to vanilla" in tip.inner_text()
    assert number.get_attribute("aria-describedby") == "tip"
    page.keyboard.press("Enter")
    # A browser tells of a changed address, and a page of a closed dialog, some time after the key: each is waited for.
    expect(page).to_have_url(re.compile("#cell-"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    text = dialog.inner_text()
    key = page.url.partition("#cell-")[2]
    record = json.loads((made.store / "cells" / key / "cell.json").read_text())
    assert f"{record['metrics']['mrr@10']:.4f}" in text
    assert f"{record['seconds']:.2f}".rstrip("0") in text
    assert "bench run --task ctr --baseline transearch --encoder meanpool" in text
    assert "Training" in text
    dialog.get_by_role("link", name="seed 1").click()
    expect(dialog.get_by_role("heading").first).to_contain_text("seed 1")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("#cell"))


def test_a_comparison_counts_the_users_that_the_statistics_count(opened: Opened, made: Made) -> None:
    page, store = opened.page, Store(made.store)
    plan = plan_experiment(load_experiment(str(made.experiment), registry()), registry(), store, device="cpu")
    outcome = plan.results(store).outcome("table2", "small", "transearch", "meanpool", "ndcg@10")
    assert outcome is not None
    assert outcome.users is not None
    for select, name in (("first", "meanpool"), ("second", "vanilla")):
        options = page.locator(f"#compare-{select} option", has_text="transearch").filter(has_text=name)
        page.locator(f"#compare-{select}").select_option(options.get_attribute("value"))
    said = page.locator(".tally li").all_inner_texts()
    assert [int(text.split()[0]) for text in said] == [outcome.users.won, outcome.users.tied, outcome.users.lost]
    assert "Tested as declared" in page.locator("#compare-result").inner_text()
    assert 1 <= page.locator(".unit").count() <= 10
    page.get_by_role("button", name="Swap").click()
    swapped = page.locator(".tally li").all_inner_texts()
    assert [int(text.split()[0]) for text in swapped] == [outcome.users.lost, outcome.users.tied, outcome.users.won]
    page.locator("#compare-second").select_option(page.locator("#compare-first").input_value())
    assert "two different systems" in page.locator("#compare-result").inner_text()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_axe_finds_nothing_serious_and_nothing_overflows(opened: Opened, width: int, scheme: str) -> None:
    page = opened.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    for with_a_cell in (False, True):
        if with_a_cell:
            page.locator("#cell-list a").first.click()
            expect(page.get_by_role("dialog")).to_be_visible()
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []


def test_it_prints_within_the_sheet(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 between its margins
    assert not page.locator("nav").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
