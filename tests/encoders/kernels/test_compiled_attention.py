"""What torch.compile makes of the attention computes the same, value and gradient, and is made once for a shape.

Inductor compiles for a CPU here, with the C++ compiler; of a GPU that says that the function can be compiled.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from node_layouts import SESSIONS, SOURCES, layout_of
from test_kernels import draw, results
from torch import Tensor

from bench.kernels.by_shape import CompiledByShape
from encoders import kernels
from encoders.kernels import blocks, reference

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")]
WIDTH = 8


@pytest.fixture(autouse=True)
def compiling(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compiles in this process, on one thread, and has compiled nothing before."""
    import torch._dynamo.utils
    import torch._inductor.config

    monkeypatch.setenv("BENCH_KERNELS", "reference")
    monkeypatch.setenv("BENCH_COMPILE", "always")
    monkeypatch.setattr(reference, "in_block", CompiledByShape(reference.attention))
    torch.compiler.reset()
    torch._dynamo.utils.counters.clear()
    with torch._inductor.config.patch(compile_threads=1):
        yield
    torch.compiler.reset()


def compiled_graphs() -> int:
    import torch._dynamo.utils

    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def inputs() -> list[Tensor]:
    shapes = [(SOURCES,), (SOURCES,), (SOURCES, WIDTH), (WIDTH,), (1,)]
    return [draw(*shape, seed=seed, dtype=torch.float32) for seed, shape in enumerate(shapes)]


def test_values_and_gradients_are_those_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "PAIRS_AT_ONCE", 8 * 32**2)  # "many" in two blocks of one shape
    names = ("many", "no-images", "empty")
    compiled = {}
    for name in names:
        layout = layout_of(SESSIONS[name])
        compiled[name] = results(lambda *given, layout=layout: kernels.typed_means(layout, *given), inputs())
    assert len(reference.in_block.shapes) == compiled_graphs() == 1, "all are blocks of 8 x 32"
    monkeypatch.setenv("BENCH_COMPILE", "never")
    for name in names:
        layout = layout_of(SESSIONS[name])
        plain = results(lambda *given, layout=layout: kernels.typed_means(layout, *given), inputs())
        for one, other in zip(compiled[name], plain, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_with_products_in_bfloat16_and_more_steps_than_a_word_has_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = layout_of(SESSIONS["long"][:1])
    found = []
    for asked in ("always", "never"):
        monkeypatch.setenv("BENCH_COMPILE", asked)
        with torch.autocast("cpu", torch.bfloat16):
            found.append(results(lambda *given: kernels.typed_means(layout, *given), inputs()))
    assert len(reference.in_block.shapes) == 1
    exact = results(lambda *given: kernels.typed_means(layout, *given), inputs())
    for compiled, plain, whole in zip(*found, exact, strict=True):
        assert compiled.dtype == plain.dtype == torch.float32
        off = (plain - whole).abs().max()
        assert (compiled - whole).abs().max() <= 2 * off + 1e-5, "no less precise than what it was made of"


ONCE = """
import torch
from node_layouts import SESSIONS, SOURCES, layout_of
from encoders import kernels
torch.manual_seed(0)
given = [torch.randn(shape).requires_grad_() for shape in ((SOURCES,), (SOURCES,), (SOURCES, 8), (8,), (1,))]
means, scores = kernels.typed_means(layout_of(SESSIONS["no-images"]), *given)
(means.sum() + scores.sum()).backward()
"""


@pytest.mark.skipif("avx512f" not in Path("/proc/cpuinfo").read_text().split(), reason="this processor has no AVX-512")
def test_what_was_compiled_with_avx512_is_not_taken_where_it_is_masked(tmp_path: Path) -> None:
    """Torch keeps what it has compiled on disk, by a key without the instructions: it ended in a segmentation fault."""
    kept = {"TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    for instructions in ("avx512", "avx2"):
        ran = subprocess.run(
            [sys.executable, "-c", ONCE],
            env={**os.environ, **kept, "ATEN_CPU_CAPABILITY": instructions, "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        assert "without torch.compile" not in ran.stderr
