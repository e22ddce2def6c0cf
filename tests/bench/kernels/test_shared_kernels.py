"""The shared loops compute what torch computes, values and gradients, whatever the shapes and the numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from bench.kernels import dropped, elu_layers, mean_rows, negative_distances, pair_hinge

NAN, INFINITE = float("nan"), float("inf")


def draw(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def results(compute: Callable[..., Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """What it returns, and the gradients of the inputs under random weights of what it returns."""
    given = [tensor.clone().requires_grad_() for tensor in inputs]
    torch.manual_seed(3)  # of the dropout
    out = compute(*given)
    (draw(*out.shape, seed=9) * out).sum().backward()
    assert all(tensor.grad is not None for tensor in given)
    return [out.detach(), *(tensor.grad for tensor in given if tensor.grad is not None)]


def assert_both_agree(
    compute: Callable[..., Tensor], inputs: Sequence[Tensor], monkeypatch: pytest.MonkeyPatch
) -> list[Tensor]:
    monkeypatch.delenv("BENCH_KERNELS", raising=False)
    loops, state = results(compute, inputs), torch.get_rng_state()
    monkeypatch.setenv("BENCH_KERNELS", "reference")
    for one, other in zip(loops, results(compute, inputs), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5, equal_nan=True)
    assert torch.equal(state, torch.get_rng_state()), "the same draws"
    return loops


def towers(
    rows: Sequence[int], scale: float = 1.0
) -> tuple[Callable[..., Tensor], list[Tensor], Callable[..., Tensor]]:
    """Two towers of two layers and two joint layers, as TranSearch has them, over two inputs with these rows."""
    shapes = [(7, 40), (7,), (5, 7), (5,), (6, 9), (6,), (4, 6), (4,), (8, 9), (8,), (3, 8), (3,)]
    parameters = [draw(*shape, seed=seed, scale=0.4) for seed, shape in enumerate(shapes)]
    inputs = [draw(*rows, width, seed=20 + width, scale=scale) for width in (40, 9)]

    def compute(images: Tensor, texts: Tensor, *parameters: Tensor, dropout: float = 0.0) -> Tensor:
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        return elu_layers([images, texts], [layers[:2], layers[2:4]], layers[4:], dropout)

    return compute, [*inputs, *parameters], lambda *given: compute(*given, dropout=0.3)


@pytest.mark.parametrize("rows", [(4, 6), (1,), (0, 6), (0,), (2, 3, 5)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 0.0, 30.0])
def test_layers(rows: tuple[int, ...], scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, inputs, with_dropout = towers(rows, scale)
    out = assert_both_agree(compute, inputs, monkeypatch)[0]
    assert out.shape == (*rows, 3)
    dropped_out = assert_both_agree(with_dropout, inputs, monkeypatch)[0]
    assert not out.numel() or not torch.equal(out, dropped_out)


def test_one_layer_of_one_tower(monkeypatch: pytest.MonkeyPatch) -> None:
    given = [draw(5, 3, seed=0), draw(2, 3, seed=1), draw(2, seed=2)]
    assert_both_agree(lambda rows, weight, bias: elu_layers([rows], [[(weight, bias)]]), given, monkeypatch)


def test_slopes_go_only_where_they_are_wanted() -> None:
    compute, inputs, _ = towers((4,))
    inputs[2].requires_grad_()
    compute(*inputs).sum().backward()
    assert inputs[2].grad is not None
    assert all(tensor.grad is None for tensor in [*inputs[:2], *inputs[3:]])


def test_a_slope_from_above_is_left_alone() -> None:
    """It may be that of others too."""
    compute, inputs, _ = towers((4,))
    out = compute(*(tensor.requires_grad_() for tensor in inputs))
    slope = draw(4, 3, seed=5)
    before = slope.clone()
    out.backward(slope)
    assert torch.equal(slope, before)


@pytest.mark.parametrize("number", [NAN, INFINITE, 1e30])
def test_numbers_that_are_none_come_out_of_their_rows(number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    compute, inputs, with_dropout = towers((4,))
    inputs[0][1, 2] = number
    for setting in ("", "reference"):
        monkeypatch.setenv("BENCH_KERNELS", setting)
        for function in (compute, with_dropout):
            finite = function(*inputs).isfinite().all(1).tolist()
            assert [finite[0], *finite[2:]] == [True] * 3
            assert finite[1] == (number == 1e30)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 1, 32), (0, 4, 5)], ids=str)
@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_distances(shape: tuple[int, int, int], scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [draw(shape[0], shape[2], seed=0, scale=scale), draw(*shape, seed=1, scale=scale)]
    out = assert_both_agree(negative_distances, given, monkeypatch)[0]
    expected = -torch.linalg.vector_norm(given[0].unsqueeze(1).double() - given[1].double(), dim=2)
    torch.testing.assert_close(out.double(), expected, atol=1e-5, rtol=1e-5)


def test_equal_vectors_have_finite_slopes_and_nan_stays_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts, items = torch.zeros(2, 5), torch.zeros(2, 3, 5)
    items[1, 2, 0] = NAN
    found = assert_both_agree(negative_distances, [contexts, items], monkeypatch)
    assert found[0].isnan().nonzero().tolist() == [[1, 2]]
    assert found[2][0].isfinite().all()


def candidates(queries: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple((torch.rand(queries, 6, generator=generator) < 0.6) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("queries", [0, 1, 40])
@pytest.mark.parametrize("margin", [0.3, 2.0])
def test_hinges(queries: int, margin: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clicks, shown = candidates(queries)
    assert_both_agree(
        lambda scores: pair_hinge(scores, clicks.float(), shown, margin), [draw(queries, 6, seed=1)], monkeypatch
    )


@pytest.mark.parametrize("setting", ["", "reference"])
def test_a_hinge_reads_what_was_shown_and_nothing_else(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KERNELS", setting)
    clicks, shown = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, True, False]])
    scores = torch.tensor([[0.5, 0.75, NAN]])
    assert float(pair_hinge(scores, clicks, shown, 1.0)) == 1.25
    assert pair_hinge(scores, clicks, torch.ones(1, 3, dtype=torch.bool), 1.0).isnan()


def test_float64_goes_through_torch() -> None:
    compute, inputs, _ = towers((4,))
    double = [tensor.double().requires_grad_() for tensor in inputs]
    assert torch.autograd.gradcheck(compute, double)
    assert torch.autograd.gradcheck(
        negative_distances,
        [draw(2, 3, seed=0).double().requires_grad_(), draw(2, 4, 3, seed=1).double().requires_grad_()],
    )


def test_dropout_is_torchs_own_mean() -> None:
    torch.manual_seed(0)
    found = dropped(torch.ones(10_000), 0.2)
    assert set(found.tolist()) == {0.0, 1.25}
    assert float(found.mean()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("setting", ["", "reference"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (7,), (0,)], ids=str)
def test_dropout_is_what_torch_draws(setting: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KERNELS", setting)
    values, found = draw(*shape, seed=0), []
    for drop in (lambda: dropped(values, 0.3), lambda: values * (torch.rand(shape, dtype=torch.float64) < 0.7) / 0.7):
        torch.manual_seed(4)
        found.append([drop(), torch.get_rng_state()])
    torch.testing.assert_close(found[0], found[1])


OWNERS = [[0, 0, 0, 2, 3, 3], [1], [], [0] * 200]


@pytest.mark.parametrize("owner", OWNERS, ids=["several, one without", "one", "none", "long"])
def test_means_of_rows_are_those_in_torch_to_the_bit(owner: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, of = draw(20, 13, seed=1, scale=1e3), torch.tensor(owner, dtype=torch.int64)
    rows = torch.randint(20, of.shape, generator=torch.Generator().manual_seed(0))
    found = []
    for setting in ("", "reference"):
        monkeypatch.setenv("BENCH_KERNELS", setting)
        found.append(mean_rows(vectors, rows, of, 5))
    assert torch.equal(*found)
    expected = torch.stack([vectors[rows[of == one]].sum(0) / max(int((of == one).sum()), 1) for one in range(5)])
    torch.testing.assert_close(found[0], expected, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("setting", ["", "reference"])
@pytest.mark.parametrize("row", [-1, 20])
def test_a_row_that_is_not_there_has_no_mean(row: int, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KERNELS", setting)
    with pytest.raises((IndexError, RuntimeError)):
        mean_rows(draw(20, 3, seed=0), torch.tensor([3, row]), torch.tensor([0, 1]), 2)


def test_an_owner_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        mean_rows(draw(20, 3, seed=0), torch.tensor([3, 4]), torch.tensor([0, 2]), 2)
