"""The compiled loops compute what the reference says, values and gradients, whatever the sessions, widths and types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from node_layouts import SESSIONS, SOURCES, layout_of
from torch import Tensor

from encoders import kernels
from encoders.kernels import blocks, reference

PRECISION = {torch.float32: 2e-5, torch.float64: 1e-11}
TYPES = pytest.mark.parametrize("dtype", list(PRECISION), ids=str)


def draw(*shape: int, seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def results(compute: Callable[..., tuple[Tensor, ...]], inputs: list[Tensor]) -> list[Tensor]:
    """What it returns, and the gradients of the inputs under random weights of what it returns."""
    given = [tensor.clone().requires_grad_() for tensor in inputs]
    outputs = compute(*given)
    weights = [draw(*output.shape, seed=9 + at, dtype=output.dtype) for at, output in enumerate(outputs)]
    torch.stack([(w * output).sum() for w, output in zip(weights, outputs, strict=True)]).sum().backward()
    return [output.detach() for output in outputs] + [tensor.grad for tensor in given if tensor.grad is not None]


def assert_both_agree(
    compute: Callable[..., tuple[Tensor, ...]], inputs: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BENCH_KERNELS", raising=False)
    loops = results(compute, inputs)
    monkeypatch.setenv("BENCH_KERNELS", "reference")
    tolerance = PRECISION[inputs[0].dtype]
    plain = results(compute, inputs)
    assert len(loops) == len(plain)
    for one, other in zip(loops, plain, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


@TYPES
@pytest.mark.parametrize("pairs_at_once", [2**24, 300], ids=["at once", "in parts"])
@pytest.mark.parametrize("width", [5, 32, 40])
@pytest.mark.parametrize("sessions", list(SESSIONS))
def test_typed_means(
    sessions: str, width: int, pairs_at_once: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "PAIRS_AT_ONCE", pairs_at_once)
    layout = layout_of(SESSIONS[sessions])
    shapes = [(SOURCES,), (SOURCES,), (SOURCES, width), (width,), (1,)]
    inputs = [draw(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes)]
    inputs[4] = -inputs[4].abs()  # a type without neighbours is on the side of ELU that is not linear
    assert_both_agree(lambda *given: kernels.typed_means(layout, *given), inputs, monkeypatch)


@TYPES
@pytest.mark.parametrize("edges", [0, 40])
@pytest.mark.parametrize("width", [1, 16, 32, 40])
def test_elu_sums(width: int, edges: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.Generator().manual_seed(width)
    source, target = (torch.randint(count, (edges,), generator=draws) for count in (7, 5))
    factor = draw(edges, seed=1, dtype=dtype).abs()
    assert_both_agree(
        lambda rows: (kernels.elu_sums(rows, source, factor, target, 6),),
        [2 * draw(7, width, seed=2, dtype=dtype)],
        monkeypatch,
    )


@TYPES
def test_elu(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.cat([torch.linspace(-150, 30, 4001), torch.tensor([0.0, -0.0, 1e30, -1e30])])
    assert_both_agree(lambda given: (kernels.elu(given),), [values.to(dtype)], monkeypatch)


@TYPES
@pytest.mark.parametrize("pairs_at_once", [2**24, 130, 5], ids=["at once", "in parts", "one by one"])
@pytest.mark.parametrize(("anchors", "others"), [(7, 9), (1, 1), (0, 3)])
def test_pair_logits(
    anchors: int, others: int, pairs_at_once: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "PAIRS_AT_ONCE", pairs_at_once)
    left, right = draw(6, anchors, seed=0, dtype=dtype), draw(6, others, seed=1, dtype=dtype)
    weights, bias = draw(6, seed=2, dtype=dtype), draw(1, seed=3, dtype=dtype)
    hidden = F.relu(left.T.unsqueeze(1) + right.T.unsqueeze(0))  # (A, B, d)
    for forced in ("", "reference"):
        monkeypatch.setenv("BENCH_KERNELS", forced)
        torch.testing.assert_close(kernels.pair_logits(left, right, weights, bias), hidden @ weights + bias)


@pytest.mark.parametrize("sessions", list(SESSIONS))
def test_with_products_in_bfloat16_the_reference_is_rough_and_of_the_same_type(
    sessions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_KERNELS", "reference")
    layout = layout_of(SESSIONS[sessions])
    shapes = [(SOURCES,), (SOURCES,), (SOURCES, 32), (32,), (1,)]
    inputs = [draw(*shape, seed=seed, dtype=torch.float32) for seed, shape in enumerate(shapes)]
    exact = kernels.typed_means(layout, *inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rough = kernels.typed_means(layout, *inputs)
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        torch.testing.assert_close(one, other, atol=0.02 * float(one.abs().max()), rtol=0.02)


def test_which_code_runs_is_decided_by_number_type_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[torch.dtype] = []
    monkeypatch.setattr(reference, "elu", lambda values: calls.append(values.dtype) or F.elu(values))
    kernels.elu(torch.ones(3))
    assert not calls, "float32 on a CPU is compiled"
    kernels.elu(torch.ones(3, dtype=torch.bfloat16))
    monkeypatch.setenv("BENCH_KERNELS", "reference")
    kernels.elu(torch.ones(3))
    assert calls == [torch.bfloat16, torch.float32]


def test_nan_is_not_lost_in_sums() -> None:
    """Training stops at a loss that is not finite; a NaN must get there."""
    rows, source, target = torch.ones(7, 32), torch.arange(7), torch.arange(7) % 3
    rows[3, 17] = torch.nan
    sums = kernels.elu_sums(rows, source, torch.ones(7), target, 3)
    assert sums.isnan().any(1).tolist() == [True, False, False]
