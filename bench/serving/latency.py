"""How long one session takes on this machine, by each way to run an exported encoder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch

from bench.errors import BenchError
from bench.printable import counted
from bench.runs.provenance import machine
from bench.serving.encoder_file import ExportedEncoder
from bench.serving.programs import INPUTS, onnx_bytes, program_inputs, require_onnx, traced
from bench.serving.sessions import Session, Step

_WARM_UP, _CALLS = 20, 200


@dataclass(frozen=True)
class Latency:
    """One way to run an encoder.

    Attributes:
        way: ``eager``, ``torch.export`` or ``onnxruntime``.
        p50_ms, p95_ms: of a call, from a session as plain Python to its vector; None where it cannot run so.
        calls: that were measured, after the warm-up.
        steps, words: of the session.
        machine: its processor.
        threads: of torch and of onnxruntime.
        why_not: why it cannot run so; empty where it does.
    """

    way: str
    p50_ms: float | None
    p95_ms: float | None
    calls: int
    steps: int
    words: int
    machine: str
    threads: int
    why_not: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def latencies(encoder: ExportedEncoder, steps: int = 3, words: int = 3) -> list[Latency]:
    """p50 and p95 of each way, one call at a time on one thread, with a warm-up that is not counted."""
    session: list[Step] = [{"words": list(islice(cycle(encoder.vocabulary), words))} for _ in range(steps)]
    session[-1]["image"] = [0.5] * encoder.dims.images
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_measured(way, ready, encoder, session, words) for way, ready in _WAYS.items()]
    finally:
        torch.set_num_threads(threads)


def _measured(
    way: str, ready: Callable[[ExportedEncoder], Callable[[Session], object]], encoder: ExportedEncoder,
    session: Session, words: int,
) -> Latency:  # fmt: skip
    about: dict[str, Any] = {"steps": len(session), "words": words, "machine": machine()["processor"], "threads": 1}
    try:
        run = ready(encoder)
    except BenchError as error:
        return Latency(way, None, None, 0, **about, why_not=str(error))
    taken = []
    with torch.inference_mode():
        for _ in range(_WARM_UP + _CALLS):
            start = time.perf_counter_ns()
            run(session)
            taken.append(time.perf_counter_ns() - start)
    p50, p95 = (float(value) / 1e6 for value in np.quantile(taken[_WARM_UP:], [0.5, 0.95]))
    return Latency(way, p50, p95, _CALLS, **about)


def _eager(encoder: ExportedEncoder) -> Callable[[Session], object]:
    return lambda session: encoder.encode([session])


def _exported(encoder: ExportedEncoder) -> Callable[[Session], object]:
    program = traced(encoder).module()
    return lambda session: program(*program_inputs(encoder.batch([session])))


def _onnxruntime(encoder: ExportedEncoder) -> Callable[[Session], object]:
    require_onnx("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    runtime = onnxruntime.InferenceSession(onnx_bytes(encoder), options, providers=["CPUExecutionProvider"])
    taken = {found.name for found in runtime.get_inputs()}  # what a program does not read is not in its model

    def run(session: Session) -> object:
        inputs = zip(INPUTS, program_inputs(encoder.batch([session])), strict=True)
        return runtime.run(None, {name: tensor.numpy() for name, tensor in inputs if name in taken})[0]

    return run


_WAYS: dict[str, Callable[[ExportedEncoder], Callable[[Session], object]]] = {
    "eager": _eager,
    "torch.export": _exported,
    "onnxruntime": _onnxruntime,
}


def latency_text(rows: Sequence[Latency]) -> str:
    """The figures for people."""
    first = rows[0]
    of = f"{counted(first.steps, 'step')} of {counted(first.words, 'word')}"
    head = f"one session of {of}, on this machine ({first.machine}), one thread:"
    lines = [
        f"  {row.way:<13} not possible: {row.why_not}"
        if row.p50_ms is None or row.p95_ms is None
        else f"  {row.way:<13} p50 {row.p50_ms:.2f} ms, p95 {row.p95_ms:.2f} ms"
        for row in rows
    ]
    return "\n".join([head, *lines])
