"""docs/reliability.md names a test for each promise, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_test_that_a_promise_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+\.py)`", TEXT))
    assert len(named) >= 8
    assert [file for file in sorted(named) if not (ROOT / file).is_file()] == []


def test_every_promise_in_a_table_names_a_test() -> None:
    tables = [table for table in TEXT.split("\n\n") if table.startswith("| promise")]
    rows = [row for table in tables for row in table.splitlines()[2:]]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row] == []
