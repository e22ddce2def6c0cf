"""The licences of the libraries that this installation runs on, as their own metadata state them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from bench.doctor.installation import needed

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LONG = 60  # characters: what is longer is a licence's text, not its name


@dataclass(frozen=True)
class Licence:
    """A library's licence.

    Attributes:
        name, version: of the distribution.
        licence: an SPDX expression or a name; ``not stated`` where the metadata have none.
        extra: what asks for it; empty where session-bench always needs it.
    """

    name: str
    version: str
    licence: str
    extra: str


def licences() -> list[Licence]:
    """Every library that is installed because session-bench, or an extra of it, asks for it, directly or not."""
    found: dict[str, Licence] = {}
    for extra, names in needed().items():
        if extra == "dev":
            continue
        waiting = list(names)
        while waiting:
            try:
                library = distribution(waiting.pop())
            except PackageNotFoundError:
                continue
            name = library.metadata["Name"]
            if _key(name) in found:
                continue
            found[_key(name)] = Licence(name, library.version, licence_of(library), extra)
            waiting += [
                match[0]
                for line in library.requires or []
                if "extra" not in line.partition(";")[2] and (match := _NAME.match(line))
            ]
    return [found[key] for key in sorted(found)]


def licence_of(library: Distribution) -> str:
    """The licence that a distribution states."""
    stated = _field(library, "License-Expression")
    classified = [
        line.rpartition(" :: ")[2]
        for line in library.metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    written = _field(library, "License")
    named = written if len(written) <= _LONG and "\n" not in written else ""
    return stated or ", ".join(classified) or named or "not stated"


def _field(library: Distribution, name: str) -> str:
    return library.metadata[name].strip() if name in library.metadata else ""


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
