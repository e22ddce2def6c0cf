"""The file: everything that a report shows put into one page, with a policy that lets it load nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import __version__
from bench.errors import BenchError
from bench.evaluation.claims import answer_claims
from bench.files import written_whole
from bench.printable import visible
from bench.reports.claims import claim_notes, written_effect
from bench.reports.html.content import Content, content_of
from bench.reports.html.corpora import statistic_rows
from bench.reports.html.costs import written_seconds
from bench.reports.html.pairs import Limits, comparisons
from bench.reports.html.subject import Subject
from bench.reports.html.visible import all_visible
from bench.stats.rounding import written_p

if TYPE_CHECKING:
    import jinja2

MOST_BYTES = 5_000_000
"""A report that is larger is written again with less in the comparison of systems."""
LIMITS = (
    Limits(4000, 150, 1_500_000),
    Limits(2000, 80, 800_000),
    Limits(1000, 40, 400_000),
    Limits(400, 16, 100_000),
    Limits(0, 0, 0),
)
"""From the most that is embedded to compare systems to nothing."""

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("tables.js", "cells.js", "compare.js")


def require_report(where: str) -> None:
    """Checks that the packages of the extra ``report`` are installed.

    Raises:
        BenchError: names the missing ones, and the command that installs them.
    """
    missing = [name for name in ("jinja2", "vl_convert") if importlib.util.find_spec(name) is None]
    if missing:
        what = f"a report needs {' and '.join(missing)}"
        raise BenchError(what, where=where, fix="pip install 'session-bench[report]'")


def write_report(file: Path, subject: Subject) -> int:
    """Writes the report, whole or not at all, and returns its size in bytes."""
    text = html_report(subject).encode()
    with written_whole(file) as writing:
        writing.write_bytes(text)
    return len(text)


def html_report(subject: Subject) -> str:
    """The report as HTML, below :data:`MOST_BYTES` wherever leaving out of the comparison can make it so."""
    content, text = content_of(subject), ""
    for limits in LIMITS:
        text = _render(subject, content, limits)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _render(subject: Subject, content: Content, limits: Limits) -> str:
    environment = _environment()
    groups = comparisons(subject.results, limits) if limits.users else []
    data = _json({"cells": content.cells, "groups": groups})
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    script = "\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    outcomes = [outcome for family in subject.results.outcomes().values() for outcome in family]
    answers = answer_claims(outcomes, subject.experiment.claims)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return environment.get_template("report.html.jinja").render(
        answers=answers,
        claim_notes=claim_notes(answers, subject.results.corpora),
        content=content,
        data=_trusted(data),
        experiment=subject.experiment,
        groups=groups,
        limits=limits,
        policy=_trusted(policy),
        script=_trusted(script),
        statistics=statistic_rows(content.corpora),
        style=_trusted(style),
        subject=subject,
        version=__version__,
        warnings=subject.results.warnings(),
    )


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"seconds": written_seconds, "p": written_p, "effect": written_effect}
    return environment


def _shown(value: Any) -> Any:
    """What a template writes: plain text with hidden characters written out, markup as it is."""
    return visible(value) if type(value) is str else value


def _json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(all_visible(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _trusted(text: str) -> Any:
    """Text of this package, or escaped already, which is written as it is."""
    from markupsafe import Markup

    return Markup(text)
