"""What every caption ends with: which data, which seeds, which command, which commit."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.data.corpus import Corpus
from bench.runs.provenance import checkout_commit


def provenance_lines(
    corpora: Mapping[str, Corpus],
    seeds: Sequence[int],
    command: Sequence[str],
    records: Iterable[Mapping[str, Any]] = (),
) -> tuple[str, ...]:
    """Lines of Markdown.

    Args:
        corpora: the ones that the figure is about, by dataset.
        seeds: of its results; empty where it has none.
        command: what makes it again, without ``bench``.
        records: of the cells and pretrainings behind it, for their commits.
    """
    lines = [f"Data: {', '.join(_about(name, corpus) for name, corpus in corpora.items())}."]
    holders: dict[str, list[str]] = {}
    for name, corpus in corpora.items():
        for caveat in corpus.info.caveats:
            holders.setdefault(caveat, []).append(name)
    for caveat, whose in holders.items():
        of = "" if len(whose) == len(corpora) else f" ({', '.join(whose)})"
        lines.append(f"Note{of}: {caveat}")
    if seeds:
        lines.append(f"Seeds: {', '.join(map(str, seeds))}.")
    computed = sorted({str(record["provenance"]["commit"]) for record in records if record.get("provenance")})
    lines.append(
        f"Command: `{shlex.join(['bench', *command])}`. "
        + (f"Results computed at commit {', '.join(computed)}; drawn " if computed else "Counted and drawn ")
        + f"at commit {checkout_commit() or 'unknown'}."
    )
    return tuple(lines)


def dataset_label(name: str, corpus: Corpus) -> str:
    """How a figure prints a dataset: ``Beauty (simulated)`` for the name ``Beauty`` of a simulated corpus."""
    return f"{name} (simulated)" if corpus.info.origin == "simulated" else name


def _about(name: str, corpus: Corpus) -> str:
    return f"{name} ({corpus.info.origin}, fingerprint {corpus.info.fingerprint[:12]})"
