"""Compact letters: systems share one exactly where no test told them apart (Piepho, 2004, insert and absorb).

Sharing a letter is not equality, and not transitive either: with ``a``, ``ab`` and ``b`` the first and the last differ,
and the one between them differs from neither.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence

_LETTERS = string.ascii_lowercase + string.ascii_uppercase


def compact_letters(names: Sequence[str], different: Collection[tuple[str, str]]) -> dict[str, str]:
    """The letters of each name.

    Args:
        names: from the best to the worst; the best has an ``a``.
        different: pairs that were told apart, in any order.

    Raises:
        ValueError: more groups than letters.
    """
    groups = [frozenset(names)]
    for left, right in different:
        split: list[frozenset[str]] = []
        for group in groups:
            split += [group - {left}, group - {right}] if {left, right} <= group else [group]
        distinct = list(dict.fromkeys(split))
        groups = [group for group in distinct if not any(group < other for other in distinct)]
    rank = {name: place for place, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(rank[name] for name in group))
    if len(groups) > len(_LETTERS):
        raise ValueError(f"{len(groups)} groups, {len(_LETTERS)} letters")
    lettered = list(zip(_LETTERS, groups, strict=False))
    return {name: "".join(letter for letter, group in lettered if name in group) for name in names}
