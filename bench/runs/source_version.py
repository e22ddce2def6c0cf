"""The version of a component: a hash of the source that decides its numbers, found without importing it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from bench import HOMES
from bench.runs.provenance import library_version

_DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # named otherwise than what is imported


@cache
def source_version(target: str) -> str:
    """Hash of the module of ``"module:attribute"`` and of all modules that it imports, directly or not, from its own
    package, from ``bench`` or from the package of a plugin, and of the versions of the libraries that these import."""
    module = target.partition(":")[0]
    digest = hashlib.sha256()
    sources, libraries = _closure(module)
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\0{len(source)}\0".encode() + source)
    for library in sorted(libraries):
        digest.update(f"{library}=={library_version(_DISTRIBUTIONS.get(library, library))}\0".encode())
    return digest.hexdigest()[:16]


def _closure(module: str) -> tuple[dict[str, bytes], set[str]]:
    """Sources by module, and the names of libraries that they import."""
    roots = {module.partition(".")[0], *_plugin_packages()}
    sources: dict[str, bytes] = {}
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in sources or path is None or name == "bench":  # it only passes on names, and decides no number
            continue
        sources[name] = path.read_bytes()
        waiting.append(name.rpartition(".")[0])
        for found in _imports(name, path):
            root = found.partition(".")[0]
            if root in roots:
                waiting.append(found)
            elif root and root not in sys.stdlib_module_names:
                libraries.add(root)
    return sources, libraries


@cache
def _plugin_packages() -> frozenset[str]:
    return frozenset({"bench", *(plugin.module.partition(".")[0] for plugin in entry_points(group="bench"))})


@cache
def _path(module: str) -> Path | None:
    """The file of a module. Only the root is asked of ``find_spec``: of a dotted name it would import the parents."""
    root, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(root) if root else None
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations or ():
        place = Path(location, *rest)
        for file in (place / "__init__.py", place.with_name(place.name + ".py")):
            if file.is_file():
                return file
    return None


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    """Modules that a module imports anywhere in it; of ``from a import b`` both ``a`` and ``a.b``, whichever exists.

    A name of the public API counts as the module that it comes from.
    """
    found: list[str] = []
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, base] if base else parent)
            found.append(base)
            found.extend(f"{base}.{alias.name}" for alias in node.names)
            if base == "bench":
                found.extend(HOMES.get(alias.name, "") for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bench":
            found.append(HOMES.get(node.attr, ""))
    return tuple(found)
