"""``bench test-plugin`` runs the kit of a component, or of all that a distribution offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import bench_fork, bench_here, bench_process
from third_party import install, install_encoder

import bench.testing

WRONG = '''
    from bench import BaselineSpec, ClickReference, EncoderSpec, SessionEncoder, hookimpl
    import torch

    class Noise(SessionEncoder):
        """Random numbers, others each time."""
        def __init__(self, dims):
            super().__init__(dims)
            self.output_dim = 2
        def forward(self, batch):
            return torch.rand(len(batch), 2)

    class First(ClickReference):
        """The order shown."""
        def prepare(self, data):
            pass
        def scores(self, batch):
            return -torch.arange(batch.items.shape[1]).float().expand(batch.items.shape)

    @hookimpl
    def bench_encoders():
        return [EncoderSpec("noise", "wrong_plugin:Noise", "noise", "ourselves")]

    @hookimpl
    def bench_baselines():
        return [BaselineSpec("first", "wrong_plugin:First", "as shown", "ourselves", reference=True)]
'''


@pytest.mark.slow
def test_a_component_that_holds_to_its_contract_passes(tmp_path: Path) -> None:
    site = install_encoder(tmp_path / "site")
    ran = bench_process("test-plugin", "counts", plugins=[site])
    assert ran.code == 0, ran.out + ran.err
    assert ran.out.startswith("encoder counts (their-encoders): ")
    assert "passed" in ran.out
    assert "failed" not in ran.out
    assert not ran.err, "nothing of pytest's own, and no progress in a pipe"


@pytest.mark.slow
def test_a_distribution_that_does_not_fails_and_says_how(tmp_path: Path) -> None:
    site = install(tmp_path / "site", "wrong-plugin", {"wrong_plugin": WRONG})
    ran = bench_fork("test-plugin", "wrong-plugin", plugins=[site])
    assert ran.code == 1
    assert [line.split(":")[0] for line in ran.out.splitlines() if not line.startswith(" ")] == [
        "encoder noise (wrong-plugin)",
        "baseline first (wrong-plugin)",
    ]
    assert "failed  the same vector in any batch [with images]: AssertionError: Tensor-likes are not close!" in ran.out
    assert "failed  the order of candidates does not matter [with images]" in ran.out
    assert "Traceback" not in ran.out + ran.err

    rows = bench_fork("test-plugin", "noise", "--json", plugins=[site]).rows
    assert {row["name"] for row in rows} == {"noise"}
    failed = {row["check"].partition("[")[0] for row in rows if row["outcome"] == "failed"}
    assert "test_weights_and_vectors_follow_from_the_seed" in failed
    assert "test_weights_survive_a_safetensors_file" in failed
    assert {row["outcome"] for row in rows} >= {"passed", "failed"}
    whole = bench_fork("test-plugin", "first", "--verbose", plugins=[site])
    assert "test_nothing_in_it_is_random" not in whole.out
    assert "passed  nothing in it is random" in whole.out
    assert "def test_the_order_of_candidates_does_not_matter" in whole.out, "failures are shown whole"


@pytest.mark.slow
def test_a_component_that_cannot_be_imported_fails(tmp_path: Path) -> None:
    gone = WRONG.replace("wrong_plugin:Noise", "nowhere:Noise")
    ran = bench_fork("test-plugin", "noise", plugins=[install(tmp_path / "site", "gone", {"gone_plugin": gone})])
    assert ran.code == 1
    assert "ModuleNotFoundError: No module named 'nowhere'" in ran.out
    assert "0 passed" not in ran.out


@pytest.mark.slow
def test_a_dataset_is_made_with_the_options_given() -> None:
    ran = bench_here("test-plugin", "beauty", "--set", "sessions=150", "--set", "downstream=80")
    assert ran.code == 0, ran.out
    assert ran.out.startswith("dataset beauty (built-in): ")


def test_wrong_words_are_one_line(tmp_path: Path) -> None:
    assert "'lstn' (did you mean lstm" in bench_here("test-plugin", "lstn").error
    assert "no task is called 'lstm'" in bench_here("test-plugin", "lstm", "--kind", "task").error
    assert "--from: fashioniq is made from files" in bench_here("test-plugin", "fashioniq").error
    assert "no such option" in bench_here("test-plugin", "lstm", "--set", "no_such=1").error
    broken = bench_fork("test-plugin", "theirs", plugins=[install(tmp_path, "broken-one", {"broken_one": "1 / 0"})])
    assert broken.code == 2
    assert "bench: plugin theirs of broken-one: is broken: ZeroDivisionError" in broken.err


def test_without_pytest_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.testing, "find_spec", lambda name: None)
    assert bench_here("test-plugin", "lstm").error == (
        "bench: bench test-plugin: pytest is not installed (pip install pytest)"
    )
