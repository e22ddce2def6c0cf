"""Damaged logs, corpora, vectors and encoders for every reader of such files.

``make fuzz ARGS="1000 [--first N] [NAME …]"`` runs so many cases over each reader and prints what broke it;
``ARGS="--case NAME N"`` repeats one and shows its files. A case follows from its name and number alone. A reader is
broken by a case where anything else than a sound corpus or a ``BenchError`` of one line comes out of it: a traceback, a
corpus with problems, one whose counts are not those that were reported, ids or words that the files do not have, more
than five seconds of a processor, or 400 MiB of memory.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import json
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w
import torch
from coveo_files import small_coveo, write_coveo
from damage import Files, damage, packed
from event_logs import small_log, write_log
from mapped_logs import MAP, wide_log, write_mapped
from odd_logs import plain_log
from odd_logs import write as write_odd
from qilin_files import small_qilin, write_qilin
from released_files import write_mmsession
from ubi_logs import small_log as ubi_log
from ubi_logs import write_bulk, write_parquet, write_two

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.checks.corpus_checks import problems
from bench.data.checksums import mark, record_checksum, sha256_of
from bench.data.columns import build_columns
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.stats import corpus_stats
from bench.data.vector_file import read_vector_file
from bench.data.vector_scan import pieces
from bench.data.vector_writer import VECTOR
from bench.datasets import coveo, mmsession, qilin, ubi
from bench.datasets.ingest import IngestOptions, IngestReport, ingest
from bench.datasets.mapping import ingest_mapped, read_map
from bench.errors import BenchError
from bench.files import read_toml
from bench.golden.tables import read_golden
from bench.plugins.registry import registry
from bench.printable import one_line
from bench.progress import notes_to
from bench.serving.encoder_file import ExportedEncoder, read_encoder_file, write_encoder_file
from bench.testing.corpora import random_corpus
from bench.training.checkpoint import load_checkpoint, save_checkpoint

SLOWEST, MOST_MEMORY = 5.0, 400 << 20  # seconds of a processor, bytes of one case
_HANGS = 240  # seconds of the wall after which the process says where it stands, and ends
_TABLES = ("sessions", "queries", "items", "impressions", "vocabulary")


@dataclass(frozen=True)
class Reader:
    """Something that reads files that people hand over.

    Attributes:
        samples: sound files, to be damaged.
        read: reads a folder, may write a corpus to the path beside it; says what is wrong with what came out, or "".
    """

    samples: tuple[Files, ...]
    read: Callable[[Path, Path, Files], str]


def readers() -> dict[str, Reader]:
    """Every reader by its name."""
    few = IngestOptions(threads=1, keep_text_only=True, memory_limit="1GB")
    dropping = IngestOptions(threads=1, keep_text_only=True, on_conflict="drop", anonymous="drop", fold=True)

    def log(folder: Path, to: Path, files: Files) -> str:
        return _made(to, files, ingest(folder, to, options=few if len(files["options"]) else dropping))

    def mapped(folder: Path, to: Path, files: Files) -> str:
        found = read_map(folder / "log.toml")
        return _made(to, files, ingest_mapped(folder / "log", to, found, name="m", options=few))

    def dataset(make: Callable[..., Any], options: dict[str, Any], folder: Path, to: Path, files: Files) -> str:
        report = make(to, name="a", source=folder, **options)
        return _made(to, files, report if isinstance(report, IngestReport) else None)

    def log_samples(suffix: str) -> tuple[Files, ...]:
        made = _files(lambda folder: write_log(folder, small_log(), suffix))
        return tuple({**made, "options": said} for said in (b"", b"stop"))

    odd = [_files(partial(write_odd, log=plain_log(4), form=form)) for form in ("json lines", "json list")]
    zipped = {f"{name}.gz": packed(data) for name, data in log_samples("csv")[0].items() if name != "options"}
    two_files = _files(lambda folder: write_two(folder, ubi_log()))
    bulk = _files(lambda folder: write_bulk(folder / "log.ndjson", ubi_log()))
    nested = _files(lambda folder: write_parquet(folder, ubi_log()))
    wide = {f"log/{name}": data for name, data in _files(lambda folder: write_mapped(folder, wide_log())).items()}
    return {
        "log CSV": Reader((*log_samples("csv"), {**zipped, "options": b""}), log),
        "log Parquet": Reader(log_samples("parquet"), log),
        "log JSON": Reader(tuple({**files, "options": b""} for files in odd), log),
        "mapped log": Reader(({**wide, "log.toml": MAP.encode()},), mapped),
        "mmsession": Reader(
            (_files(lambda folder: write_mmsession(folder)),), partial(dataset, mmsession.make, {"valid_share": 0.5})
        ),
        "ubi": Reader((two_files, bulk, nested), partial(dataset, ubi.make, {})),
        "qilin": Reader(
            (_files(lambda folder: write_qilin(folder, small_qilin()) and None),), partial(dataset, qilin.make, {})
        ),
        "coveo": Reader((_files(lambda folder: write_coveo(folder, small_coveo())),), partial(dataset, coveo.make, {})),
        "corpus": Reader((readers_corpus(),), partial(_opened, False)),
        "sealed corpus": Reader((readers_corpus(),), partial(_opened, True)),
        "vectors": Reader(_vectors(), _vectors_read),
        "encoder": Reader((_encoder(),), _encoder_read),
        "golden": Reader(_golden(), _golden_read),
    }


# ---- samples ---------------------------------------------------------------------------------------------------------


def _files(write: Callable[[Path], object]) -> Files:
    """What a writer puts into a folder."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "beauty"
        write(folder)
        return _read(folder)


def _read(folder: Path) -> Files:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _corpus() -> Files:
    with tempfile.TemporaryDirectory() as made:
        return _read(random_corpus(Path(made) / "corpus", 6, image_share=0.5).folder)


def _vectors() -> tuple[Files, ...]:
    made = []
    for kind in (pa.list_(pa.float32()), pa.list_(pa.float32(), 3), pa.large_list(pa.float64())):
        written = io.BytesIO()
        ids = pa.array(["a", "b", "c"])
        pq.write_table(pa.table({"query_id": ids, "vector": pa.array([[1.0, 0, 2]] * 3, kind)}), written)
        made.append({"v.parquet": written.getvalue()})
    return tuple(made)


def _encoder() -> Files:
    dims, spec = Dims(3, 4), registry().get("encoder", "lstm")
    options = dict(spec.defaults)
    encoder: SessionEncoder = spec.load()(dims, **options)
    words = torch.arange(6, dtype=torch.float32).reshape(2, 3)  # (2, 3)
    exported = ExportedEncoder(encoder, "lstm", options, ["red", "shoe"], words, {"of": "a test"})
    return _files(lambda folder: write_encoder_file(exported, folder / "e.safetensors"))


def _golden() -> tuple[Files, ...]:
    folder = Path(__file__).parents[2] / "results" / "golden"
    return tuple({"encoders.json": one.read_bytes()[:2_000_000]} for one in [folder / "encoders.json"])


# ---- what reads them, and what is asked of what comes out ------------------------------------------------------------


def _made(to: Path, files: Files, report: IngestReport | None) -> str:
    """What is wrong with a corpus that was made of these files."""
    found = problems(to)
    if found:
        return f"the corpus has problems: {found[0]}"
    corpus = Corpus(to)
    rows = {name: len(corpus.to_arrow(name)) for name in _TABLES}
    if any(corpus.info.counts[name] != count for name, count in rows.items()):
        return f"counts are {corpus.info.counts}, there are {rows}"
    if report is not None and any(report.kept[name] != count for name, count in rows.items()):
        return f"{report.kept} were reported, there are {rows}"
    if report is not None and any(count < 0 for count in report.dropped.values()):
        return f"reported as dropped: {report.dropped}"
    texts = _texts(files)
    given = [("queries", "query_id"), ("items", "item_id"), ("vocabulary", "word")]
    hashed = report is not None and corpus.info.source.get("reader") == "coveo"  # words stand for vectors there
    for table, column in given[:2] if hashed else given:
        for said in corpus.strings(table, column).to_pylist():
            if not any(_stands(said, text) for text in texts):
                return f"{column} {said[:200]!r} stands in no file"
    return ""


def _stands(said: str, text: str) -> bool:
    said = unicodedata.normalize("NFC", said)
    said = said.removeprefix("train-").removeprefix("test-")  # Qilin's, where a search stands in both parts
    return said in text or all(part in text for part in said.split("#")) or said.removesuffix(".0") in text


def _texts(files: Files) -> list[str]:
    """The texts of all files in every encoding in which they might be read; of tables their values."""
    found = []
    for name, raw in files.items():
        data = raw
        if name.endswith(".gz"):
            try:
                data = gzip.decompress(raw)
            except (OSError, EOFError):
                continue
        if data[:4] == b"PAR1":
            try:
                data = "\n".join(_scalars(_values(data))).encode("utf-8", "replace")
            except (pa.ArrowException, OSError, ValueError, KeyError):
                continue
        for encoding in ("utf-8", "latin-1", "utf-16"):
            text = unicodedata.normalize("NFC", data.decode(encoding, "replace"))
            found += [text, text.lower()]
            if encoding == "utf-8" and ("\\" in text or '""' in text or name.endswith("l")):
                found.append("\n".join(_scalars([_json(line) for line in text.splitlines()])) + text.replace('""', '"'))
    whole = unicodedata.normalize("NFC", "\n".join(found))
    return [whole, whole.lower()]


def _values(parquet: bytes) -> list[dict[str, Any]]:
    """All values of a Parquet file, each by its column; of several columns of one name too.

    Names are read one by one, without those that are damaged: a reader may do without these.
    """
    found: list[dict[str, Any]] = []
    for asked in dict.fromkeys(pq.read_schema(io.BytesIO(parquet)).names):
        try:
            table = pq.ParquetFile(io.BytesIO(parquet)).read(columns=[asked])
        except (pa.ArrowException, OSError):
            continue
        columns = zip(table.column_names, table.columns, strict=True)
        found += [{name: value} for name, column in columns for value in column.to_pylist()]
    return found


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield json.dumps(one, separators=(",", ":"), default=str)
            yield from _scalars(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _scalars(one)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    else:
        yield str(value)
        if isinstance(value, float) and value.is_integer():
            yield str(int(value))


def _opened(sealed: bool, folder: Path, to: Path, files: Files) -> str:
    """A corpus that is opened; ``sealed``: whoever changed it wrote checksums that fit."""
    if sealed and (folder / "corpus.toml").is_file():
        try:
            said = read_toml(folder / "corpus.toml")
            if any(files[name] != data for name, data in readers_corpus().items() if name.startswith("columns/")):
                meta = json.loads((folder / "columns" / "meta.json").read_text())
                for one in (folder / "columns").glob("*.npy"):
                    meta["files"][one.stem + ".npy"] = mark(one)
                meta["checksum"] = record_checksum(meta)
                (folder / "columns" / "meta.json").write_text(json.dumps(meta))
            else:
                said["fingerprint"] = build_columns(folder)["fingerprint"]
            said["checksums"] = {name: sha256_of(folder / name) for name in said["checksums"]}
            del said["checksum"]
            (folder / "corpus.toml").write_text(tomli_w.dumps(said))
        except Exception:
            return ""  # nobody could make columns of it
    found = problems(folder)
    [str(problem.error("corpus")) for problem in found]
    corpus = Corpus(folder)
    columns = corpus.columns
    sessions = np.arange(len(columns.session_split))
    batch = SessionBatch.from_sessions(corpus, sessions, Features.of(corpus))
    sums = [batch.features.words(batch.words), batch.features.images(batch.images)]
    corpus_stats(corpus)
    # Another type of the same values, and what no column is made of, change no number: the fingerprint is of values.
    # Of positions no column is made: steps follow each other as rows do.
    harmless = ("no such column in the format", "the table is empty", "is of type", "the column is ", "is null")
    harmless += ("is not 0, 1, 2 … within the session",)
    if not sealed and any(not one.what.startswith(harmless) and "columns" not in one.file for one in found):
        return f"opened with {len(sums)}, and has problems: {found[0]}"
    return ""


def _vectors_read(folder: Path, to: Path, files: Files) -> str:
    found = read_vector_file(folder / "v.parquet")
    read = [piece for part in found.parts for piece in pieces(part, [found.by, VECTOR])]
    ids = [one for piece in read for one in piece[found.by].to_pylist()]
    vectors = [one for piece in read for one in piece[VECTOR].to_pylist()]
    sound = len({len(one) for one in vectors}) == 1 and np.isfinite(np.array(vectors, dtype=np.float64)).all()
    return "" if sound and len(vectors) == len(ids) == len(set(ids)) else "no vectors"


def _encoder_read(folder: Path, to: Path, files: Files) -> str:
    """Half of the files get a checksum that fits, so that what lies behind it is reached."""
    file = folder / "e.safetensors"
    draws = random.Random(file.read_bytes() if file.is_file() else b"")
    if draws.random() < 0.7:
        (folder / "sound").write_bytes(readers_encoder())
        tensors, facts = load_checkpoint(folder / "sound")
        _forge(tensors, facts, draws)
        save_checkpoint(file, tensors, facts)
    found = read_encoder_file(file)
    vectors = found.encode([[{"words": ["red", "no"]}, {"words": ["shoe"], "kind": "product"}]])
    return "" if vectors.shape == (1, found.output_dim) else f"a vector {vectors.shape}"


_SOUND: list[bytes] = []
_SOUND_CORPUS: list[Files] = []


def readers_corpus() -> Files:
    """The sound corpus, made once."""
    if not _SOUND_CORPUS:
        _SOUND_CORPUS.append(_corpus())
    return _SOUND_CORPUS[0]


def readers_encoder() -> bytes:
    """The sound encoder, made once."""
    if not _SOUND:
        _SOUND.append(_encoder()["e.safetensors"])
    return _SOUND[0]


def _forge(tensors: dict[str, torch.Tensor], facts: dict[str, Any], draws: random.Random) -> None:
    """Facts and tensors that lie, in place."""
    from damage import ODD_VALUES

    odd = draws.choice([one for one in ODD_VALUES if not isinstance(one, bytes)])
    name = draws.choice(sorted(tensors))
    match draws.randrange(6):
        case 0:
            facts[draws.choice(sorted(facts))] = odd
        case 1:
            facts["options"][draws.choice([*sorted(facts["options"]), "x", "path"])] = odd
        case 2:
            facts["dims"][draws.choice(["words", "images", "x"])] = draws.choice([odd, 0, 65_536, 10**12, True])
        case 3:
            del tensors[name]
        case 4:
            tensors[name] = draws.choice([tensors[name].double(), tensors[name].reshape(-1), tensors[name][:1] * 2])
        case 5:
            facts["encoder"] = draws.choice(
                ["muvcog-m", "vanilla", "random", "huggingface", "../x", "lstm", "word2vec"]
            )


def _golden_read(folder: Path, to: Path, files: Files) -> str:
    read_golden(folder / "encoders.json")
    return ""


# ---- running cases ---------------------------------------------------------------------------------------------------


def case(name: str, number: int, reader: Reader) -> Files:
    """The damaged files of a case."""
    draws = random.Random(f"{name} {number}")
    return damage(draws.choice(reader.samples), draws)


def broken_by(reader: Reader, files: Files) -> str:
    """What is wrong with how a reader took these files; empty where nothing is."""
    with tempfile.TemporaryDirectory() as made:
        folder, to = Path(made) / "beauty", Path(made) / "made"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        if (folder / "options").is_file():
            (folder / "options").unlink()
        folder.mkdir(exist_ok=True)
        notes_to(lambda line: None)
        started, before = time.process_time(), _peak()
        faulthandler.dump_traceback_later(_HANGS, exit=True, file=2)
        try:
            wrong = reader.read(folder, to, {"options": b"", **files})
        except BenchError as error:
            line = str(error)
            wrong = "" if len(line) <= 6_500 and line == one_line(line) else f"no line: {line[:300]!r}"
            left = sorted(path.name for path in Path(made).iterdir() if path != folder)
            wrong = wrong or (f"left behind: {left}" if left else "")
        except Exception:
            wrong = traceback.format_exc(limit=-5)
        finally:
            faulthandler.cancel_dump_traceback_later()
        seconds, memory = time.process_time() - started, _peak() - before
        shutil.rmtree(to, ignore_errors=True)
    if not wrong and seconds > SLOWEST:
        wrong = f"took {seconds:.1f} s"
    return wrong or (f"took {memory >> 20} MiB" if memory > MOST_MEMORY else "")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main(arguments: list[str]) -> int:
    """Runs cases; returns how many broke a reader."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--case", nargs=2, metavar=("NAME", "N"))
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    every = readers()
    if asked.case:
        files = case(asked.case[0], int(asked.case[1]), every[asked.case[0]])
        for name, data in files.items():
            print(f"--- {name}\n{data[:3_000]!r}")
        print(broken_by(every[asked.case[0]], files) or "nothing is wrong")
        return 0
    broken = 0
    for name, reader in every.items():
        if asked.names and name not in asked.names:
            continue
        started, seen = time.perf_counter(), dict[str, int]()
        for number in range(asked.first, asked.first + asked.count):
            wrong = broken_by(reader, case(name, number, reader))
            if wrong:
                broken += 1
                kind = wrong.strip().splitlines()[-1][:80]
                seen[kind] = seen.get(kind, 0) + 1
                if seen[kind] <= 2:
                    print(f"{name} {number}: {wrong[-3_000:]}", flush=True)
        seconds = time.perf_counter() - started
        print(f"{name}: {asked.count:,} cases, {sum(seen.values())} broke it, {seconds:.0f} s", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
