"""Needs: what a component cannot do without in a corpus, declared in its spec and looked for before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.errors import BenchError, did_you_mean
from bench.plugins.values import typed_as

NEEDS: dict[str, str] = {
    "images": "image vectors",
    "users": "users",
    "categories": "categories of items",
    "domains": "domains of items",
    "labels": "categories or several domains of items, two of which label sessions",
    "category labels": "categories of items, two of which label sessions",
    "domain labels": "domains of items, two of which label sessions",
    "clicks": "training and test sessions, downstream, with a click",
    "training clicks": "training sessions with a click, in the downstream sample or out of it",
    "downstream training clicks": "training sessions with a click, downstream",
    "clicked together": "a training session, downstream, in which two items were clicked",
    "unclicked": "in each split, downstream queries that show a clicked and an unclicked item",
    "truth": "the known truth of a simulated corpus",
    "words": "texts of words, not texts that are known as vectors only",
    "next queries": "in each split, downstream sessions in which a keyword query with words follows another query",
}
"""What may be needed, by the name that a spec uses, in words for people."""


@dataclass(frozen=True)
class Need:
    """One need of a component.

    Attributes:
        what: a name of :data:`NEEDS`.
        when: options and values with which alone it is one, such as ``{"mode": "vis"}``; always, where it is empty.
    """

    what: str
    when: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.what not in NEEDS:
            raise BenchError(f"no need is called {self.what!r}", fix=did_you_mean(self.what, NEEDS))

    def __str__(self) -> str:
        when = ", ".join(f"{name}={typed_as(value)}" for name, value in self.when.items())
        return NEEDS[self.what] + (f" (with {when})" if when else "")

    def counts(self, options: Mapping[str, Any]) -> bool:
        """Whether it is a need with these options."""
        return all(options[name] == value for name, value in self.when.items())
