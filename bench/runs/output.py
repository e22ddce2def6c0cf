"""What a job prints and warns of: into its folder and its record, never onto the terminal."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from bench.printable import counted, one_line, said

LOG = "output.log"
"""Beside a record: what the job printed. Not there where it printed nothing."""

LOG_BYTES = 1 << 20
"""What a job prints beyond this is left out."""

_CHUNK = 1 << 16
_GRACE = 1.0  # seconds for what is still in the pipe, which a process that the job started may hold open
_LINE = 300  # characters of a warning's text
_WARNINGS = 100  # distinct ones of a job; a plugin may put a number into each


@contextmanager
def printed_to(file: Path) -> Iterator[None]:
    """Standard output and standard error of this process, libraries in C and child processes included, go to ``file``.

    At most :data:`LOG_BYTES` are kept, so that a job that prints without end fills no disk.
    """
    _flush()
    source, target = os.pipe()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    pump = threading.Thread(target=_pump, args=(source, file), daemon=True)
    pump.start()
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    os.close(target)
    try:
        yield
    finally:
        _flush()
        for descriptor, before in zip((1, 2), kept, strict=True):
            os.dup2(before, descriptor)
            os.close(before)
        pump.join(_GRACE)


def _pump(source: int, file: Path) -> None:
    """Copies what comes out of a pipe to a file that is made with the first byte; reads on when it is full."""
    left = LOG_BYTES
    with open(source, "rb", buffering=0) as reader:
        while chunk := reader.read(_CHUNK):
            if left <= 0:
                continue
            kept, left = chunk[:left], left - len(chunk)
            with file.open("ab") as log:
                log.write(kept)
                if left <= 0:
                    log.write(b"\n... the rest is left out\n")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


@contextmanager
def collected_warnings(components: Mapping[str, str]) -> Iterator[Callable[[], list[str]]]:
    """Collects warnings; hands out a function that gives a line for each distinct text: ``NAME warns: … (16 times)``.

    Filters that the user has set stay: what they ignore is ignored, what they make an error is one. Everything else
    counts however often it comes. Of more than :data:`_WARNINGS` texts the later ones are counted together.

    Args:
        components: name by module, such as ``muvcog-m`` by ``encoders.muvcog.single_view``. A warning from the files of
            a component's package is the component's, any other that of the library whose file it comes from.
    """
    counts: Counter[tuple[str, str]] = Counter()
    left_out = 0

    def collect(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        nonlocal left_out
        text = said(message) if isinstance(message, Warning) else one_line(message)
        known = _origin(filename, components), text if len(text) <= _LINE else text[:_LINE] + "…"
        if known in counts or len(counts) < _WARNINGS:
            counts[known] += 1
        else:
            left_out += 1

    def lines() -> list[str]:
        return [
            f"{name} warns: {text}" + (f" ({count} times)" if count > 1 else "")
            for (name, text), count in counts.items()
        ] + [f"{counted(left_out, 'further warning')} are left out"] * (left_out > 0)

    with warnings.catch_warnings():
        warnings.simplefilter("always", append=True)
        warnings.showwarning = collect
        yield lines


def _origin(filename: str, components: Mapping[str, str]) -> str:
    """Who a warning is from: a component, else the top-level package of the file."""
    path = Path(filename)
    modules: dict[str, Any] = {name: sys.modules.get(name) for name in components}
    for name, module in modules.items():
        if module is not None and getattr(module, "__file__", None) == filename:
            return components[name]
    for place in sorted(map(Path, filter(None, sys.path)), key=lambda place: -len(place.parts)):
        if path.is_relative_to(place):
            package = path.relative_to(place).parts[0].removesuffix(".py")
            owners = {owner for name, owner in components.items() if name.partition(".")[0] == package}
            return owners.pop() if len(owners) == 1 else package
    return path.stem
