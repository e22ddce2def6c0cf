"""A step of pretraining seldom makes a GPU wait for the host, and no more often in a large batch than in a small one.

Without a GPU, what would wait there is seen by its name: operations whose result, or its size, the host must know.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_corpora import random_corpus
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import bench
import encoders
from bench.data.corpus import Corpus
from bench.progress import silent
from bench.training.context import TrainingContext
from encoders.muvcog import contrast
from encoders.muvcog.model import Muvcog

WAITING = {
    f"aten.{name}"
    for name in (
        *("_local_scalar_dense.default", "is_nonzero.default", "equal.default", "nonzero.default"),
        *("masked_select.default", "_unique2.default", "unique_dim.default", "unique_consecutive.default"),
        "repeat_interleave.Tensor",
    )
}
OURS = tuple(str(Path(package.__file__).parent) for package in (bench, encoders))
MOST = 21
"""As many as there are, two of which a CPU alone asks for: whether to list the pairs that share an item. A wait costs
some 20 µs of the 28 ms that a step of 4,096 sessions may take, if an epoch over 8.7 million is to take a minute."""
OF_ATTENTION = ("blocks.py", "reference.py", "agv.py")


class Waits(TorchDispatchMode):
    """Counts what a GPU would wait for, by the line of ours that asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        sized = bool(kwargs) and kwargs.get("output_size") is not None  # the host knows the size
        to_host = str(func) == "aten._to_copy.default" and bool(kwargs) and kwargs.get("device") == torch.device("cpu")
        if (str(func) in WAITING and not sized) or to_host or _takes_a_mask(str(func), args):
            self.count(str(func))
        return func(*args, **(kwargs or {}))

    def count(self, name: str) -> None:
        ours = [f for f in traceback.extract_stack() if f.filename.startswith(OURS)]
        ours = ours or traceback.extract_stack()
        self.lines[f"{Path(ours[-1].filename).name}:{ours[-1].lineno} {name}"] += 1


class Lists(TorchFunctionMode):
    """Counts among the waits the lists that are made of a tensor, which no operation is dispatched for on a CPU."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.tolist:
            self.waits.count("tolist")
        return func(*args, **(kwargs or {}))


def _takes_a_mask(name: str, args: Any) -> bool:
    indices = args[1] if name.startswith(("aten.index.", "aten.index_put")) else ()
    return any(one is not None and one.dtype == torch.bool for one in indices)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("waits") / "corpus", sessions=200, image_share=0.5)


def waits(corpus: Corpus, steps: int, batch: int, **given: Any) -> Counter[str]:
    context = TrainingContext(corpus, 0, torch.device("cpu"), silent)
    encoder = Muvcog(context.features.dims, steps=steps, batch_size=batch, validate_every=100, hard_at=0.0, **given)
    with Waits() as counted, Lists(counted):
        encoder.pretrain(context)
    return counted.lines


@pytest.mark.parametrize("given", [{}, {"score": "cosine"}, {"views": "agv"}, {"negatives": "hard-unshared"}], ids=str)
def test_a_step_waits_a_few_times_whatever_the_size_of_the_batch(
    corpus: Corpus, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_KERNELS", "reference")  # what a GPU computes with
    monkeypatch.setattr(contrast, "_LISTED", -1)  # and how it finds who shares an item: by a product
    small, large = (waits(corpus, 3, batch, **given) - waits(corpus, 2, batch, **given) for batch in (16, 64))
    assert small == large
    assert 0 < sum(small.values()) <= MOST, small
    assert sum(small[line] for line in small if line.startswith(OF_ATTENTION)) == 1, small


@pytest.mark.parametrize(
    "act",
    [
        lambda t: t[t > 0],
        lambda t: float(t.sum()),
        lambda t: t.unique(),
        lambda t: torch.nonzero(t),
        lambda t: t.tolist(),
        lambda t: t.to("cpu", copy=True),
    ],
)
def test_what_waits_is_seen(act: Callable[[torch.Tensor], object]) -> None:
    with Waits() as counted, Lists(counted):
        act(torch.ones(3))
    assert sum(counted.lines.values()) == 1
