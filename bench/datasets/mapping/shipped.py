"""The log mappings that ship with the package, one for the layout of each public log."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bench.errors import BenchError, did_you_mean
from bench.files import is_there

_FOLDER = files("bench.datasets.mapping") / "maps"


def shipped_maps() -> list[str]:
    """Their names."""
    return sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))


def map_text(named: str | Path) -> tuple[str, Path]:
    """The text of a map, and its path.

    Args:
        named: the name of one that ships, or the path of a file; a name that is also a file's is the file's.

    Raises:
        BenchError: there is neither.
    """
    path = Path(named)
    if is_there(path) and path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig"), path
        except (OSError, UnicodeDecodeError) as error:
            raise BenchError(f"cannot be read: {error}", where=str(path), fix="a map is TOML in UTF-8") from error
    if str(named) in shipped_maps():
        own = _FOLDER / f"{named}.toml"
        return own.read_text(encoding="utf-8"), Path(str(own))
    fix = f"give the path of a TOML file, or a map that ships; {did_you_mean(str(named), shipped_maps())}"
    raise BenchError("no such map", where=f"--map {named}", fix=fix)
