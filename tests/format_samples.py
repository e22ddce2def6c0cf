"""Writes the samples of the present formats: ``python -m tests.format_samples``, once for each new version of a format.

A sample that is there is never written again: it stands for what somebody has on a disk.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import bench
from bench.data.schema import FORMAT_VERSION
from bench.golden.tables import GoldenTable, write_golden
from bench.reports.record import write_json
from bench.runs.store import RECORD_FORMAT
from bench.serving.encoder_file import VERSION
from bench.stats.regression import Number
from bench.testing import random_corpus

HERE = Path(__file__).with_name("samples")
SAMPLES = {
    "corpus": f"corpus-{FORMAT_VERSION}",
    "store": f"store-{RECORD_FORMAT}",
    "encoder": f"encoder-{VERSION}.safetensors",
    "rows": "rows-1.json",
    "golden": "golden-1.json",
    "vectors": "vectors-1.parquet",
}
"""Names of the present samples by what they are."""


def make() -> None:
    """Writes those that are missing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = random_corpus(folder / "corpus", sessions=12, vocabulary=12)
        shutil.rmtree(corpus.folder / "columns")  # derived, and derived again
        store = folder / "store"
        result = bench.run("ctr", "vanilla", "chance", corpus.folder, seeds=1, device="cpu", jobs=1, out=store)
        write_json(folder / "rows.json", [row.as_dict() for row in result.rows])
        on = ["--dataset", str(corpus.folder), "--out", str(folder / "runs"), "--device", "cpu"]
        _bench("export", "meanpool", *on, "--to", str(folder / "encoder.safetensors"))
        _bench("embed", "--encoder", "meanpool", *on, "--to", str(folder / "vectors.parquet"))
        facts = {"dataset": "small"}, {"fingerprint": "ab12"}, {"system": "Linux x86_64"}, {"torch": "2.13.0"}
        numbers = {("golden-1", "chance / vanilla", "NDCG@10"): Number(0.25, 0.01)}
        write_golden(GoldenTable("golden-1", "bench check --update", *facts, numbers), folder)
        shutil.rmtree(corpus.folder / "columns")
        sources = {
            "corpus": corpus.folder,
            "store": store,
            "encoder": folder / "encoder.safetensors",
            "rows": folder / "rows.json",
            "golden": folder / "golden-1.json",
            "vectors": folder / "vectors.parquet",
        }
        for kind, source in sources.items():
            target = HERE / SAMPLES[kind]
            copy: Callable[[Path, Path], object] = shutil.copytree if source.is_dir() else shutil.copyfile
            if not target.exists():
                copy(source, target)


def _bench(*words: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("bench")), *words], check=True)


if __name__ == "__main__":
    make()
