"""From the released files to a corpus.

Layout 1 (``graph_pretrain``) has words, images and all sessions, to pretrain on; layout 2 (``ranking_data``) has the
downstream sample, with users, times and shown items. A folder with both gives one corpus, whose sessions are joined by
id. A session of layout 1 alone has no user and no times, and its ``downstream`` is false.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.data.checksums import sha256_of
from bench.data.making import check_free
from bench.data.splits import check_share
from bench.data.writer import IMAGE_DIM, CorpusWriter
from bench.datasets.mmsession.database import staging
from bench.datasets.mmsession.files import find_tables
from bench.datasets.mmsession.joining import join_items, join_steps
from bench.datasets.mmsession.pretraining import stage_images, stage_pretraining
from bench.datasets.mmsession.ranking import stage_ranking
from bench.datasets.mmsession.staging import Staging
from bench.datasets.mmsession.words import stage_words
from bench.datasets.mmsession.writing import session_splits, write_corpus

REPOSITORY = "https://github.com/XMUDM/MMsession"
LICENCE = "not stated by the authors"

_STAGES = 10  # that progress counts: five to read and join, five to write


def build(
    folder: Path, name: str, source: str | Path, progress: Callable[[int, int], None], options: dict[str, Any]
) -> dict[str, Any]:
    """Writes the corpus; see :func:`bench.datasets.mmsession.make`."""
    check_free(folder)
    check_share(options["valid_share"])
    category = options["category"]
    tables, ignored = find_tables(source, category)
    with staging(folder, tables, options["memory"]) as staged:
        staged.report["files_ignored"] = ignored
        stage_pretraining(staged)
        progress(1, _STAGES)
        stage_ranking(staged, category)
        progress(2, _STAGES)
        join_steps(staged)
        progress(3, _STAGES)
        join_items(staged)
        word_dim = stage_words(staged)
        progress(4, _STAGES)
        stage_images(staged)
        image_dim = staged.one_width("images", "vector", "n", "query2") if "query2" in tables else None
        split = session_splits(staged, options["valid_share"], options["seed"])
        progress(5, _STAGES)
        provenance = {
            "repository": REPOSITORY,
            "files": {kind: sha256_of(table.path) for kind, table in tables.items()},
            "options": options,
            "report": staged.report,  # the writer reads it last, when it is complete
        }
        writer = CorpusWriter(
            folder,
            name=name if name.endswith(category) else f"{name}-{category}",
            origin="released",
            licence=LICENCE,
            caveats=_caveats(staged, tables.keys() >= {"session"}),
            source=provenance,
            word_dim=word_dim,
            image_dim=image_dim or IMAGE_DIM,
        )
        with writer:
            unknown = write_corpus(
                writer, staged, category, split, lambda done, total: progress(5 + 5 * done // total, _STAGES)
            )
            staged.report["word_ids_unknown"] = unknown
        return staged.report


def _caveats(staged: Staging, pretraining: bool) -> list[str]:
    """What a reader of results must know of this corpus; ``pretraining`` says whether layout 1 is there."""
    lines = [f"the authors' released files, licence {LICENCE}"]
    if pretraining and "query_table" not in staged.tables:
        lines.append("sessions without users, times or shown items: they serve for pretraining, not for ctr")
    if pretraining:
        lines.append("session clicks name no query and stand at the last step of their session")
    if "query_table" in staged.tables:
        lines.append("texts of the ranking data are known as vectors only: each distinct one counts as one word")
        if not pretraining:
            lines.append("no images: they come with the pretraining files only")
    if staged.report["texts_of_another_width"]:
        lines.append("texts whose vectors are not as wide as the word vectors are left out")
    return lines
