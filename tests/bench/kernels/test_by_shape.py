"""A function is compiled where that is asked for, once for each shape; where that fails it runs as it is written."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.kernels import by_shape
from bench.kernels.by_shape import CompiledByShape


def squares(values: Tensor) -> tuple[Tensor, ...]:
    return (values.square(),)


class Compiler:
    """Stands in for ``torch.compile``; what it returns counts its calls."""

    def __init__(self) -> None:
        self.made, self.calls = 0, 0

    def __call__(self, function: Callable[..., Any], **given: Any) -> Callable[..., Any]:
        assert given == {"dynamic": False, "fullgraph": True}
        self.made += 1

        def compiled(*tensors: Tensor) -> Any:
            self.calls += 1
            return function(*tensors)

        return compiled


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    standing_in = Compiler()
    monkeypatch.setattr(torch, "compile", standing_in)
    monkeypatch.setenv("BENCH_COMPILE", "always")
    return standing_in


def test_a_shape_is_tried_once_and_computed_as_often_as_asked(compiler: Compiler) -> None:
    function = CompiledByShape(squares)
    for rows in (2, 3, 2, 3):
        values = torch.full((rows,), 3.0, requires_grad=True)
        (found,) = function(values)
        found.sum().backward()
        assert found.tolist() == [9.0] * rows
        assert values.grad is not None
        assert values.grad.tolist() == [6.0] * rows, "the trial leaves no gradient"
    assert (compiler.made, compiler.calls, len(function.shapes)) == (1, 4 + 2, 2)


@pytest.mark.parametrize("asked", ["", "never"])
def test_on_a_cpu_nothing_is_compiled_unless_asked(
    asked: str, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_COMPILE", asked)
    CompiledByShape(squares)(torch.ones(2, requires_grad=True))
    assert not compiler.made


def test_without_a_gradient_nothing_is_compiled(compiler: Compiler) -> None:
    function = CompiledByShape(squares)
    function(torch.ones(2))
    with torch.no_grad():
        function(torch.ones(2, requires_grad=True))
    assert not compiler.made


def test_number_types_and_precisions_are_shapes_of_their_own(compiler: Compiler) -> None:
    function = CompiledByShape(squares)
    function(torch.ones(2, requires_grad=True))
    function(torch.ones(2, requires_grad=True, dtype=torch.float64))
    with torch.autocast("cpu", torch.bfloat16):
        function(torch.ones(2, requires_grad=True))
    assert len(function.shapes) == 3


def test_after_the_last_shape_the_function_runs_as_it_is_written(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_shape, "MOST_SHAPES", 2)
    function = CompiledByShape(squares)
    for rows in (1, 2, 3, 1):
        assert function(torch.ones(rows, requires_grad=True))[0].tolist() == [1.0] * rows
    assert len(function.shapes) == 2
    assert compiler.calls == 2 + 3


def test_more_shapes_are_compiled_than_torch_admits_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past ``recompile_limit``, 8, torch would give up; its tracer, without the compiler behind it."""
    import torch._dynamo.utils

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    monkeypatch.setenv("BENCH_COMPILE", "always")
    before, weight = torch._dynamo.utils.counters["stats"].copy(), nn.Parameter(torch.ones(1))
    function = CompiledByShape(lambda values, weight: (values.exp() * weight,))
    for _ in range(2):
        for rows in range(2, 14):
            values = torch.ones(rows, requires_grad=True)
            function(values, weight)[0].sum().backward()
            function(values.exp(), weight)[0].sum().backward()
    assert weight.grad is not None
    assert len(function.shapes) == 12
    assert (torch._dynamo.utils.counters["stats"] - before)["unique_graphs"] == 12


def test_what_cannot_be_compiled_runs_as_it_is_written_after_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own compiler, which takes no list of numbers whose length nobody knows."""
    monkeypatch.setenv("BENCH_COMPILE", "always")
    written = CompiledByShape(lambda values: (values * len(repr(values.tolist())),))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            values = torch.ones(2, requires_grad=True)
            (found,) = written(values)
            found.sum().backward()
            assert values.grad is not None
            assert values.grad.tolist() == found.tolist() == [10.0, 10.0]
    told = [str(one.message) for one in caught if "torch.compile" in str(one.message)]
    assert len(told) == 1
    assert told[0].startswith("models run without torch.compile, which is slower on a GPU: ")
    assert not written.shapes


def test_an_error_of_the_function_itself_is_raised(compiler: Compiler) -> None:
    with pytest.warns(UserWarning, match="without torch.compile"), pytest.raises(RuntimeError, match="must match"):
        CompiledByShape(lambda one, other: (one + other,))(torch.ones(2, requires_grad=True), torch.ones(3))


def test_a_setting_that_nobody_knows_is_as_none_and_said(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_COMPILE", "yes")
    with pytest.warns(UserWarning, match="BENCH_COMPILE is 'yes', which means nothing: always, never, or unset it"):
        CompiledByShape(squares)(torch.ones(2, requires_grad=True))
    assert not compiler.made
