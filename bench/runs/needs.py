"""What components need and a corpus lacks, found out before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clicks import Clicks, rankable_queries
from bench.data.corpus import Corpus
from bench.data.next_queries import followed_queries
from bench.data.schema import SPLITS
from bench.data.session_labels import session_labels
from bench.data.truth import has_truth
from bench.errors import BenchError
from bench.plugins.specs import Spec

Options = Mapping[tuple[str, str], Mapping[str, Any]]

_FLAGS = {"task": "--task", "baseline": "--baseline", "encoder": "--encoder"}


def check_needs(corpus: Corpus, label: str, specs: Sequence[Spec], options: Options) -> None:
    """Looks for what the components need in a corpus; each question is asked once, and only if somebody needs it.

    Args:
        corpus: the data.
        label: what the dataset is called.
        specs: the components, encoders under the names of their variants.
        options: by (kind, name).

    Raises:
        BenchError: one line: which components lack what, and which of their kind run.
    """
    answers: dict[str, str | None] = {}
    lacking: dict[str, list[Spec]] = {}
    for spec in specs:
        for need in spec.needed(options[spec.kind, spec.name]):
            if need.what not in answers:
                answers[need.what] = _LACKS[need.what](corpus)
            if answers[need.what] is not None:
                lacking.setdefault(need.what, []).append(spec)
    if not lacking:
        return
    what, kind = [], next(iter(lacking.values()))[0].kind
    for need_name, owners in lacking.items():
        names = ", ".join(spec.name for spec in owners)
        what.append(f"{names} cannot run on {label}: {answers[need_name]}")
    left_out = {spec.name for owners in lacking.values() for spec in owners}
    runs = [spec.name for spec in specs if spec.kind == kind and spec.name not in left_out]
    fix = f"what runs: {_FLAGS[kind]} {','.join(runs)}" if runs and kind != "task" else None
    raise BenchError("; ".join(what), where=_FLAGS[kind], fix=fix)


def _counted(table: str, words: str, corpus: Corpus) -> str | None:
    return None if corpus.info.counts.get(table) else words


def _none_of(kind: str, corpus: Corpus) -> str | None:
    found = {"users": corpus.num_users, "categories": len(corpus.categories), "domains": len(corpus.domains)}
    found["labels"] = found["categories"] or found["domains"] > 1
    words = {"users": "users", "categories": "categories", "domains": "domains", "labels": "categories"}[kind]
    if found[kind]:
        return None
    return f"its {'sessions' if kind == 'users' else 'items'} have no {words}"


def _unlabelled(kind: str, corpus: Corpus) -> str | None:
    """What labels lack: there are none, or those of all sessions of a split are one class, of which nothing is learnt.

    Args:
        kind: ``categories``, ``domains``, or ``labels``: domains where there are several, else categories.
        corpus: the data.
    """
    if (none := _none_of(kind, corpus)) is not None:
        return none
    by_domain = kind == "domains" or (kind == "labels" and len(corpus.domains) > 1)
    names, what = (corpus.domains, "domain") if by_domain else (corpus.categories, "category")
    for split in ("train", "test"):
        _, codes = session_labels(corpus, corpus.session_rows(split, downstream=True), by_domain)
        classes = np.unique(codes)
        if len(classes) == 1:
            return f"all clicked sessions of its {split} split are of one {what}, {names[int(classes[0])]!r}"
        if not len(classes):
            return f"no downstream session of its {split} split has a click on an item with a {what}"
    return None


def _in_splits(
    splits: Sequence[str], rows_of: Callable[[Corpus, NDArray[np.int64]], NDArray[np.int64]], words: str, corpus: Corpus
) -> str | None:
    """What a split's downstream sessions lack, for the first of these splits that has none of the rows."""
    for split in splits:
        if not len(rows_of(corpus, corpus.session_rows(split, downstream=True))):
            return words.format(split=split)
    return None


def _only_vectors(corpus: Corpus) -> bool:
    """Whether the corpus says of itself that each of its words stands for the vector of a whole text."""
    return bool(corpus.info.source.get("options", {}).get("words") == "vectors")


def _clicked(corpus: Corpus, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    return Clicks.of(corpus).sessions_with(sessions)


def _no_click_to_train_on(downstream: bool | None, words: str, corpus: Corpus) -> str | None:
    return None if len(_clicked(corpus, corpus.session_rows("train", downstream))) else words


def _none_clicked_together(corpus: Corpus) -> str | None:
    sessions = corpus.session_rows("train", downstream=True)
    items, owner = Clicks.of(corpus).of_sessions(sessions)
    distinct = np.unique(owner.astype(np.int64) * len(corpus.columns.item_image) + items)
    if (np.bincount(distinct // max(len(corpus.columns.item_image), 1), minlength=1) > 1).any():
        return None
    return "in no downstream session of its train split two items were clicked"


_LACKS: dict[str, Callable[[Corpus], str | None]] = {
    "images": partial(_counted, "images", "it has no image vectors"),
    "users": partial(_none_of, "users"),
    "categories": partial(_none_of, "categories"),
    "domains": partial(_none_of, "domains"),
    "labels": partial(_unlabelled, "labels"),
    "category labels": partial(_unlabelled, "categories"),
    "domain labels": partial(_unlabelled, "domains"),
    "clicks": partial(
        _in_splits, ("train", "test"), _clicked, "no downstream session of its {split} split has a click"
    ),
    "training clicks": partial(_no_click_to_train_on, None, "no session of its train split has a click"),
    "downstream training clicks": partial(
        _no_click_to_train_on, True, "no downstream session of its train split has a click"
    ),
    "clicked together": _none_clicked_together,
    "unclicked": partial(
        _in_splits,
        SPLITS,
        rankable_queries,
        "no downstream query of its {split} split shows both a clicked and an unclicked item",
    ),
    "truth": lambda corpus: None if has_truth(corpus) else "it has no known truth, as simulated corpora have",
    "words": lambda corpus: (
        "its texts are known as vectors, so that it has no words" if _only_vectors(corpus) else None
    ),
    "next queries": partial(
        _in_splits,
        SPLITS,
        followed_queries,
        "no downstream query of its {split} split is followed by a keyword query with words",
    ),
}
"""What a corpus lacks, in words, or None; by the names of :data:`bench.plugins.needs.NEEDS`."""
