"""Pretraining curves: mean and range over seeds are those of the rows, missing measures are no panels, and one line of
`bench pretrain --plot` and of `bench run --record` draws them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from command_line import bench_here
from small_corpora import random_corpus

from bench.figures.curves import draw_curves, summarise_curves

CURVES = pd.DataFrame(
    {
        "dataset": "beauty",
        "encoder": ["a"] * 4 + ["b"] * 2,
        "seed": [0, 0, 1, 1, 0, 0],
        "step": [10, 20, 10, 20, 10, 20],
        "train_loss": [2.0, 1.0, 4.0, 2.0, 9.0, None],
        "valid_accuracy": [0.1, 0.4, 0.3, 0.8, None, None],
    }
)


def test_mean_and_range_over_seeds() -> None:
    found = summarise_curves(CURVES).set_index(["encoder", "measure", "step"])
    row = found.loc[("a", "valid_accuracy", 20)]
    assert (row["mean"], row["low"], row["high"], row["seeds"]) == (pytest.approx(0.6), 0.4, 0.8, 2)
    assert found.loc[("a", "train_loss", 10), "mean"] == 3.0
    assert ("b", "train_loss", 20) not in found.index
    assert "valid_accuracy" not in found.loc["b"].index


def test_lines_bands_and_labels() -> None:
    figure = draw_curves(CURVES, {"beauty": "Beauty (simulated)", "a": "Encoder A"}).figure
    loss, accuracy = figure.axes
    assert [len(axes.get_lines()) for axes in (loss, accuracy)] == [2, 1]  # b recorded no accuracy
    assert loss.get_lines()[0].get_ydata().tolist() == [3.0, 1.5]
    assert [text.get_text() for text in loss.texts] == ["Encoder A", "b"]
    assert [text.get_text() for text in accuracy.texts] == ["Encoder A"]
    assert loss.get_title(loc="left") == "Beauty (simulated)"


def test_several_datasets_share_one_legend() -> None:
    other = CURVES[CURVES["encoder"] == "a"].assign(dataset="clothes", encoder="c")
    figure = draw_curves(pd.concat([CURVES, other])).figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert [len(axes.get_lines()) for axes in figure.axes] == [2, 1, 1, 1]
    assert not any(axes.texts for axes in figure.axes)


def test_a_measure_that_nobody_recorded_has_no_panel() -> None:
    assert len(draw_curves(CURVES.drop(columns="valid_accuracy")).figure.axes) == 1


@pytest.mark.slow
def test_pretrain_plots_its_curve(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "small", sessions=60).folder
    command = ["pretrain", "--encoder", "muvcog-t", "--dataset", corpus, "--out", tmp_path / "runs", "--device", "cpu"]
    command += ["--set", "steps=4", "--set", "validate_every=2", "--set", "batch_size=16"]
    ran = bench_here(*command, "--plot", tmp_path / "curve.svg")
    assert ran.code == 0, ran.err
    assert (tmp_path / "curve.svg").read_text().startswith("<?xml")


def test_a_plot_of_an_unknown_kind_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    ran = bench_here("pretrain", "--encoder", "muvcog-t", "--out", tmp_path / "runs", "--plot", tmp_path / "curve.doc")
    assert "--plot: 'curve.doc' ends neither with .svg nor .pdf nor .png" in ran.error
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_recorded_run_draws_its_curves_beside_their_numbers(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "small", sessions=60).folder
    command = ["run", "--task", "ctr", "--baseline", "transearch", "--encoder", "muvcog-t", "--dataset", corpus]
    command += ["--seeds", 1, "--set", "steps=4", "--set", "validate_every=2", "--set", "epochs=1", "--jobs", 1]
    ran = bench_here(*command, "--out", tmp_path / "runs", "--record", tmp_path / "record")
    assert ran.code == 0, ran.err
    assert len(pd.read_csv(tmp_path / "record" / "curves.csv")) == 2
    assert (tmp_path / "record" / "curves.svg").read_text().startswith("<?xml")
