"""Multi-turn FashionIQ: real turns of text about shown products, read from the files that its authors published.

Source: Yuan & Lam, "Conversational Fashion Image Retrieval via Multiturn Natural Language Feedback", SIGIR 2021
(arXiv 2106.04128), github yfyuan01/MultiturnFashionRetrieval; built on FashionIQ (Wu et al., CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.data.published import DOWNSTREAM_SESSIONS

DEFAULTS: dict[str, Any] = {
    "seed": 0,
    "valid_share": 0.1,
    "candidates": 50,
    "downstream": DOWNSTREAM_SESSIONS,
    "verify": True,
}
"""Options and their defaults. ``seed`` decides the validation split, the downstream sample, the candidates and the
stand-in image vectors. ``valid_share`` is the share of training sessions that becomes the validation split.
``candidates`` is the length of a keyword step's list, the clicked product included. ``downstream`` is the number of
sessions, of all splits together, that downstream models use; a smaller dataset gives all it has. ``verify`` says
whether the SHA-256 of each file is compared with :data:`bench.datasets.fashioniq.files.SHA256`."""


def make(
    folder: str | Path,
    *,
    name: str,
    source: str | Path,
    progress: Callable[[int, int], None] | None = None,
    seed: int = 0,
    valid_share: float = 0.1,
    candidates: int = 50,
    downstream: int = DOWNSTREAM_SESSIONS,
    verify: bool = True,
) -> dict[str, int]:
    """Writes the corpus of :mod:`bench.datasets.fashioniq.build` to ``folder``.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name.
        source: a folder with ``data/``, ``attr/`` and ``image_splits/``, or a base URL that these are below.
        progress: called with ``(stages done, stages in all)``.
        seed, valid_share, candidates, downstream, verify: see :data:`DEFAULTS`.

    Returns:
        the report: counts of sessions, turns and products, also in ``corpus.toml`` under ``source.report``.

    Raises:
        BenchError: a file is missing, differs from its checksum, or cannot be read; or an option is out of range.
    """
    from bench.datasets.fashioniq.build import build

    options = {
        "seed": seed,
        "valid_share": valid_share,
        "candidates": candidates,
        "downstream": downstream,
        "verify": verify,
    }
    return build(Path(folder), name, source, progress or (lambda done, total: None), options)
