"""Variants: an encoder with options of its own beside the plain one, such as ``muvcog-m[negatives=random]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.errors import BenchError
from bench.plugins.registry import Registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import EncoderSpec
from bench.plugins.vector_files import VectorFileSpec, is_vector_file, vector_file_spec


def base_of(name: str) -> str:
    """The encoder of a variant; the name itself where it is none."""
    return name.partition("[")[0]


def variant_of(name: str, registry: Registry) -> tuple[EncoderSpec, list[str]]:
    """The encoder called ``name``, under that name, and the settings in its brackets.

    A file of finished vectors is an encoder too, under the name in its brackets, and has no settings.

    Raises:
        BenchError: no such encoder, or brackets that don't close; a file that is given an encoder's name.
    """
    if is_vector_file(name):
        file = vector_file_spec(name)
        if file.name in registry.names("encoder"):
            raise BenchError(f"{file.name!r} is the name of an encoder", where=name, fix="give the file another name")
        return file, []
    base, opened, rest = name.partition("[")
    spec = registry.get("encoder", base)
    if not opened:
        return spec, []
    if not rest.endswith("]"):
        raise BenchError(f"{name!r} lacks a closing bracket", fix=f"such as {base}[key=value,key=value]")
    settings = [part.strip() for part in rest[:-1].split(",") if part.strip()]
    return replace(spec, name=name), settings


def plain_of(spec: EncoderSpec, registry: Registry) -> EncoderSpec:
    """The plain encoder of a variant, whose options the variant changes; of anything else, itself."""
    return spec if isinstance(spec, VectorFileSpec) else registry.get("encoder", base_of(spec.name))


def variant_options(spec: EncoderSpec, settings: Sequence[str], base_options: dict[str, object]) -> dict[str, object]:
    """Options of a variant: those of the plain encoder in this run, changed by the settings in its brackets.

    Raises:
        BenchError: an option that the encoder does not have, or a value that it does not allow.
    """
    plain = replace(spec, name=base_of(spec.name), defaults=base_options)
    return resolve_options([plain], settings, where=spec.name)["encoder", plain.name]
