"""Whatever rots in a store is noticed before it is used, set aside by name, and computed again to the same table.

Damage keeps a file's time wherever it keeps its size, as a bad disk does: only reading the contents tells.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
import torch
from command_line import Ran, bench_here

from bench.data import checksums
from bench.errors import BenchError
from bench.runs.corpora import damage_of
from bench.runs.store import RECORDS, Store
from bench.training.checkpoint import load_state, save_state

pytestmark = pytest.mark.slow


def truncate(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip(file: Path) -> None:
    """One bit in the middle; size and time stay."""
    before, whole = file.stat(), bytearray(file.read_bytes())
    whole[len(whole) // 2] ^= 1
    file.write_bytes(whole)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def swap(file: Path) -> None:
    """With the same file of a sibling, else with another of its ending, else with any that stands beside it."""
    folder = file.parent
    others = sorted(folder.parent.glob(f"*/{file.name}")) + sorted(folder.glob(f"*{file.suffix}"))
    others += [one for one in sorted(folder.iterdir()) if one.is_file()]
    other = next(one for one in others if one != file and one.read_bytes() != file.read_bytes())
    aside = file.with_name("aside")
    file.rename(aside)
    other.rename(file)
    aside.rename(other)


HARMS: dict[str, Callable[[Path], None]] = {
    "truncate": truncate,
    "empty": empty,
    "flip": flip,
    "swap": swap,
    "delete": Path.unlink,
}


@dataclass(frozen=True)
class Finished:
    """A store in which a run has ended, and what it printed."""

    root: Path
    ran: Ran

    def run(self) -> Ran:
        """The same run again, as in a process that has read no file yet."""
        checksums._known.clear()
        return bench_here(*command(self.root))

    def numbers(self, ran: Ran) -> list[dict[str, object]]:
        return [{name: value for name, value in row.items() if name != "cached"} for row in ran.rows]


def command(root: Path) -> list[object]:
    small = [word for setting in ("sessions=200", "downstream=100", "shown=10") for word in ("--set", setting)]
    grid = ["run", "--task", "ctr", "--baseline", "chance,oracle,transearch", "--encoder", "random", "--seeds", 2]
    return [*grid, *small, "--set", "epochs=1", "--device", "cpu", "--jobs", 1, "--out", root, "--json"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    root = tmp_path_factory.mktemp("rot") / "runs"
    ran = bench_here(*command(root))
    assert ran.code == 0, ran.err
    return Finished(root, ran)


@pytest.fixture
def store(original: Finished) -> Iterator[Finished]:
    """The finished store, mended by each test: what was set aside is looked at and removed."""
    yield original
    for aside in original.root.glob("*/*.broken-*"):
        shutil.rmtree(aside)


def kept_files(root: Path) -> dict[str, list[Path]]:
    """The files of one result of each kind, the one with most of them: cells, corpora, embeddings, encoders."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(root.glob("*/*/")):
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        found[folder.parent.name] = max(found.get(folder.parent.name, []), files, key=len)
    return found


@pytest.mark.parametrize("harm", HARMS)
def test_a_run_notices_sets_aside_and_computes_the_same_again(store: Finished, harm: str) -> None:
    """A file of each kind at once; which one, the harm decides, so that each kind has several of its files harmed."""
    files, turn = kept_files(store.root), list(HARMS).index(harm)
    assert set(files) == {"cells", "corpora", "embeddings", "encoders"}
    harmed = {kind: of_kind[turn % len(of_kind)] for kind, of_kind in files.items()}
    harmed["corpora"] = [file for file in files["corpora"] if file.parent.name != "columns"][turn]
    for file in harmed.values():
        HARMS[harm](file)
    again = store.run()
    assert again.code == 0, again.err
    assert store.numbers(again) == store.numbers(store.ran)
    said = [line for line in again.err.splitlines() if "set aside" in line]
    for kind, file in harmed.items():
        folder = store.root / kind / file.relative_to(store.root).parts[1]
        assert file.exists(), f"{file} is there again"
        if not (harm == "delete" and file.name.endswith(".json")):  # a result without a record is none
            assert any(str(folder) in line for line in said), (file, again.err)
            assert folder.with_name(f"{folder.name}.broken-1").is_dir(), "nothing is lost"
    assert "set aside" not in store.run().err


@pytest.mark.parametrize("kind", ["cells", "embeddings", "encoders"])
def test_no_damaged_file_of_a_result_is_believed(
    original: Finished, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for harm, name in product(HARMS, (file.name for file in kept_files(original.root)[kind])):
        shutil.copytree(original.root / kind, tmp_path / kind)
        (file,) = {file for file in kept_files(tmp_path)[kind] if file.name == name}
        HARMS[harm](file)
        checksums._known.clear()
        assert Store(tmp_path).read(kind, file.parent.name) is None, (harm, name)
        gone = harm == "delete" and name == RECORDS[kind]
        assert gone or f"set aside as {file.parent.name}.broken-1" in capsys.readouterr().err, (harm, name)
        shutil.rmtree(tmp_path / kind)


def test_no_damaged_file_of_a_corpus_is_believed(
    original: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A corpus of the user's own is refused in one line; its columns, which are derived, are derived again."""
    (whole,) = (original.root / "corpora").iterdir()
    names = [file.relative_to(whole) for file in sorted(whole.rglob("*")) if file.is_file()]
    arrays = {file.name: file.read_bytes() for file in (whole / "columns").glob("*.npy")}
    assert {name.parts[0] for name in names} >= {"corpus.toml", "columns", "truth", "sessions.parquet"}
    for harm, name in product(HARMS, names):
        folder = tmp_path / "corpus"
        shutil.copytree(whole, folder)
        HARMS[harm](folder / name)
        checksums._known.clear()
        damage = damage_of(folder)
        said = capsys.readouterr().err
        if name.parts[0] == "columns":
            assert damage == "", (harm, name)
            assert "derived from the tables again" in said or name.name == "meta.json", (harm, name)
            assert {file.name: file.read_bytes() for file in (folder / "columns").glob("*.npy")} == arrays
        else:
            assert str(name) in damage or str(name.parent) in damage, (harm, name)
        shutil.rmtree(folder)


def test_a_corpus_of_the_users_own_is_refused_and_stays(original: Finished, tmp_path: Path) -> None:
    (whole,) = (original.root / "corpora").iterdir()
    folder = shutil.copytree(whole, tmp_path / "mine")
    checksums._known.clear()
    flip(folder / "image_vectors.npy")
    run = ("run", "--task", "ctr", "--encoder", "vanilla", "--dataset", folder, "--out", tmp_path / "runs")
    assert "mine/image_vectors.npy: is not the one that corpus.toml was written for" in bench_here(*run).error
    assert "image_vectors.npy" in bench_here("data", "validate", folder).out
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("harm", HARMS)
def test_no_state_of_a_pretraining_is_taken_for_another_ones(harm: str, tmp_path: Path) -> None:
    for key in ("aa", "bb"):
        file = tmp_path / f"{key}.safetensors"
        save_state(file, {"model.w": torch.full((99,), float(key == "aa"))}, {"step": 5})
    assert load_state(tmp_path / "aa.safetensors")[1]["step"] == 5
    HARMS[harm](tmp_path / "aa.safetensors")
    with pytest.raises(BenchError):
        load_state(tmp_path / "aa.safetensors")
