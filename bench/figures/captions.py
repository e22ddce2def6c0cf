"""The provenance at the end of every caption: data, seeds, command and commit."""

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
    design: str = "",
) -> tuple[str, ...]:
    """A figure's provenance as lines of Markdown.

    Args:
        corpora: the figure's corpora, by dataset.
        seeds: those of its results; empty where it has no results.
        command: the command that draws it again, without ``bench``.
        records: records of its cells and pretrainings, for their commits.
        design: how many corpora of a dataset, and seeds of each, where corpora are replicates; ``corpora`` then has the
            first ones.
    """
    lines = [f"Data: {', '.join(_about(name, corpus) for name, corpus in corpora.items())}."]
    by_caveat: dict[str, list[str]] = {}
    for name, corpus in corpora.items():
        for caveat in corpus.info.caveats:
            by_caveat.setdefault(caveat, []).append(name)
    for caveat, datasets in by_caveat.items():
        of = "" if len(datasets) == len(corpora) else f" ({', '.join(datasets)})"
        lines.append(f"Note{of}: {caveat}")
    if design:
        lines.append(f"Replicates: {design}; the fingerprints are those of the first corpora.")
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
    """The printed name of a dataset in figures and tables: ``Beauty (simulated)`` for a simulated corpus."""
    return corpus.info.labelled(name)


def _about(name: str, corpus: Corpus) -> str:
    split = "" if corpus.info.split == "random" else f", split by {corpus.info.split}"
    return f"{name} ({corpus.info.origin}{split}, fingerprint {corpus.info.fingerprint[:12]})"
