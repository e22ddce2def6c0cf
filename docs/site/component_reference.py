"""The reference of what comes along: encoders, baselines, tasks and datasets, read from their specs."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

HEADINGS = {"encoder": "Encoders", "baseline": "Baselines", "task": "Tasks", "dataset": "Datasets"}


def page() -> str:
    """A section for each component: what it is, where it comes from, its options."""
    listed = [row for row in _asked() if row["origin"] == "built-in"]
    parts = [
        "# Components\n\nWhat comes along, as `bench plugins` lists it; "
        "`bench plugins NAME` says more about one, and about those that you installed.\n"
    ]
    for kind, rows in groupby(listed, key=lambda row: row["kind"]):
        parts.append(f"## {HEADINGS[kind]}\n")
        parts += [_section(facts) for row in rows for facts in _asked(row["name"]) if facts["kind"] == kind]
    return "\n".join(parts)


def _asked(name: str = "") -> list[dict[str, Any]]:
    """What ``bench plugins --json`` prints, here without a process for each name."""
    import io
    from contextlib import redirect_stdout

    from bench.cli.plugins import plugins

    said = io.StringIO()
    with redirect_stdout(said):
        plugins(name, as_json=True)
    rows: list[dict[str, Any]] = json.loads(said.getvalue())
    return rows


def _section(facts: dict[str, Any]) -> str:
    lines = [f"### {facts['name']}", "", f"{_cell(facts['help'][:1].upper() + facts['help'][1:])}.", ""]
    lines += [f"- {_cell(trait)}" for trait in facts["traits"]]
    lines += [f"- needs {_cell(need)}" for need in facts["needs"]]
    if facts["pinned"]:
        lines.append("- is what it is by " + ", ".join(f"`{key}={value}`" for key, value in facts["pinned"].items()))
    lines += [f"- source: {_cell(facts['citation'])}", f"- code: `{facts['target']}`", ""]
    if facts["options"]:
        lines += ["| option | default | may be | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{of['name']}` | `{json.dumps(of['default'])}` | {_cell(of['allowed'])} | {_cell(of['help'])} |"
            for of in facts["options"]
        ]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    """A text inside a table: one line, nothing that Markdown takes for its own."""
    return " ".join(text.replace("``", "`").replace("|", "\\|").replace("<", "&lt;").replace("$", "\\$").split())
