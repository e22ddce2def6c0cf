"""Multi-turn FashionIQ: real turns of text about shown products, read from the files that its authors published.

Source: Yuan & Lam, "Conversational Fashion Image Retrieval via Multiturn Natural Language Feedback", SIGIR 2021
(arXiv 2106.04128), github yfyuan01/MultiturnFashionRetrieval; built on FashionIQ (Wu et al., CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from bench.data.published import DOWNSTREAM_SESSIONS
from bench.plugins.constraints import Between


@dataclass(frozen=True)
class FashionIqOptions:
    """Options of ``fashioniq``.

    Attributes:
        seed: of the validation part, the downstream sample, the candidates and the stand-in image vectors.
        valid_share: of the training sessions.
        candidates: shown per keyword step, the click included.
        downstream: sessions, of all parts together, that downstream models use (all, where there are no more).
        verify: the SHA-256 of the files.
    """

    seed: Annotated[int, Between(0, 2**63 - 1)] = 0
    valid_share: Annotated[float, Between(0.01, 0.9)] = 0.1
    candidates: Annotated[int, Between(2, 1000)] = 50
    downstream: Annotated[int, Between(1, 1_000_000_000)] = DOWNSTREAM_SESSIONS
    verify: bool = True


DEFAULTS: dict[str, Any] = asdict(FashionIqOptions())
"""Every option with its default."""


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
        seed, valid_share, candidates, downstream, verify: see :class:`FashionIqOptions`.

    Returns:
        the report: counts of sessions, turns and products, also in ``corpus.toml`` under ``source.report``.

    Raises:
        BenchError: a file is missing, differs from its checksum, or cannot be read.
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
