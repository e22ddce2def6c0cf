"""Finding a stored result by what people call it: the beginning of its key, or BASELINE/ENCODER/SEED."""

from __future__ import annotations

from dataclasses import dataclass

from bench.errors import BenchError, did_you_mean
from bench.runs.store import RECORDS, Store


@dataclass(frozen=True)
class Found:
    """A stored result.

    Attributes:
        kind: ``cells``, ``encoders`` or ``embeddings``.
        key: its whole key.
        older: keys of results that are called the same, made earlier: of other options, sources or libraries.
    """

    kind: str
    key: str
    older: tuple[str, ...] = ()


def find_result(store: Store, name: str, task: str = "", dataset: str = "") -> Found:
    """The result that is called ``name``.

    Args:
        store: where it is looked for.
        name: the beginning of a key, or ``BASELINE/ENCODER/SEED`` of a cell, of which the latest is taken.
        task, dataset: of the cell; not needed where those of that name are all of one.

    Raises:
        BenchError: nothing is called so, or several things are that differ in more than their options.
    """
    if "/" in name:
        return _find_cell(store, name, task, dataset)
    found = [
        Found(kind, path.name)
        for kind in RECORDS
        for path in sorted((store.root / kind).glob("*"))
        if path.name.startswith(name) and "." not in path.name
    ]
    if len(found) != 1:
        what = "no result has this key" if not found else f"{len(found)} results begin like this"
        raise BenchError(what, where=f"{name} in {store.root}", fix="keys: bench run --keys, or BASELINE/ENCODER/SEED")
    return found[0]


def _find_cell(store: Store, name: str, task: str, dataset: str) -> Found:
    baseline, _, rest = name.partition("/")
    encoder, _, seed = rest.rpartition("/")
    if not (encoder and seed.isdigit()):
        raise BenchError(f"{name!r} is no cell", fix="write BASELINE/ENCODER/SEED, such as transearch/muvcog-m/0")
    called: list[tuple[float, str, str, str]] = []
    others = set()
    for folder in (store.root / "cells").glob("*"):
        record = {} if "." in folder.name else store.peek("cells", folder.name)
        config = record.get("config")
        if not config:
            continue
        where = (config["task"]["name"], config["corpus"]["dataset"])
        others.add(f"{config['baseline']['name']}/{config['encoder']['name']}/{config['seed']}")
        if (config["baseline"]["name"], config["encoder"]["name"], config["seed"]) != (baseline, encoder, int(seed)):
            continue
        if task in ("", where[0]) and dataset in ("", where[1]):
            called.append((record.get("started", 0.0), folder.name, *where))
    if not called:
        of = "".join(f", {option} {value}" for option, value in (("task", task), ("dataset", dataset)) if value)
        near = did_you_mean(name, others)
        fix = near if near.startswith("did") else "bench run makes them; --out says where they are"
        raise BenchError(f"no cell is called {name}{of}", where=str(store.root), fix=fix)
    places = sorted({(which, on) for _, _, which, on in called})
    if len(places) > 1:
        known = " or ".join(f"--task {which} --dataset {on}" for which, on in places)
        raise BenchError(f"{len(places)} results are called {name}", where=str(store.root), fix=known)
    *older, latest = [key for _, key, _, _ in sorted(called)]
    return Found("cells", latest, tuple(older))
