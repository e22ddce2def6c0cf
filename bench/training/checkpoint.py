"""A checkpoint: the state of a training in one safetensors file, written beside, then renamed; never pickled."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.errors import BenchError
from bench.files import written_whole

_OF = "of"


def save_checkpoint(file: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Writes named tensors and JSON facts, replacing an earlier checkpoint only when all is on disk."""
    kept = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    said = json.dumps(facts)
    with written_whole(file) as writing:
        save_file(kept, writing, {"facts": said, "sha256": _checksum(kept, said)})


def load_checkpoint(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """``(tensors, facts)`` of a checkpoint, on the CPU.

    Raises:
        BenchError: the file is not readable, or not as it was written.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            said = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  not a dict
            facts = json.loads(said["facts"])
    except Exception as error:
        raise BenchError(
            f"not a readable checkpoint: {error}", where=str(file), fix="remove the file; it starts anew"
        ) from None
    if said.get("sha256") != _checksum(tensors, said["facts"]):
        raise BenchError("the checkpoint is not as it was written", where=str(file), fix="remove the file")
    return tensors, facts


def save_state(file: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """As :func:`save_checkpoint`, and the file says that it is the state of its own name, which is a key."""
    save_checkpoint(file, tensors, {**facts, _OF: file.stem})


def load_state(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """As :func:`load_checkpoint`, for a state that is the one of the file's name.

    Raises:
        BenchError: not readable, not as it was written, or the state of another training.
    """
    tensors, facts = load_checkpoint(file)
    if facts.get(_OF) != file.stem:
        raise BenchError("is the state of another training", where=str(file), fix="remove the file; it starts anew")
    return tensors, facts


def _checksum(tensors: dict[str, Tensor], facts: str) -> str:
    """SHA-256 of the facts and of every tensor's name and bytes."""
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()


def named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with ``prefix.`` before their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def part(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix.``, without it."""
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(prefix + ".")}


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of a model's state that training does not touch."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
