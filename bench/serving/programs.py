"""Programs of exported encoders, for ``torch.export`` and ONNX: one session in, its vector out.

A program takes six inputs, which :func:`program_inputs` makes of a batch of one session. A row whose step (or kind) is
-1 is padding; there are three rows of each sort at least: tracing draws lines at lengths of 0 and 1, and pairs of
neighbouring steps are one fewer than the steps.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.data.batch import SessionBatch
from bench.errors import BenchError
from bench.files import written_whole
from bench.plugins.registry import registry
from bench.serving.encoder_file import ExportedEncoder
from bench.serving.sessions import Step

if TYPE_CHECKING:
    from torch.export import ExportedProgram

INPUTS = ("kind", "words", "word_step", "images", "image_id", "image_step")
_LEAST = 3


def program_inputs(batch: SessionBatch) -> tuple[Tensor, ...]:
    """What a program takes, of a batch of one session, in the order of :data:`INPUTS`.

    Returns:
        ``kind`` (T,), ``words`` (W,) rows of the vocabulary, ``word_step`` (W,), ``images`` (M, dims.images) the vector
        of each, ``image_id`` (M,) equal where the image is the same, ``image_step`` (M,).
    """
    if len(batch) != 1:
        raise BenchError(f"a program encodes one session, not {len(batch)}")
    images = batch.features.images(batch.images)  # (M, dims.images)
    steps, words, shown = (max(0, _LEAST - len(rows)) for rows in (batch.step_kind, batch.words, images))
    return (
        F.pad(batch.step_kind, (0, steps), value=-1),
        F.pad(batch.words, (0, words)),
        F.pad(batch.word_step, (0, words), value=-1),
        F.pad(images, (0, 0, 0, shown)),
        F.pad(batch.images, (0, shown), value=-1),
        F.pad(batch.image_step, (0, shown), value=-1),
    )


def program_of(encoder: ExportedEncoder) -> nn.Module:
    """The program of an encoder, in evaluation mode.

    Raises:
        BenchError: its package has none for it, and why.
    """
    where = f"encoder {encoder.name}"
    package = registry().get("encoder", encoder.name).target.partition(":")[0].partition(".")[0]
    if importlib.util.find_spec(f"{package}.programs") is None:
        raise BenchError(f"{package} has no module programs", where=where, fix="--format safetensors always works")
    try:
        program: nn.Module = importlib.import_module(f"{package}.programs").program_of(
            encoder.encoder, encoder.word_vectors
        )
    except BenchError as error:
        raise BenchError(f"cannot be traced: {error.what}", where=where, fix="--format safetensors works") from None
    return program.eval()


def traced(encoder: ExportedEncoder) -> ExportedProgram:
    """The program as ``torch.export`` gives it; steps, words and images may be any number, padded to 3.

    Raises:
        BenchError: there is no program.
    """
    program = program_of(encoder)
    image = [0.5] * encoder.dims.images
    words = list(encoder.vocabulary[:3])
    example: list[Step] = [
        {"words": words},
        {"words": words[:2], "image": image},
        {"words": words},
        {"image": [*image[1:], 1.0]},
    ]
    inputs = program_inputs(encoder.batch([example]))
    steps, held, shown = (torch.export.Dim(name, min=_LEAST, max=2**20) for name in ("steps", "words", "images"))
    shapes = ({0: steps}, {0: held}, {0: held}, {0: shown}, {0: shown}, {0: shown})
    return torch.export.export(program, inputs, dynamic_shapes=shapes)


def write_torch(encoder: ExportedEncoder, file: Path) -> None:
    """Writes the program for :func:`torch.export.load`.

    Raises:
        BenchError: there is no program, or the file is not called ``.pt2``, which torch wants.
    """
    if file.suffix != ".pt2":
        raise BenchError("a program of torch.export is a .pt2 file", where=str(file), fix="--to model.pt2")
    found = traced(encoder)
    with written_whole(file) as writing:
        whole = writing.with_name(f"{writing.name}.pt2")
        torch.export.save(found, whole)
        whole.replace(writing)


def write_onnx(encoder: ExportedEncoder, file: Path) -> None:
    """Writes the program for onnxruntime, inputs named as :data:`INPUTS`, output ``vector``.

    Raises:
        BenchError: there is no program, or the libraries of the extra ``onnx`` are not installed.
    """
    contents = onnx_bytes(encoder)
    with written_whole(file) as writing:
        writing.write_bytes(contents)


def onnx_bytes(encoder: ExportedEncoder) -> bytes:
    """The program as an ONNX model.

    Raises:
        BenchError: there is no program, or the libraries of the extra ``onnx`` are not installed.
    """
    require_onnx("onnx", "onnxscript")
    found = traced(encoder)
    with warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        warnings.simplefilter("ignore")  # of torch's own exporter about itself
        made = torch.onnx.export(found, (), input_names=list(INPUTS), output_names=["vector"], verbose=False)
    assert made is not None
    contents: bytes = made.model_proto.SerializeToString()
    return contents


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Lets these loggers speak of errors alone: what they tell of their own work is nothing that a user can act on."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def require_onnx(*modules: str) -> None:
    """Raises a :class:`BenchError` where one of these libraries is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise BenchError(f"{module} is not installed", where="ONNX", fix="pip install 'session-bench[onnx]'")
