"""A stranger's code against the public API passes ``mypy --strict``, and what is wrong in it is told."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]

RIGHT = '''
    """A plugin with an encoder and a click model, its test, and what a notebook does."""

    from typing import assert_type

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from bench import (
        BaselineSpec,
        ClickBatch,
        ClickDims,
        ClickModel,
        Contrast,
        Corpus,
        Dims,
        EncoderSpec,
        Features,
        RunResult,
        SessionBatch,
        SessionEncoder,
        TrainingContext,
        corpus_from_tables,
        hookimpl,
        load_corpus,
        run,
    )
    from bench.metrics.ranking import ranking_metrics
    from bench.plugins.registry import registry
    from bench.testing import EncoderConformance


    @hookimpl
    def bench_encoders() -> list[EncoderSpec]:
        return [EncoderSpec("counts", "right:Counts", "number of steps", "ourselves", {"scale": 1.0})]


    @hookimpl
    def bench_baselines() -> list[BaselineSpec]:
        return [BaselineSpec("dot", "right:Dot", "inner products", "ourselves", task="ctr")]


    class Counts(SessionEncoder):
        output_dim = 1

        def __init__(self, dims: Dims, scale: float = 1.0) -> None:
            super().__init__(dims)
            self.scale = scale

        def forward(self, batch: SessionBatch) -> Tensor:
            return self.scale * batch.num_steps.float().unsqueeze(1)

        def pretrain(self, context: TrainingContext) -> None:
            rows = context.training_sessions()
            assert_type(rows, NDArray[np.int64])
            context.record(loss=float(self(context.sessions(rows)).sum()))


    class TestCounts(EncoderConformance):
        encoder = Counts


    class Dot(ClickModel):
        def __init__(self, dims: ClickDims) -> None:
            super().__init__(dims)
            self.context_dim = 4
            self.query = nn.Linear(dims.features.words, 4)
            self.item = nn.Linear(dims.features.words, 4)

        def context(self, batch: ClickBatch) -> Tensor:
            vectors: Tensor = self.query(batch.query_text)
            return vectors

        def items(self, batch: ClickBatch) -> Tensor:
            vectors: Tensor = self.item(batch.item_text)
            return vectors

        def match(self, context: Tensor, items: Tensor) -> Tensor:
            return (items @ context.unsqueeze(2)).squeeze(2)


    def look(corpus: Corpus) -> dict[str, NDArray[np.float64]]:
        features = Features.of(corpus)
        batch = SessionBatch.from_sessions(corpus, corpus.session_rows("test"), features)
        assert_type(Counts(features.dims)(batch), Tensor)
        assert_type(registry().get("encoder", "lstm"), EncoderSpec)
        assert_type(registry().get("baseline", "transearch").task, str)
        scores, shown = np.zeros((1, 3)), np.ones((1, 3), dtype=np.bool_)
        return ranking_metrics(scores, shown, shown)


    def measure() -> pd.DataFrame:
        found = run("ctr", "lstm", baseline=["transearch"], seeds=2, settings={"epochs": 2})
        assert_type(found, RunResult)
        assert_type(found.differences(), tuple[Contrast, ...])
        look(load_corpus("beauty"))
        frame = load_corpus("beauty").to_pandas("sessions")
        assert_type(frame, pd.DataFrame)
        assert_type(corpus_from_tables("mine", queries=frame, impressions=frame, clicks=frame, items=frame), Corpus)
        return found.to_pandas()
'''

WRONG = """
    import numpy as np
    from torch import Tensor

    from bench import EncoderSpec, SessionBatch, SessionEncoder, corpus_from_tables, run
    from bench.plugins.registry import registry


    class Counts(SessionEncoder):
        def forward(self, sessions: list[int]) -> Tensor:  # wrong: an encoder gets a batch
            return Tensor(sessions)


    def use(encoder: SessionEncoder, batch: SessionBatch) -> float:
        vectors: np.ndarray = encoder(batch)  # wrong: it gives a tensor
        return float(vectors.sum())


    spec: EncoderSpec = registry().get("baseline", "transearch")  # wrong: that is a BaselineSpec
    EncoderSpec("counts", "m:C", "help")  # wrong: no citation
    run(encoder="lstm")  # wrong: no task
    corpus_from_tables("mine", queries=[1], impressions=[], clicks=[])  # wrong: lists, and no items
"""


@pytest.mark.slow
def test_a_strangers_code_is_checked_against_the_public_api(tmp_path: Path) -> None:
    for name, code in (("right", RIGHT), ("wrong", WRONG)):
        (tmp_path / f"{name}.py").write_text(dedent(code))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
    command += ["--cache-dir", str(tmp_path / "cache"), "--config-file", "", "right.py", "wrong.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"MYPYPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    told = {line.partition(": error:")[0] for line in done.stdout.splitlines() if ": error:" in line}
    lines = dedent(WRONG).splitlines()
    expected = {f"wrong.py:{number}" for number, line in enumerate(lines, 1) if "# wrong" in line}
    assert told == expected, done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "py.typed" in settings["setuptools"]["package-data"]["*"]
    assert (ROOT / "bench" / "py.typed").exists()
    assert settings["mypy"]["strict"] is True
