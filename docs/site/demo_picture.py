"""The picture of the default result, drawn from its recorded rows; ``python docs/site/demo_picture.py`` writes it.

From left to right NDCG@10, from chance to what nobody can beat. It has a background of its own, so that it reads on
light and on dark pages, and differences are in words as well as in colour.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = ROOT / "results" / "demo-beauty-simulated" / "rows.json"
PICTURE = ROOT / "docs" / "assets" / "demo.svg"
METRIC = "ndcg@10"
LEFT, RIGHT, LOW, HIGH = 40, 860, 0.1, 0.85
REFERENCES = {
    "chance": ("chance", "mid", 0),
    "shown-order": ("the list as shown", "end", 1),
    "best-current": ("best reader of the query", "mid", 0),
    "best-prefix": ("best reader of the session", "", 1),
    "oracle": ("knows every utility", "end", 1),
}
"""What stands on the axis: its label, where that is anchored, and on which of two lines it is."""
STYLE = """
  .card { fill: #f7f8fa; stroke: #d5d9e0 } text { fill: #1d2330; font: 14px system-ui, sans-serif }
  .soft { fill: #59616f } .small { font-size: 12.5px }
  .bold { font-weight: 600 } .mid { text-anchor: middle } .end { text-anchor: end }
  .line { stroke: #59616f } .mark { stroke: #59616f; stroke-dasharray: 3 4 } .give { fill: #4253af; opacity: .13 }
  .alone { fill: #59616f } .gain { fill: #4253af } .whisker { stroke: #1d2330; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #1c212b; stroke: #3a4250 } text { fill: #e6e9ef } .soft { fill: #a5adba }
    .line, .mark { stroke: #a5adba }
    .give { fill: #8c9eff; opacity: .18 } .alone { fill: #a5adba } .gain { fill: #8c9eff } .whisker { stroke: #e6e9ef }
  }
"""


def picture(rows: list[dict[str, object]]) -> str:
    """The picture of a run with references, a baseline alone and with encoders, as SVG."""
    found = {(row["baseline"], row["encoder"]): row for row in rows if row["metric"] == METRIC}
    at = {name: float(str(found[name, "vanilla"]["mean"])) for name in (*REFERENCES, "transearch")}
    encoders = sorted(
        (row for (_, name), row in found.items() if name != "vanilla"), key=lambda row: -float(str(row["mean"]))
    )
    bottom = 190 + 44 * (1 + len(encoders))
    alone, ceiling = at["transearch"], at["best-prefix"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {bottom + 52}" role="img" aria-labelledby="t d">',
        "<title id='t'>The default result, simulated, between chance and its ceilings</title>",
        f"<desc id='d'>{escape(_sentence(at, encoders))}</desc><style>{STYLE}</style>",
        f'<rect class="card" x="1" y="1" width="898" height="{bottom + 50}" rx="10"/>',
        _text(LEFT, 32, "Which of the shown items is clicked? NDCG@10 of TranSearch, simulated shoppers", "bold"),
        _bar("give", alone, ceiling, 112, bottom - 112),
    ]
    for name, (label, anchor, line) in REFERENCES.items():
        x, y = _x(at[name]), 66 + 22 * line
        parts.append(f'<line class="mark" x1="{x:.1f}" y1="{y + 6}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(_text(x, y, f"{label} {at[name]:.3f}", f"small soft {anchor}"))
    parts.append(_text((_x(alone) + _x(ceiling)) / 2, 130, "what the session", "small mid"))
    parts.append(_text((_x(alone) + _x(ceiling)) / 2, 147, f"had to give: {ceiling - alone:.3f}", "small mid"))
    y = 184
    parts.append(f'<circle class="alone" cx="{_x(alone):.1f}" cy="{y}" r="6"/>')
    parts.append(_text(_x(ceiling) + 14, y + 5, f"TranSearch alone: {alone:.3f}", ""))
    for row in encoders:
        y += 44
        mean, low, high = (float(str(row[key])) for key in ("mean", "ci_low", "ci_high"))
        share = (mean - alone) / (ceiling - alone)
        parts.append(_bar("gain", alone, mean, y - 9, 18))
        ends = f"M{_x(alone + low):.1f} {y - 5}v10m0 -5H{_x(alone + high):.1f}m0 -5v10"
        parts.append(f'<path class="whisker" fill="none" d="{ends}"/>')
        gained = f"{row['delta']:+.3f} [{low:+.3f}, {high:+.3f}], {100 * share:.0f} % of that".replace("-", "−")
        parts.append(_text(_x(ceiling) + 14, y + 5, f"with {row['encoder']}: {gained}", ""))
    parts.append(f'<line class="line" x1="{LEFT}" y1="{bottom}" x2="{RIGHT}" y2="{bottom}"/>')
    for tick in range(1, 9):
        x = _x(tick / 10)
        parts.append(f'<line class="line" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 5}"/>')
        parts.append(_text(x, bottom + 21, f"0.{tick}", "small mid soft"))
    users, queries, seeds = (encoders[0][key] for key in ("n_users", "n_queries", "seeds"))
    design = f"{queries} queries of {users} users, {seeds} seeds; bars end in 95 % intervals"
    parts.append(_text(LEFT, bottom + 41, design, "small soft"))
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float) -> float:
    return LEFT + (value - LOW) / (HIGH - LOW) * (RIGHT - LEFT)


def _bar(kind: str, start: float, end: float, y: float, height: float) -> str:
    return f'<rect class="{kind}" x="{_x(start):.1f}" y="{y}" width="{_x(end) - _x(start):.1f}" height="{height}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(text)}</text>'


def _sentence(at: dict[str, float], encoders: list[dict[str, object]]) -> str:
    """The picture in words, for who cannot see it."""
    points = [f"{label} {at[name]:.3f}" for name, (label, *_) in REFERENCES.items()]
    gained = [f"with {row['encoder']} {float(str(row['mean'])):.3f}" for row in encoders]
    return f"NDCG@10: {', '.join(points)}; TranSearch alone {at['transearch']:.3f}, {', '.join(gained)}."


if __name__ == "__main__":
    PICTURE.write_text(picture(json.loads(ROWS.read_text(encoding="utf-8"))), encoding="utf-8")
