"""Hostile inputs for every parser of something that people hand over, as many as are asked for.

``python tests/fuzz/parsers.py 100000 [SEED [PARSER …]]`` runs so many inputs over each parser and prints what broke it.
An input breaks a parser where anything else than a value or a ``BenchError`` of one line comes out of it, or where it
takes longer than two seconds. Inputs are damaged samples: bytes flipped, cut, doubled, swapped for tokens that parsers
trip over. The same seed gives the same inputs.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.cli.choices import names
from bench.data.corpus import read_info
from bench.data.vector_file import read_vector_file
from bench.datasets.mapping import map_text, read_map, shipped_maps
from bench.errors import BenchError
from bench.evaluation.load import load_experiment
from bench.golden.gate import load_gate
from bench.plugins.registry import registry
from bench.plugins.settings import resolve_options
from bench.plugins.variants import variant_of
from bench.printable import one_line
from bench.progress import notes_to
from bench.runs.engines.limits import bytes_of
from bench.runs.store import Store

SLOWEST = 2.0  # seconds of one input
_CORPUS = """name = "mine"
origin = "log"
caveats = ["one", "two"]
licence = "unknown"
fingerprint = "ab12"
format_version = 1
split = "time"
[counts]
vocabulary = 5
items = 9
sessions = 3
queries = 4
impressions = 8
images = 0
[source.options]
seed = 1
[checksums]
"items.parquet" = "00"
"""
_EXPERIMENT = """title = "t"
seeds = 2
champion = "lstm"
[settings]
epochs = 1
muvcog-m.steps = 5
[[part]]
id = "table2"
title = "CTR"
task = "ctr"
datasets = ["beauty"]
baselines = ["transearch"]
encoders = ["vanilla", "lstm", "muvcog-m[negatives=random]"]
"""
_GATE = """seeds = 2
task = "ctr"
dataset = "beauty"
encoders = ["vanilla", "lstm"]
settings = ["epochs=1"]
[[tables]]
name = "one"
"""
_TOKENS = [
    *(b"[" * 5_000, b"{a=" * 3_000, b"9" * 5_000, b"a." * 3_000 + b"b=1\n", b"x" * 20_000),
    *(b'"' * 7, b"'''", b"\n", b"\r", b"\t", b"\0", b"=", b",", b":", b"[[part]]", b"[settings]\n"),
    *(b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[2J", "\u202e".encode(), b"\\ud800", b"../../etc/passwd"),
    *(b"1e400", b"nan", b"-inf", b"-1", b"0x", b"1979-02-30", b"true", b"[]", b"{}", b'["a", 1]'),
    *(b"extends = 'x.toml'\n", b"[a=b,c=[d]]", b"$(id)", b"__import__('os')"),
]


@dataclass(frozen=True)
class Parser:
    """Something that reads what people hand over.

    Attributes:
        read: takes the input; gives a value or raises a BenchError.
        samples: inputs that are sound, to be damaged.
    """

    read: Callable[[bytes], object]
    samples: tuple[bytes, ...]


def parsers(folder: Path) -> dict[str, Parser]:
    """Every parser by its name; files go to ``folder``."""

    def record(file: Path) -> object:
        notes_to(lambda line: None)  # what is set aside is said
        try:
            return Store(folder / "store").read("cells", "0123")
        finally:
            shutil.rmtree(folder / "store")

    def of_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def written(data: bytes) -> object:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            return read(file)

        return written

    def text(data: bytes) -> str:
        return data.decode("utf-8", "surrogateescape")

    every = [component.spec for _, component in registry().components()]
    settings = tuple(
        f"{spec.name}.{key}={spec.defaults[key]}".encode() for spec in every for key in list(spec.settable)[:3]
    )
    maps = tuple(map_text(name)[0].encode() for name in shipped_maps())
    return {
        "corpus.toml": Parser(of_file("corpus/corpus.toml", lambda file: read_info(file.parent)), (_CORPUS.encode(),)),
        "experiment": Parser(
            of_file("e.toml", lambda file: load_experiment(str(file), registry())), (_EXPERIMENT.encode(),)
        ),
        "gate": Parser(of_file("gate/gate.toml", lambda file: load_gate(file.parent)), (_GATE.encode(),)),
        "mapping": Parser(of_file("map.toml", read_map), maps),
        "setting": Parser(lambda data: resolve_options(every, [text(data)]), settings),
        "variant": Parser(
            lambda data: [variant_of(name, registry()) for name in names(text(data))],
            (b"muvcog-m[negatives=random,steps=3],lstm", b"v.parquet[name=ours]"),
        ),
        "size": Parser(lambda data: bytes_of(text(data), "--cell-memory"), (b"4GB", b"512 MiB")),
        "record": Parser(
            of_file("store/cells/0123/cell.json", record),
            (b'{"status": "done", "files": {"a": {"bytes": 1, "sha256": "0"}}, "checksum": "0", "key": "0123"}',),
        ),
        "vectors": Parser(of_file("v.parquet", read_vector_file), (_vectors(folder),)),
    }


def _vectors(folder: Path) -> bytes:
    columns = {"query_id": ["a", "b"], "vector": [np.ones(3, np.float32), np.zeros(3, np.float32)]}
    pq.write_table(pa.table(columns), folder / "sound.parquet")
    return (folder / "sound.parquet").read_bytes()


def damaged(sample: bytes, draws: random.Random) -> bytes:
    """A sample with one to four things wrong."""
    data = bytearray(sample)
    for _ in range(draws.randint(1, 4)):
        at = draws.randrange(len(data) + 1)
        to = min(len(data), at + draws.choice((1, 1, 2, 8, 40)))
        match draws.randrange(5):
            case 0:
                data[at:to] = draws.choice(_TOKENS)
            case 1:
                data[at:at] = draws.choice(_TOKENS)
            case 2:
                del data[at:to]
            case 3:
                data[at:at] = data[at:to]
            case 4 if at < len(data):
                data[at] ^= 1 << draws.randrange(8)
    return bytes(data)


def fuzz(parser: Parser, number: int, seed: int) -> Iterator[tuple[bytes, str]]:
    """Runs inputs; yields each that broke the parser, with what came out."""
    draws = random.Random(seed)
    for _ in range(number):
        data = damaged(draws.choice(parser.samples), draws)
        started = time.perf_counter()
        try:
            parser.read(data)
        except BenchError as error:
            line = str(error)
            if len(line) > 6_500 or line != one_line(line):
                yield data, f"an error of {len(line)} characters: {line[:300]!r}"
        except Exception:
            yield data, traceback.format_exc(limit=-4)
        if time.perf_counter() - started > SLOWEST:
            yield data, f"took {time.perf_counter() - started:.1f} s"


def main(number: int, seed: int = 0, *chosen: str) -> int:
    """Fuzzes; returns how many inputs broke a parser."""
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, parser in parsers(Path(folder)).items():
            if chosen and name not in chosen:
                continue
            started = time.perf_counter()
            found = list(fuzz(parser, number, seed))
            broken += len(found)
            seconds = time.perf_counter() - started
            print(f"{name}: {number:,} inputs, {len(found)} broke it, {seconds:.0f} s", flush=True)
            for why, data in {why: data for data, why in found}.items():
                print(f"  {data[:200]!r}\n  {why[:2_000]}", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, *sys.argv[3:]) > 0)
