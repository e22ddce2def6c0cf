"""``bench figures`` from outside: what can be drawn is, what lacks results is named, wrong names are one line, every
caption says that data are simulated, and drawing again gives the same files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from command_line import Ran, bench_here

SMALL = """
title = "a small experiment"
seeds = 2

[settings]
sessions = 300
downstream = 200
steps = 4
validate_every = 2
ctr.epochs = 1

[labels]
beauty = "Beauty"
muvcog-m = "MUVCOG-M"

[[part]]
id = "table2"
title = "Click prediction"
task = "ctr"
datasets = ["beauty"]
baselines = ["popularity", "transearch"]
encoders = ["lstm", "muvcog-m"]
metrics = ["ndcg@10"]
layout = "bars"
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "small.toml").write_text(SMALL)
    return folder


def figures(place: Path, *more: object) -> Ran:
    return bench_here("figures", place / "small.toml", "--out", place / "runs", "--device", "cpu", *more)


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def before(place: Path) -> Ran:
    return figures(place, "--to", place / "before")


def test_without_results_only_the_corpora_are_drawn_and_the_rest_is_named(before: Ran, place: Path) -> None:
    assert before.code == 0, before.err
    assert {Path(name).stem for name in files(place / "before")} == {"figure2"}
    (said,) = [line for line in before.err.splitlines() if "left out" in line]
    assert set(re.findall(r"\w+", said.partition(" are left out: ")[0])) == {
        "table2",
        "figure6",
        "session",
        "deltas",
        "cost",
        "curves",
        "learning",
        "and",
    }
    assert said.endswith(f"are left out: none of their results is there yet (bench tables {place}/small.toml)")
    assert not (place / "runs" / "cells").exists()
    assert not (place / "runs" / "encoders").exists()


def test_json_says_what_was_drawn_and_why_the_rest_was_not(before: Ran, place: Path) -> None:
    rows = {row["figure"]: row for row in figures(place, "--to", place / "before", "--json").rows}
    assert rows["figure2"]["folder"] == str(place / "before")
    assert rows["figure2"]["missing"] is None
    assert "none of its results is there yet" in rows["deltas"]["missing"]


def test_a_figure_that_is_asked_for_and_has_no_results_is_an_error(before: Ran, place: Path) -> None:
    assert "--only table2: none of its results is there yet" in figures(place, "--only", "table2").error


def test_an_unknown_figure_is_one_line_that_says_which_come_near(place: Path) -> None:
    assert "no figure 'figur2'" in figures(place, "--only", "figur2").error
    assert "did you mean figure2" in figures(place, "--only", "figur2").error


@pytest.mark.slow
def test_with_results_every_figure_is_drawn_and_drawing_again_gives_the_same_files(before: Ran, place: Path) -> None:
    ran = bench_here("tables", place / "small.toml", "--out", place / "runs", "--device", "cpu", "--jobs", 1)
    assert ran.code == 0, ran.err
    first, second = figures(place, "--to", place / "first"), figures(place, "--to", place / "second")
    assert (first.code, second.code) == (0, 0), first.err
    names = {f"{id}.{kind}" for id in DRAWN for kind in KINDS}
    assert set(files(place / "first")) == names
    assert files(place / "first") == files(place / "second")
    for caption in (place / "first").glob("*.md"):
        text = caption.read_text()
        assert "simulated" in text, caption
        assert "Command: `bench figures" in text, caption
        assert "at commit" in text, caption
    bars = pd.read_csv(place / "first" / "table2.csv")
    bars = bars[bars["baseline"] == "transearch"].set_index("encoder")
    table = pd.read_json(place / "runs" / "tables" / "small" / "table2.json")
    assert bars.index.tolist() == ["vanilla", "lstm", "muvcog-m"]
    assert "Seeds: 0, 1." in (place / "first" / "table2.md").read_text()
    assert len(table)
    deltas = pd.read_csv(place / "first" / "deltas.csv").set_index(["encoder", "reference"])
    gain = bars["mean"]["lstm"] - bars["mean"]["vanilla"]
    assert deltas.loc[("lstm", "vanilla"), "delta"] == pytest.approx(gain, abs=1e-5)
    assert set(pd.read_csv(place / "first" / "figure6.csv")["encoder"]) == {"lstm", "MUVCOG-M"}
    assert pd.read_csv(place / "first" / "curves.csv")["step"].unique().tolist() == [2, 4]
    assert pd.read_csv(place / "first" / "learning.csv")["epoch"].unique().tolist() == [1]


@pytest.mark.slow
def test_what_an_encoder_costs_is_what_its_cells_took(place: Path) -> None:
    cost = pd.read_csv(place / "first" / "cost.csv").set_index(["baseline", "encoder"])
    assert cost.index.tolist() == [("transearch", name) for name in ("vanilla", "lstm", "muvcog-m")], "no references"
    took: dict[str, list[float]] = {}
    for kind in ("cells", "encoders", "embeddings"):
        for file in (place / "runs" / kind).glob("*/*.json"):
            record = json.loads(file.read_text())
            encoder = record["config"]["encoder"]["name"]
            if kind != "cells" and encoder != "muvcog-m":
                continue  # the LSTM that Figure 6 trained along is stored, too
            if kind != "cells" or record["config"]["baseline"]["name"] == "transearch":
                took.setdefault(encoder, []).append(record["seconds"])
    for encoder, seconds in took.items():
        assert cost.loc[("transearch", encoder), "seconds"] == pytest.approx(sum(seconds) / 2, rel=1e-4)


@pytest.mark.slow
def test_a_session_is_drawn_as_its_cells_ranked_it(place: Path) -> None:
    session = pd.read_csv(place / "first" / "session.csv")
    systems = session["system"].unique().tolist()
    assert systems == ["as shown", "vanilla", "lstm", "MUVCOG-M"]
    shown = session[session["system"] == "as shown"]
    assert shown["rank"].tolist() == shown["shown"].tolist() == list(range(1, len(shown) + 1))
    assert 0 < shown["clicked"].sum() < len(shown)
    for _, ranks in session.groupby("system"):
        assert ranks["rank"].sum() == len(shown) * (len(shown) + 1) / 2
    predictions = [pd.read_parquet(file) for file in (place / "runs" / "cells").glob("*/predictions.parquet")]
    lstm = session[session["system"] == "lstm"].sort_values("shown")["rank"].tolist()
    of_queries = [scores for frame in predictions for _, scores in frame.groupby("unit") if len(scores) == len(shown)]
    assert any(scores["score"].rank(ascending=False).tolist() == lstm for scores in of_queries)


DRAWN = ("figure2", "table2", "figure6", "session", "deltas", "cost", "curves", "learning")
KINDS = ("pdf", "svg", "png", "csv", "md")
