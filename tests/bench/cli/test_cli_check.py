"""``bench check`` from outside: what moved is caught whichever way it moved, what didn't is not, and updates are small.

A third party keeps golden tables of two encoders of its own: ``theirs`` is MUVCOG-M, ``gains`` a mean of words.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from textwrap import dedent

import pytest
from command_line import Ran, bench_fork
from third_party import install

pytestmark = pytest.mark.slow  # worker processes import torch

PLUGIN = """
    from bench import EncoderSpec, hookimpl

    PRETRAINING = {
        "steps": 20, "batch_size": 32, "warmup": 2, "validate_every": 10, "validation_sessions": 32, "hard_at": 0.2,
    }

    @hookimpl
    def bench_encoders():
        return [
            EncoderSpec("theirs", "their_model:Theirs", "MUVCOG-M", "ourselves", PRETRAINING, frozen=True),
            EncoderSpec("gains", "their_model:Gains", "words", "ourselves", frozen=True),
        ]
"""
MODEL = """
    import torch
    from bench.contracts import SessionEncoder
    from encoders.muvcog.model import Muvcog

    class Theirs(Muvcog):
        def pretrain(self, context):
            HOW
            super().pretrain(context)

    class Gains(SessionEncoder):
        def __init__(self, dims):
            super().__init__(dims)
            self.output_dim = dims.words
        def forward(self, batch):
            return batch.mean_text() * FACTOR
"""
FROZEN = 'sum(p.requires_grad_(False).numel() for n, p in self.named_parameters() if "project" in n) or 1 / 0'
GATE = """
    dataset = "beauty"
    settings = ["sessions=300", "downstream=150", "shown=12"]
    [[tables]]
    name = "ctr"
    task = "ctr"
    baselines = ["transearch"]
    encoders = ["theirs"]
    settings = ["epochs=2"]
    [[tables]]
    name = "intent"
    task = "intent"
    encoders = ["gains"]
    settings = ["rounds=5"]
"""


class ThirdParty:
    """A folder with the plugin, its golden tables, and a store for runs in which only the golden side changes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.golden, self.store = folder, folder / "golden", folder / "store"
        self.golden.mkdir(parents=True)
        self.gate(GATE)
        install(folder / "site", "their-encoders", {"their_plugin": PLUGIN, "their_model": ""})
        self.write(how="pass", factor="0.0")

    def gate(self, text: str) -> None:
        (self.golden / "gate.toml").write_text(dedent(text))

    def write(self, how: str, factor: str) -> None:
        (self.folder / "site" / "their_model.py").write_text(
            dedent(MODEL).replace("HOW", how).replace("FACTOR", factor)
        )

    def check(self, *options: object) -> Ran:
        return bench_fork("check", "golden", "--jobs", 1, *options, plugins=[self.folder / "site"], cwd=self.folder)

    def stored(self, *options: object) -> Ran:
        return self.check("--out", self.store, *options)

    def lines(self) -> list[str]:
        return [line for file in sorted(self.golden.glob("*.json")) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> ThirdParty:
    party = ThirdParty(tmp_path_factory.mktemp("party") / "theirs")
    new = party.stored("--update", "--json")
    assert new.code == 0, new.err
    assert {row["verdict"] for row in new.rows} == {"new"}
    assert "written: ctr.json, intent.json" in new.err
    return party


@pytest.fixture
def party(first: ThirdParty, tmp_path: Path) -> ThirdParty:
    """A copy of the plugin, the golden tables and the store, to be changed by one test."""
    copy = object.__new__(ThirdParty)
    shutil.copytree(first.folder, tmp_path / "theirs")
    copy.folder = tmp_path / "theirs"
    copy.golden, copy.store = copy.folder / "golden", copy.folder / "store"
    return copy


def moved(ran: Ran) -> dict[str, set[str]]:
    """Rows of which some number moved, and how."""
    found: dict[str, set[str]] = {}
    for row in ran.rows:
        assert list(row) == ["table", "row", "column", "golden", "now", "verdict"]
        if row["verdict"] != "same":
            found.setdefault(row["row"], set()).add(row["verdict"])
    return found


def test_unchanged_is_the_same_when_everything_is_computed_again(party: ThirdParty) -> None:
    shutil.rmtree(party.store)
    ran = party.check("--json")
    assert ran.code == 0, ran.err
    assert moved(ran) == {}
    assert {row["row"] for row in ran.rows} == {
        "transearch / vanilla",
        "transearch / theirs",
        "xgboost / vanilla",
        "xgboost / gains",
    }
    assert sorted(path.name for path in party.folder.iterdir()) == ["golden", "site"], "nothing is left behind"
    assert sorted(path.name for path in party.golden.iterdir()) == ["ctr.json", "gate.toml", "intent.json"]


def test_a_frozen_projection_and_an_improvement_are_caught_and_update_touches_their_lines_only(
    party: ThirdParty,
) -> None:
    party.write(how=FROZEN, factor="1.0")
    ran = party.stored("--json")  # a store with the old results must not hide the change
    assert ran.code == 1
    assert set(moved(ran)) == {"transearch / theirs", "xgboost / gains"}
    assert moved(ran)["transearch / theirs"] <= {"better", "worse"}
    accuracy = next(row for row in ran.rows if row["row"] == "xgboost / gains" and row["column"] == "accuracy")
    assert accuracy["verdict"] == "better"
    assert accuracy["now"] > accuracy["golden"] + 0.1

    table = party.stored("--all")
    assert table.code == 1
    assert "transearch / theirs" in table.out
    assert "vanilla" in table.out
    assert "bench check golden --update" in table.out

    before = party.lines()
    updated = party.stored("--update")
    assert updated.code == 0
    assert "transearch / theirs" in updated.out, "it prints what changed"
    assert "vanilla" not in updated.out, "and nothing else"
    changed = [line for line, old in zip(party.lines(), before, strict=True) if line != old]
    assert changed
    numbers = [line for line in changed if '"checksum"' not in line]  # which covers all others
    assert all(" / theirs" in line or " / gains" in line for line in numbers)
    assert party.stored("--json").code == 0


def test_new_and_missing_cells_and_tables(party: ThirdParty) -> None:
    party.gate(GATE.replace('["theirs"]', '["meanpool"]'))
    ran = party.stored("--json")
    assert ran.code == 1
    assert moved(ran) == {"transearch / theirs": {"missing"}, "transearch / meanpool": {"new"}}
    party.gate(GATE.partition('    [[tables]]\n    name = "intent"')[0])
    ran = party.stored("--json")
    assert ran.code == 1
    assert moved(ran) == {"xgboost / vanilla": {"missing"}, "xgboost / gains": {"missing"}}
    assert "intent: no table of the gate any more" in ran.err


def test_a_golden_file_edited_by_hand(party: ThirdParty) -> None:
    file = party.golden / "ctr.json"
    honest = file.read_text()
    found = json.loads(honest)
    found["numbers"][0]["value"] += 2e-6
    del found["checksum"]  # whoever edits it takes this out, and is told so
    file.write_text(json.dumps(found))
    ran = party.stored("--json")
    assert ran.code == 1
    assert [row["verdict"] for row in ran.rows if row["verdict"] != "same"] == ["worse"]
    assert party.stored("--update").code == 0
    assert json.loads(file.read_text()) == json.loads(honest)
    file.write_text(honest.replace('"column"', "column", 1))
    assert "ctr.json: not readable" in party.stored().error
    assert party.stored("--update").code == 0, "writing it anew mends it"
    assert file.read_text() == honest


def test_a_number_from_another_machine_may_differ_a_little_and_one_is_told(party: ThirdParty) -> None:
    file = party.golden / "ctr.json"
    found = json.loads(file.read_text())
    found["machine"]["vectors"] = "ANOTHER"
    del found["checksum"]
    for number in found["numbers"]:
        number["value"] += 2e-4 if number["column"].startswith("ndcg") else 9e-4
    file.write_text(json.dumps(found))
    ran = party.stored("--json")
    assert ran.code == 0
    assert "ctr: machine vectors: golden ANOTHER" in ran.err


def test_a_cell_that_fails_is_missing_and_never_becomes_golden(party: ThirdParty) -> None:
    party.write(how='raise ArithmeticError("no luck")', factor="0.0")
    before = party.lines()
    ran = party.stored("--update", "--json")
    assert ran.code == 1
    assert moved(ran) == {"transearch / theirs": {"missing"}}
    assert "ArithmeticError: no luck" in ran.err
    assert party.lines() == before
