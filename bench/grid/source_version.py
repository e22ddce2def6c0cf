"""The version of a component: a hash of the source that decides its numbers, found without importing it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path


@cache
def source_version(target: str) -> str:
    """Hash of the module of ``"module:attribute"`` and of all modules that it imports, directly or not, from its own
    distribution's packages or from ``bench``. Libraries count by their version elsewhere."""
    module = target.partition(":")[0]
    digest = hashlib.sha256()
    for name, source in sorted(_closure(module).items()):
        digest.update(f"{name}\0{len(source)}\0".encode() + source)
    return digest.hexdigest()[:16]


def _closure(module: str) -> dict[str, bytes]:
    roots = {module.partition(".")[0], "bench"}
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in sources or path is None:
            continue
        sources[name] = path.read_bytes()
        waiting.extend(found for found in _imports(name, path) if found.partition(".")[0] in roots)
    return sources


@cache
def _path(module: str) -> Path | None:
    if module in sys.modules and getattr(sys.modules[module], "__file__", None):
        return Path(str(sys.modules[module].__file__))
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


@cache
def _imports(module: str, path: Path) -> tuple[str, ...]:
    """Modules that a module imports anywhere in it; of ``from a import b`` both ``a`` and ``a.b``, whichever exists."""
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
    return tuple(found)
