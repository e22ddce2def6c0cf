"""What makes the corpus of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from bench.progress import Progress


class CorpusMaker(Protocol):
    """What a :class:`bench.DatasetSpec` points at: a function that writes a corpus into a folder."""

    def __call__(self, folder: Path, *, name: str, progress: Progress, **options: Any) -> None:
        """Writes the corpus, the same for the same options; :class:`bench.data.writer.CorpusWriter` does the rest.

        Args:
            folder: to make; it takes its place when the corpus is whole, and does not exist before.
            name: of the dataset, as tables print it.
            progress: called with (done, total).
            options: those of the spec; a fetched dataset has ``source`` too, a path or an address.

        Raises:
            BenchError: something is wrong with an option or a file.
        """
