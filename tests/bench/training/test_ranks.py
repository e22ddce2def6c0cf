"""Several processes learn what one process learns of the same batches; rank 0 alone writes; their number may change."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import BENCH, bench_here, environment
from safetensors import safe_open
from small_corpora import random_corpus
from torch import Tensor

from bench.errors import BenchError
from bench.runs.processes import refuse_several, started_processes
from bench.training.ranks import ALONE, Ranks

WORKER = Path(__file__).with_name("one_of_two.py")
SECONDS = 180  # a deadlock fails the test
CASES = ("random", "hard", "unshared, whole", "cosine", "means", "graph", "one click", "no click", "rows")


@dataclass(frozen=True)
class Written:
    """What a process wrote: tensors and facts by name."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    @classmethod
    def of(cls, file: Path) -> Written:
        with safe_open(file, framework="pt") as opened:
            facts = json.loads((opened.metadata() or {})["facts"])
            return cls({name: opened.get_tensor(name) for name in opened.keys()}, facts)  # noqa: SIM118  not a dict

    def part(self, what: str) -> dict[str, Tensor]:
        return {name.partition(": ")[2]: t for name, t in self.tensors.items() if name.partition(": ")[0] == what}


def variables(rank: int, port: int) -> dict[str, str]:
    """Those that torchrun sets."""
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return {**os.environ, **rendezvous, "RANK": str(rank), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("ranks") / "corpus", sessions=120, image_share=0.5).folder


@pytest.fixture(scope="module")
def written(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    """What rank 0, rank 1 and one process alone wrote."""
    folder = tmp_path_factory.mktemp("written")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(WORKER), str(corpus), str(folder)]
    both = [subprocess.Popen(command, env=variables(rank, port), stderr=subprocess.PIPE, text=True) for rank in (0, 1)]
    try:
        said = [process.communicate(timeout=SECONDS)[1] for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], "\n".join(said)
    return {name: Written.of(folder / f"{name}.safetensors") for name in ("rank 0", "rank 1", "alone")}


# ---- one batch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_the_gradient_of_two_ranks_is_that_of_one_process(written: dict[str, Written], case: str) -> None:
    """Loss, accuracy and the generator's state too, with shares of 18 and 19; weights without a gradient keep none."""
    alone = written["alone"].part(case)
    if case == "rows":  # it draws nothing, but in each rank a seed
        alone.pop("draws after")
    for rank in ("rank 0", "rank 1"):
        shared = written[rank].part(case)
        if case == "rows":
            shared.pop("draws after")
        assert set(shared) == set(alone)
        for name, value in alone.items():
            torch.testing.assert_close(shared[name], value, rtol=2e-5, atol=1e-6, msg=lambda m, n=name: f"{n}: {m}")
    if "click" in case:  # one prefix has nothing that it could be taken for
        assert float(alone["loss"]) == 0
    else:
        assert max(float(value.abs().max()) for name, value in alone.items() if "." in name or case == "rows") > 1e-3


def test_a_weight_that_no_rank_used_has_no_gradient_and_one_that_a_single_rank_used_has(
    written: dict[str, Written],
) -> None:
    for rank in ("rank 0", "rank 1"):
        assert set(written[rank].part("rows")) >= {"every", "of_first"}
        assert "of_none" not in written[rank].part("rows")


def test_shares_are_all_rows_in_their_order_and_differ_by_one_at_most() -> None:
    class Some(Ranks):
        def __init__(self, rank: int, size: int) -> None:
            self.rank, self.size = rank, size

    for size in (1, 2, 3, 7):
        for rows in (size, size + 1, 100):
            shares = [Some(rank, size).share(rows) for rank in range(size)]
            assert (shares[0].start, shares[-1].stop) == (0, rows)
            assert all(one.stop == other.start for one, other in pairwise(shares))
            assert max(s.stop - s.start for s in shares) - min(s.stop - s.start for s in shares) <= 1
            draws = [share.drawn(torch.Generator().manual_seed(1), 2) for share in shares]
            assert torch.equal(torch.cat(draws), torch.rand(rows, 2, generator=torch.Generator().manual_seed(1)))
        values = torch.arange(100.0)
        parts = [
            share.part(values[share.own].mean()) for share in (Some(rank, size).share(100) for rank in range(size))
        ]
        assert float(sum(parts)) == pytest.approx(49.5)
    few = [Some(rank, 3).share(2) for rank in range(3)]  # every rank has all, at a third
    assert [(share.start, share.stop, share.whole) for share in few] == [(0, 2, True)] * 3
    assert float(sum(share.part(torch.tensor(6.0)) for share in few)) == pytest.approx(6.0)


# ---- a whole pretraining ---------------------------------------------------------------------------------------------


def close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert set(one) == set(other)
    assert one
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-4, atol=1e-5)


def test_two_ranks_learn_what_one_process_learns(written: dict[str, Written]) -> None:
    """Weights and every column of the curve: validation is shared, and summed."""
    curve = written["alone"].facts["curve"]
    assert [row["step"] for row in curve] == [3, 6, 9, 12]
    assert all(0 < row["valid_accuracy"] < 1 for row in curve)
    for rank in ("rank 0", "rank 1"):
        close(written[rank].part("weights"), written["alone"].part("weights"))
        for row, expected in zip(written[rank].facts["curve"], curve, strict=True):
            shared, whole = row.pop("negatives_sharing_product"), {**expected}.pop("negatives_sharing_product")
            assert shared == pytest.approx(whole, rel=0.05), "a mean of ranks' means, which have 18 and 19 rows"
            assert {**row, "negatives_sharing_product": whole} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert all(
        torch.equal(w, written["rank 1"].part("weights")[n]) for n, w in written["rank 0"].part("weights").items()
    )


def test_negatives_of_ones_own_rank_teach_something_else_and_both_ranks_the_same(written: dict[str, Written]) -> None:
    ours, theirs = (written[rank].part("weights of ranks") for rank in ("rank 0", "rank 1"))
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    assert written["rank 0"].facts["curve of ranks"] == written["rank 1"].facts["curve of ranks"]
    alone = written["alone"].part("weights")
    assert max(float((value - alone[name]).abs().max()) for name, value in ours.items()) > 1e-4


def test_it_goes_on_with_another_number_of_ranks(written: dict[str, Written]) -> None:
    """Stopped with two, then with one, finished by two: to the weights of an unbroken run."""
    assert written["rank 0"].facts["steps in state"] == [3, 6]
    for rank in ("rank 0", "rank 1"):
        close(written[rank].part("resumed"), written["alone"].part("weights"))
        assert [row["step"] for row in written[rank].facts["curve resumed"]] == [3, 6, 9, 12]


def test_what_rank_0_fails_at_for_all_fails_on_all(written: dict[str, Written]) -> None:
    assert written["rank 0"].facts["failure"].startswith("JSONDecodeError: ")
    assert written["rank 1"].facts["failure"].startswith("BenchError: the first process failed: Expecting")


def test_a_batch_that_cannot_be_shared_is_refused(written: dict[str, Written]) -> None:
    for rank in ("rank 0", "rank 1"):
        small, unaware = written[rank].facts["refused"]
        assert "a batch of 1 sessions cannot be shared by 2 processes" in small
        assert "RowWise cannot take negatives from all 2 processes" in unaware
        assert "negatives_from=rank" in unaware


# ---- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_torchrun_shares_a_pretraining_whose_result_one_process_finds(corpus: Path, tmp_path: Path) -> None:
    """One record, one line on standard output, one key for any number of processes."""
    settings = ["steps=6", "batch_size=20", "validate_every=3", "validation_sessions=12", "warmup=1"]
    command = [str(BENCH), "pretrain", "--encoder", "muvcog-m", "--dataset", str(corpus), "--out", str(tmp_path)]
    command += [word for setting in settings for word in ("--set", setting)]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    around = {**environment(), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([*torchrun, *command], capture_output=True, text=True, env=around, timeout=SECONDS)
    assert ran.returncode == 0, ran.stderr
    (folder,) = (tmp_path / "encoders").iterdir()
    assert ran.stdout.strip() == str(folder)
    record = json.loads((folder / "encoder.json").read_text())
    assert (record["status"], record["provenance"]["processes"]) == ("done", 2)
    again = bench_here(*command[1:])
    assert again.out.strip() == str(folder), again.err
    assert json.loads((folder / "encoder.json").read_text()) == record, "it was found, not made again"


def test_processes_count_only_with_all_that_is_needed_to_meet() -> None:
    complete = variables(0, 1)
    assert started_processes(complete) == 2
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        assert started_processes({key: value for key, value in complete.items() if key != name}) == 1
    assert started_processes({**complete, "WORLD_SIZE": "many"}) == 1


def test_a_command_that_nobody_shares_is_refused_under_torchrun() -> None:
    refuse_several("run", variables(0, 1))  # a container's own variables
    refuse_several("run", {**variables(0, 1), "TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "1"})
    with pytest.raises(BenchError, match=r"bench run is not shared.*torchrun --no-python bench pretrain"):
        refuse_several("run", {**variables(0, 1), "TORCHELASTIC_RUN_ID": "x"})


def test_one_process_is_a_rank_that_has_all() -> None:
    share = ALONE.share(5)
    own = torch.rand(5)
    assert (share.own, share.whole, share.gathered(own) is own, share.part(own) is own) == (
        slice(0, 5),
        True,
        True,
        True,
    )
    np.testing.assert_array_equal(np.arange(5)[share.own], np.arange(5))
