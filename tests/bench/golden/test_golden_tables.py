"""Golden files: read strictly, written sorted, one line per number, and changed only where something changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.golden.compare import compare, read_all, reasons, update
from bench.golden.tables import GoldenTable, read_golden, write_golden
from bench.runs.provenance import machine, versions
from bench.stats.regression import Number, Place


def numbers(*values: float, error: float | None = 0.01) -> dict[Place, Number]:
    rows = ("b / vanilla", "b / lstm", "a / lstm")
    return {("t", row, "ndcg@10"): Number(value, error) for row, value in zip(rows, values, strict=False)}


TABLE = GoldenTable(
    name="t",
    command="bench check golden --update",
    configuration={"task": "ctr", "options": {"encoder lstm": {"output_dim": 64}}},
    corpus={"label": "beauty (simulated)", "fingerprint": "ab"},
    machine={"system": "Linux x86_64", "processor": "one", "vectors": "AVX2"},
    versions={"torch": "2.0"},
    numbers=numbers(0.25, 0.5, 0.123456789),
)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    write_golden(TABLE, tmp_path)
    return tmp_path


def test_what_is_written_is_read_back(golden: Path) -> None:
    assert read_golden(golden / "t.json") == TABLE
    assert [path.name for path in golden.iterdir()] == ["t.json"]


def test_a_number_is_a_line_and_lines_are_sorted(golden: Path) -> None:
    lines = [line for line in (golden / "t.json").read_text().splitlines() if '"row"' in line]
    assert len(lines) == 3
    assert lines == sorted(lines)
    shuffled = replace(TABLE, numbers=dict(reversed(TABLE.numbers.items())))
    before = (golden / "t.json").read_text()
    write_golden(shuffled, golden)
    assert (golden / "t.json").read_text() == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"value": 0.25', '"value": NaN', "NaN is no number"),
        ('"value": 0.25', '"value": "0.25"', "b / vanilla ndcg@10: value or error is not a number"),
        ('"value": 0.25', '"value": null', "value or error is not a number"),
        ('"error": 0.01}', '"error": -1}', "value or error is not a number"),
        ('"value": 0.25,', "", "exactly table, row, column, value and error"),
        ('"table": "t", "row": "b / vanilla"', '"table": "u", "row": "b / vanilla"', "no place in the table"),
        ('"b / vanilla"', '"b / lstm"', "stands twice"),
        ('"numbers": [', '"number": [', "unknown key 'number' .did you mean numbers"),
        ('"versions": {', '"versions": 3, "x": {', "unknown key 'x'"),
        ('"command": "bench check golden --update"', '"command": 4', "command is missing or of the wrong type"),
        ("}\n ]\n}", "}\n ]\n", "not readable"),
    ],
)
def test_a_file_that_was_edited_into_nonsense_is_refused(golden: Path, old: str, new: str, message: str) -> None:
    file = golden / "t.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(BenchError, match=message) as caught:
        read_golden(file)
    assert str(file) in str(caught.value)
    assert read_all(golden, to_update=True) == {}, "it is about to be written anew"


def test_a_number_that_was_changed_by_no_update_is_refused(golden: Path) -> None:
    """A flipped bit makes another digit, which is still a number."""
    file = golden / "t.json"
    whole = file.read_text()
    file.write_text(whole.replace("0.25", "0.35", 1))
    with pytest.raises(BenchError, match="is not as it was written"):
        read_golden(file)
    lines = [line for line in whole.splitlines() if '"checksum"' not in line]
    file.write_text("\n".join(lines))
    assert read_golden(file) == TABLE, "as files were before they had a checksum"


def verdicts(now: GoldenTable, golden: GoldenTable = TABLE) -> dict[str, str]:
    return {row.row: row.verdict for row in compare({"t": golden}, [now])}


def test_with_wide_vectors_on_x86_to_the_last_digits_elsewhere_by_the_metric() -> None:
    moved = replace(TABLE, numbers=numbers(0.25 + 2e-6, 0.5 - 2e-6, 0.123456789 + 5e-7))
    exact = {"b / vanilla": "better", "b / lstm": "worse", "a / lstm": "same"}
    assert verdicts(moved) == exact
    for vectors in ("AVX2", "AVX512"):
        machine = {"system": "Linux x86_64", "processor": "two", "vectors": vectors}
        assert verdicts(replace(moved, machine=machine)) == exact
    assert verdicts(replace(moved, versions={"torch": "2.0", "python": "3.12.1"})) == exact, "which decides no number"
    for elsewhere in (
        {"system": "Darwin arm64", "processor": "M2", "vectors": "DEFAULT"},
        {"system": "Linux x86_64", "processor": "old", "vectors": "DEFAULT"},
        {"system": "Linux x86_64", "processor": "not said"},
    ):
        assert set(verdicts(replace(moved, machine=elsewhere)).values()) == {"same"}
        far = replace(moved, machine=elsewhere, numbers=numbers(0.25 + 0.0019, 0.5 + 0.0021, 0.123456789 - 0.0021))
        found = verdicts(far)
        assert found == {"b / vanilla": "same", "b / lstm": "better", "a / lstm": "worse", "mean of 3": "better"}
    versions = replace(moved, versions={"torch": "2.1"})
    assert verdicts(versions) == {"b / vanilla": "not judged", "b / lstm": "not judged", "a / lstm": "same"}


def test_a_file_without_instructions_is_read_and_compared(golden: Path) -> None:
    before = replace(TABLE, machine={"system": "Linux x86_64", "processor": "one"})
    write_golden(before, golden)
    assert read_golden(golden / "t.json") == before
    assert before.likeness(before) == "same"
    assert before.likeness(TABLE) == "other instructions"


def test_new_missing_and_failed_numbers_and_tables() -> None:
    assert verdicts(replace(TABLE, numbers=numbers(0.25, 0.5)))["a / lstm"] == "missing"
    failed = dict(TABLE.numbers) | {("t", "b / lstm", "ndcg@10"): Number(None)}
    assert verdicts(replace(TABLE, numbers=failed))["b / lstm"] == "missing"
    assert verdicts(TABLE, replace(TABLE, numbers=numbers(0.25, 0.5)))["a / lstm"] == "new"
    assert {row.verdict for row in compare({}, [TABLE])} == {"new"}
    assert {row.verdict for row in compare({"t": TABLE}, [])} == {"missing"}


def test_reasons_name_what_else_differs() -> None:
    assert reasons({"t": TABLE}, [replace(TABLE, command="typed elsewhere")]) == []
    now = replace(
        TABLE,
        configuration={"task": "ctr", "options": {"encoder lstm": {"output_dim": 32}}},
        versions={"torch": "2.0", "xgboost": "3"},
    )
    assert reasons({"t": TABLE, "gone": TABLE}, [now]) == [
        "t: configuration options encoder lstm output_dim: golden 64, now 32",
        "t: versions xgboost: not in the golden file, now 3",
        "gone: no table of the gate any more",
    ]
    assert reasons({"t": now}, [replace(now, versions={"torch": "2.0"})]) == [
        "t: versions xgboost: golden 3, no longer there"
    ]


def test_update_changes_the_lines_of_what_moved_and_no_others(golden: Path) -> None:
    before = (golden / "t.json").read_text().splitlines()
    noise = replace(TABLE, numbers=numbers(0.25 + 1e-8, 0.5, 0.123456789 - 1e-8))
    assert update(golden, {"t": TABLE}, [noise]) == []
    assert (golden / "t.json").read_text().splitlines() == before
    moved = replace(TABLE, numbers=numbers(0.25 + 1e-8, 0.6, 0.123456789))
    assert update(golden, {"t": TABLE}, [moved]) == ["t.json"]
    after = (golden / "t.json").read_text().splitlines()
    different = [line for line, old in zip(after, before, strict=True) if line != old and "checksum" not in line]
    assert [json.loads(line.rstrip(","))["value"] for line in different] == [0.6]


def test_update_on_another_machine_writes_its_own_digits(golden: Path) -> None:
    now = replace(TABLE, machine={"system": "other"}, numbers=numbers(0.2501, 0.5, 0.123456789))
    assert update(golden, {"t": TABLE}, [now]) == ["t.json"]
    assert read_golden(golden / "t.json") == now


def test_update_removes_the_file_of_a_table_that_is_gone(golden: Path) -> None:
    assert update(golden, {"t": TABLE}, [replace(TABLE, name="u")]) == ["u.json", "t.json (removed)"]
    assert [path.name for path in golden.iterdir()] == ["u.json"]


def test_the_machine_is_named_beyond_its_brand_and_versions_include_torch() -> None:
    assert set(machine()) == {"system", "processor", "vectors"}
    assert all(machine().values())
    assert {"python", "torch", "numpy"} <= set(versions())
