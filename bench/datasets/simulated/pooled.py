"""``pooled``: the simulated beauty, clothes and digital in one corpus, to classify intents across domains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.datasets.simulated import make as make_part
from bench.datasets.simulated.options import resolve
from bench.files import scratch

PARTS = ("beauty", "clothes", "digital")


def make(folder: str | Path, *, name: str, progress: Callable[[int, int], None] | None = None, **options: Any) -> None:
    """Writes the union of the three corpora that these options give.

    An item's domain is the name of its part. Sessions are shuffled over the parts and keep their splits if these are
    random; a split by time or by user is one of the union. Steps, images
    and clicks of a part stay as they are. The 400 shared words have beauty's vectors: each part has noise of its own on
    them, which would give the domain away. The parts are written beside the folder, and removed at the end.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name.
        progress: called with ``(sessions done, sessions in all)``; simulating and pooling count alike.
        options: of each part, not of their sum; see :class:`bench.datasets.simulated.options.Options`.

    Raises:
        BenchError: the folder exists, an option is unknown, or a value is out of range.
    """
    folder, resolved = Path(folder), resolve(PARTS[0], options)
    sessions = resolved.sessions
    from bench.data.corpus import Corpus
    from bench.data.held_out import LEFT_OUT
    from bench.data.split_kinds import left_out_caveats
    from bench.datasets.pool import pool
    from bench.datasets.pooled_sessions import split_union
    from bench.datasets.simulated.generate import CAVEATS, MODEL_VERSION

    report = progress or (lambda done, total: None)
    total = 2 * len(PARTS) * sessions
    options = {**options, "split": "random"}  # of a part; the union is split as a whole
    with scratch(folder) as beside:
        for number, part in enumerate(PARTS):
            make_part(beside / part, name=part, progress=_shifted(report, number * sessions, total), **options)
        parts = [Corpus(beside / part) for part in PARTS]
        split = split_union(parts, resolved.split, resolved.test_share, resolved.valid_share, resolved.seed)
        left_out = 0 if split is None else int((split == LEFT_OUT).sum())
        pool(
            folder,
            parts,
            name=name,
            seed=resolved.seed,
            licence=parts[0].info.licence,
            caveats=(
                *CAVEATS,
                "beauty, clothes and digital are pooled: no user and no item stands in two of them",
                *left_out_caveats(resolved.split, left_out),
            ),
            kind=resolved.split,
            split=split,
            source={
                "dataset": name,
                "model_version": MODEL_VERSION,
                "parts": {part.info.name: part.info.fingerprint for part in parts},
                "options": {**parts[0].info.source["options"], "split": resolved.split},
            },
            progress=_shifted(report, len(PARTS) * sessions, total),
        )


def _shifted(report: Callable[[int, int], None], before: int, total: int) -> Callable[[int, int], None]:
    """A progress callback of one part of the work, after ``before`` of ``total`` sessions."""
    return lambda done, _: report(before + done, total)
