"""The same seed starts and deals to a baseline in the same way beside every encoder: seen from a baseline that watches.

A model that starts elsewhere beside each encoder adds its luck to the difference that is measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_corpora import random_corpus
from third_party import install

from bench.plugins.registry import Registry, registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.runs.work import perform

OFFER = """
    from bench import BaselineSpec, hookimpl

    @hookimpl
    def bench_baselines():
        options = {"folder": ""}
        return [BaselineSpec("watching", "watching_model:Watching", "keeps a diary", "ourselves", options, "ctr")]
"""
MODEL = '''
    from pathlib import Path
    import numpy as np
    import torch
    from baselines.transearch.model import TranSearch

    class Watching(TranSearch):
        """Writes down its first weights, and of every training step what was dealt and where torch's generator is."""
        def __init__(self, dims, folder):
            super().__init__(dims)
            self.folder = Path(folder)
        def context(self, batch):
            if self.training:
                seen = {"queries": batch.queries, "items": batch.items, "generator": torch.get_rng_state()}
                number = len(list(self.folder.iterdir()))
                if not number:
                    seen |= {name: value.detach() for name, value in self.named_parameters()}
                np.savez(self.folder / f"step {number}.npz", **{name: value.numpy() for name, value in seen.items()})
            return super().context(batch)
'''


@pytest.mark.slow
def test_a_baseline_starts_and_is_dealt_to_the_same_beside_every_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(install(tmp_path / "plugin", "watching", {"watching": OFFER, "watching_model": MODEL}))
    corpus, store = random_corpus(tmp_path / "corpus", sessions=300), Store(tmp_path / "runs")
    encoders = [name for name in registry().names("encoder") if name != "bert"]  # of the frozen ones, the slowest
    diaries: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for encoder in encoders:
        folder = tmp_path / encoder
        folder.mkdir()
        settings = ["ctr.epochs=1", f"watching.folder={folder}"]
        if "steps" in registry().get("encoder", encoder).defaults:
            settings.append("steps=0")
        request = RunRequest("ctr", [encoder], ["watching"], [str(corpus.folder)], 2, settings, "cpu")
        for cell in make_plan(request, Registry(), store).cells:
            if cell.encoder != encoder:
                continue
            for job in cell.jobs:
                record = perform(job, store)
                assert record["status"] == "done", record
            steps = sorted(folder.iterdir(), key=lambda file: int(file.stem.split()[1]))
            assert len(steps) > 1
            diary = {f"{file.stem} {name}": value for file in steps for name, value in np.load(file).items()}
            diaries[encoder, cell.seed] = diary
            for file in steps:
                file.unlink()
    for (encoder, seed), diary in diaries.items():
        reference = diaries["vanilla", seed]
        assert diary.keys() == reference.keys(), encoder
        for name, value in diary.items():
            assert np.array_equal(value, reference[name]), f"{name} is another one beside {encoder}"
    first, second = diaries["vanilla", 0], diaries["vanilla", 1]
    assert not np.array_equal(first["step 0 user.weight"], second["step 0 user.weight"])
    assert not np.array_equal(first["step 0 queries"], second["step 0 queries"])
