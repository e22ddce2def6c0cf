"""MMsession: the search sessions that the authors of MUVCOG released, one category per corpus.

Source: Liu et al., "Pretraining Representations of Multi-modal Multi-query E-commerce Search", KDD 2022, github
XMUDM/MMsession; the formats are those of the readmes in its folders ``graph_pretrain`` and ``ranking_data``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from bench.plugins.constraints import Between, Matching


@dataclass(frozen=True)
class MmsessionOptions:
    """Options of ``mmsession``.

    Attributes:
        category: of the released sessions.
        valid_share: of the training sessions, for validation.
        seed: of the choice of the validation sessions.
        memory: that DuckDB may use before it goes to disk.
    """

    category: Literal["clothes", "beauty", "digital"] = "beauty"
    valid_share: Annotated[float, Between(0.01, 0.9)] = 0.1
    seed: Annotated[int, Between(0, 2**63 - 1)] = 0
    memory: Annotated[str, Matching(r"[1-9]\d*(\.\d+)?\s?[KMGT]i?B", "4GB")] = "4GB"


DEFAULTS: dict[str, Any] = asdict(MmsessionOptions())
"""Every option with its default."""


def make(
    folder: str | Path,
    *,
    name: str,
    source: str | Path,
    progress: Callable[[int, int], None] | None = None,
    category: str = "beauty",
    valid_share: float = 0.1,
    seed: int = 0,
    memory: str = "4GB",
) -> dict[str, Any]:
    """Writes the corpus of :mod:`bench.datasets.mmsession.build` to ``folder``.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: the corpus's name; ``-CATEGORY`` is added where it does not end with the category.
        source: the folder with the category's released files, or one that has it below.
        progress: called with ``(stages done, stages in all)``.
        category, valid_share, seed, memory: see :class:`MmsessionOptions`.

    Returns:
        the report: counts of rows by what was read and left out, also in ``corpus.toml`` under ``source.report``.

    Raises:
        BenchError: a file or a column is missing, a file cannot be read, or an option is out of range.
    """
    from bench.datasets.mmsession.build import build

    options = {"category": category, "valid_share": valid_share, "seed": seed, "memory": memory}
    return build(Path(folder), name, source, progress or (lambda done, total: None), options)
