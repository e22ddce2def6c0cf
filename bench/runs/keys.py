"""Keys: a hash of everything that decides a number, so that no result is ever taken for another's."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bench.plugins.specs import Spec
from bench.runs.source_version import source_version


def key_of(config: dict[str, Any]) -> str:
    """Key of a configuration: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def component_config(spec: Spec, options: dict[str, Any]) -> dict[str, Any]:
    """A component's part of a configuration: name, target, options, and the version of its source."""
    return {"name": spec.name, "target": spec.target, "options": options, "source": source_version(spec.target)}


def trajectory_key(config: dict[str, Any]) -> str:
    """Key of what pretrainings share that differ in their number of steps alone, whatever they are called."""
    encoder = {key: value for key, value in config["encoder"].items() if key != "name"}
    encoder["options"] = {key: value for key, value in encoder["options"].items() if key != "steps"}
    return key_of({**config, "encoder": encoder})
