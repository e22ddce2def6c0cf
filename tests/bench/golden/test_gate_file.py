"""``gate.toml`` is read strictly: what it says is what is compared, and a slip is one line that says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.golden.compute import plan_gate
from bench.golden.gate import Gate, load_gate
from bench.plugins.registry import registry
from bench.runs.store import Store

REPOSITORY_GATE = Path(__file__).parents[3] / "results" / "golden"


def gate_of(folder: Path, text: str) -> Gate:
    (folder / "gate.toml").write_text(text)
    return load_gate(folder)


def test_a_file_without_tables_is_one_table(tmp_path: Path) -> None:
    (table,) = gate_of(tmp_path, 'task = "ctr"\nencoders = ["lstm"]\nsettings = ["epochs=1"]').tables
    assert (table.name, table.dataset, table.baselines, table.seeds) == ("ctr-beauty", "beauty", (), 2)
    assert table.settings == ("epochs=1",)


def test_what_stands_above_counts_for_every_table_and_settings_add_up(tmp_path: Path) -> None:
    text = """
    seeds = 3
    dataset = "clothes"
    settings = ["sessions=200"]
    [[tables]]
    name = "one"
    task = "ctr"
    encoders = ["lstm"]
    settings = ["epochs=1"]
    [[tables]]
    task = "suggest"
    dataset = "digital"
    encoders = ["lstm", "muvcog-m[negatives=random]"]
    """
    one, other = gate_of(tmp_path, text).tables
    assert (one.name, one.dataset, one.settings, one.seeds) == ("one", "clothes", ("sessions=200", "epochs=1"), 3)
    assert (other.name, other.dataset, other.settings, other.seeds) == (
        "suggest-digital",
        "digital",
        ("sessions=200",),
        3,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task = ", "not TOML"),
        ('task = "ctr"\nencoder = ["lstm"]', "unknown key 'encoder' .did you mean encoders"),
        ('task = "ctr"\nencoders = "lstm"', "'lstm' is not a list"),
        ('task = "ctr"\nencoders = [1]', "is not a list of texts"),
        ('task = "ctr"', "says no encoders"),
        ('encoders = ["lstm"]', "says no task"),
        ('task = "ctr"\nencoders = ["lstm"]\nseeds = 0', "0 seeds"),
        ('task = "ctr"\nencoders = ["lstm"]\nseeds = true', "True is not a whole number"),
        ("tables = []", "no table in it"),
        ("tables = [3]", "3 is not a table"),
        ('encoders=["lstm"]\ntask="ctr"\n[[tables]]\n[[tables]]', "the table 'ctr-beauty' stands twice"),
        ('encoders=["lstm"]\ntask="ctr"\n[[tables]]\nname="../x"', "names no file"),
        ('encoders=["lstm"]\ntask="ctr"\n[[tables]]\nseeds=3', "unknown key 'seeds'"),
    ],
)
def test_slips_are_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BenchError, match=message) as caught:
        gate_of(tmp_path, text)
    assert "gate.toml" in str(caught.value)


def test_a_folder_without_a_gate(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no gate\.toml here"):
        load_gate(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('task = "ctr"\nencoders = ["lsmt"]', "did you mean lstm"),
        ('task = "ctr"\nencoders = ["lstm"]\nbaselines = ["ffn"]', "baseline of suggest"),
        ('task = "ctr"\nencoders = ["lstm"]\nsettings = ["epoch=1"]', "did you mean"),
    ],
)
def test_names_and_options_are_checked_against_the_registry(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        plan_gate(gate_of(tmp_path, text), registry(), Store(tmp_path / "runs"))
    assert not (tmp_path / "runs").exists(), "nothing was made before everything was checked"


def test_the_gate_of_this_repository_covers_every_task_and_baseline() -> None:
    tables = load_gate(REPOSITORY_GATE).tables
    built_in = {(kind, c.spec.name) for kind, c in registry().components() if c.origin == "built-in"}
    assert {table.task for table in tables} == {name for kind, name in built_in if kind == "task"}
    assert {b for table in tables for b in table.baselines} == {name for kind, name in built_in if kind == "baseline"}
