"""``@compiled``: numba's ``njit``, its machine code kept on disk under a hash of the sources that it may be made of.

These are all files of the function's own folder and of this one. numba's own cache looks at the file of the function
alone, and would run what was compiled before a change in a function that it calls from another file. What is compiled
calls nothing outside these two folders (a test says so).
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator
from numba.core.registry import CPUDispatcher

from bench.kernels.code_folder import code_folder, one_process

FAST = {"contract", "nsz"}
"""Of LLVM's fast mathematics what leaves sums in their order: a product and a sum may be one instruction, and the sign
of a zero does not count. NaN and infinities stay what they are."""

_HERE = Path(__file__).parent


def compiled(**options: Any) -> Callable[[Callable], Any]:
    """As ``numba.njit(**options)``: nothing is compiled before the first call with arguments of some types.

    Args:
        options: of ``numba.njit``; the GIL is released, and the code kept, anyway.

    Raises:
        ValueError: LLVM may reorder sums. It does so by the length of a processor's vectors, and over the epochs of a
            training another last bit becomes another table.
    """
    fast = options.get("fastmath", False)
    if fast is True or (fast and "reassoc" in fast):
        raise ValueError("fastmath: sums must have the same order on every processor; leave out 'reassoc'")

    def build(function: Callable) -> Any:
        dispatcher = _Dispatcher(function, targetoptions={"nopython": True, "nogil": True, **options})
        dispatcher.enable_caching()
        return dispatcher

    return build


@cache
def sources_hash(folder: Path) -> str:
    """Hash of all sources in a folder and in this one, and of the versions of what compiles them; empty without source
    files."""
    own, shared = sorted(folder.glob("*.py")), sorted(_HERE.glob("*.py"))
    versions = f"{sys.version_info[:2]} {numba.__version__} {llvmlite.__version__}"
    digest = hashlib.sha256(versions.encode())
    for file in own if folder == _HERE else [*own, *shared]:
        source = file.read_bytes()
        digest.update(f"{file.name}\0{len(source)}\0".encode() + source)
    return digest.hexdigest()[:16] if own and shared else ""


def _code_folder(function: Callable) -> Path | None:
    """Where the machine code of a function is kept."""
    sources = Path(inspect.getfile(function)).parent
    return code_folder(sources, sources_hash(sources))


class _Dispatcher(CPUDispatcher):
    """Of processes that start together, one compiles and the others load what it has compiled."""

    def enable_caching(self) -> None:
        if _code_folder(self.py_func) is not None:
            self._cache = _Cache(self.py_func)

    def compile(self, sig: Any) -> Any:
        folder = _code_folder(self.py_func)
        with one_process(folder.parent if folder is not None else None):
            return super().compile(sig)


class _Locator(_CacheLocator):
    """Says where the code of a function is kept, and of which sources it was made."""

    def __init__(self, function: Any, folder: Path) -> None:
        self._folder, self._py_file = folder, inspect.getfile(function)  # numba's warnings name the file

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return sources_hash(Path(self._py_file).parent)

    def get_disambiguator(self) -> str:
        return "0"  # no two functions of a file have one name


class _Files(CompileResultCacheImpl):
    """Names of the files, in our folder instead of the one that numba would choose."""

    def __init__(self, function: Any) -> None:
        folder = _code_folder(function)
        assert folder is not None
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function, folder)
        name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._filename_base = self.get_filename_base(name, getattr(sys, "abiflags", ""))


class _CheckedFiles(IndexDataCacheFile):
    """Machine code and its index, each with its checksum before it: a flipped bit would run, and compute something
    else."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, overloads = pickle.loads(_read(Path(self._index_path)))  # of this user's own cache, as numba has it
        except FileNotFoundError:
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._source_stamp, overloads))

    def _load_data(self, name: str) -> Any:
        return pickle.loads(_read(Path(self._data_path(name))))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, value: Any) -> None:
        data = self._dump(value)
        with self._open_for_write(path) as file:
            file.write(_checksum(Path(path), data) + b"\n" + data)


def _read(path: Path) -> bytes:
    said, _, data = path.read_bytes().partition(b"\n")
    if said != _checksum(path, data):
        raise ValueError(f"{path} is not as it was written")
    return data


def _checksum(path: Path, data: bytes) -> bytes:
    """Of the file's name, too: another function's code is sound, and wrong."""
    return hashlib.sha256(path.name.encode() + b"\0" + data).hexdigest().encode()


class _Cache(FunctionCache):
    """A file that is damaged, or cannot be written, costs time and nothing else."""

    _impl_class = _Files

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _CheckedFiles(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling makes of a damaged file
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)
