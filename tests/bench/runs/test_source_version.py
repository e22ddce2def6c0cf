"""A component's version follows every module that it imports from plugins or the harness, and no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import environment
from third_party import install

from bench.runs.source_version import source_version

PACKAGE = {
    "__init__.py": "",
    "model.py": "import shop_encoder.layers\nfrom shop_encoder import losses\nfrom .sampling import draw\n"
    "from . import masks\nimport elsewhere\nclass Model: ...\n",
    "layers.py": "from .deep.block import Block\n",
    "losses.py": "x = 1\n",
    "sampling.py": "def draw(): ...\n",
    "masks.py": "def late():\n    import shop_encoder.lazy\n",
    "lazy.py": "x = 1\n",
    "deep/__init__.py": "",
    "deep/block.py": "from ..norms import Norm\nclass Block: ...\n",
    "norms.py": "class Norm: ...\n",
    "unrelated.py": "x = 1\n",
}

Version = Callable[[], str]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, source in PACKAGE.items():
        file = tmp_path / "shop_encoder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    (tmp_path / "elsewhere.py").write_text("x = 1\n")
    return tmp_path / "shop_encoder"


def version(package: Path, target: str = "shop_encoder.model:Model") -> str:
    code = f"from bench.runs.source_version import source_version; print(source_version({target!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment([package.parent]),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_every_imported_module_counts_and_no_other(package: Path) -> None:
    versions = {"as it is": version(package)}
    assert version(package) == versions["as it is"]
    for name, source in PACKAGE.items():
        (package / name).write_text(source + "# changed\n")
        versions[name] = version(package)
        (package / name).write_text(source)
    assert {name for name, found in versions.items() if found == versions["as it is"]} == {"as it is", "unrelated.py"}
    (package.parent / "elsewhere.py").write_text("x = 2\n")
    assert version(package) == versions["as it is"], "a library counts by its version"


def test_another_plugins_code_counts(package: Path) -> None:
    source = "from base_encoder.core import Base\nclass Model(Base): ...\n"
    base = package.parent / "base_encoder"
    base.mkdir()
    (base / "__init__.py").write_text("")
    (base / "core.py").write_text("class Base: ...\n")
    (package / "model.py").write_text(source)
    before = version(package)
    install(package.parent, "base-encoder", {"base_encoder_plugin": ""}, plugin="base_encoder.core")
    with_plugin = version(package)
    (base / "core.py").write_text("class Base: x = 1\n")
    assert before != with_plugin
    assert version(package) != with_plugin


def test_the_harness_counts_for_everybody(package: Path) -> None:
    before = version(package)
    (package / "model.py").write_text(PACKAGE["model.py"] + "from bench.contracts import SessionEncoder\n")
    assert version(package) != before


def test_built_ins_have_versions_of_their_own() -> None:
    targets = ["encoders.lstm:LstmEncoder", "encoders.muvcog.model:Muvcog", "tasks.ctr:ClickPrediction"]
    assert len({source_version(target) for target in targets}) == 3
    assert source_version("encoders.muvcog.model:Muvcog") == source_version("encoders.muvcog.model:Untrained")


def test_finding_a_version_imports_no_torch() -> None:
    code = (
        "import sys; from bench.runs.source_version import source_version; "
        "source_version('encoders.muvcog.model:Muvcog'); source_version('bench.runs.work'); "
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_versions_of_imported_libraries_count(package: Path) -> None:
    def released(name: str, number: str) -> str:
        folder = package.parent / f"{name}.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
        return version(package)

    without = version(package)
    one, two = released("elsewhere", "1.0"), released("elsewhere", "2.0")
    assert len({without, one, two}) == 3
    assert released("nobody_imports_it", "1.0") == two


def test_a_name_of_the_public_api_counts_as_the_module_it_comes_from(package: Path) -> None:
    """And nothing else of ``bench`` does: an edit of the reports is no edit of an encoder."""
    found = {}
    for imported in ("from bench import {}", "import bench\nx = bench.{}"):
        for name in ("Dims", "SessionEncoder", "hookimpl"):
            (package / "model.py").write_text(imported.format(name) + "\nclass Model: ...\n")
            code = "from bench.runs.source_version import _closure; print(*_closure('shop_encoder.model')[0])"
            done = subprocess.run(
                [sys.executable, "-c", code],
                env=environment([package.parent]),
                capture_output=True,
                text=True,
                check=True,
            )
            found[name] = set(done.stdout.split())
            assert not [module for module in found[name] if module.startswith(("bench.runs", "bench.reports"))]
        assert "bench.data.features" in found["Dims"]
        assert "bench.contracts" in found["SessionEncoder"]
        assert found["hookimpl"] == {"shop_encoder", "shop_encoder.model"}
