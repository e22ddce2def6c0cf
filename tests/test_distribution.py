"""What is uploaded holds what a user needs and nothing else; the wheel works away from the checkout."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from fresh_environment import ROOT, Environment, make_environment

BUILD = 'import os, setuptools.build_meta as b; os.makedirs("dist"); b.build_sdist("dist"); b.build_wheel("dist")'
PACKAGES = ("bench", "encoders", "baselines", "tasks")
DATA = (".toml", ".json", ".template", ".typed", ".jinja", ".css", ".js")
"""Endings of the files of a package that are no modules."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = make_environment(tmp_path_factory.mktemp("distribution"))
    built = made.run(f"python -c '{BUILD}' >/dev/null", made.source)
    assert built.returncode == 0, built.stderr
    return made


def expected() -> set[str]:
    """Every module and every file of data of the packages, as the checkout has them."""
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {str(path.relative_to(ROOT)) for path in files if path.suffix in (".py", *DATA)}


@pytest.mark.slow
def test_the_wheel_has_every_module_and_its_data_and_nothing_else(environment: Environment) -> None:
    (wheel,) = (environment.source / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == expected()
    assert {"bench/py.typed", "bench/paper/kdd22.toml"} <= inside
    assert any(name.endswith(".template") for name in inside)
    described = {name.partition(".dist-info/")[2] for name in names} - {""}
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= described


@pytest.mark.slow
def test_the_sdist_can_be_built_from_and_has_no_results(environment: Environment) -> None:
    (archive,) = (environment.source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as file:
        inside = {name.partition("/")[2] for name in file.getnames() if not name.endswith(".egg-info")}
    assert expected() | {"pyproject.toml", "README.md", "LICENSE"} <= inside
    assert not [name for name in inside if name.split("/")[0] in ("results", "tests", "docs", "runs")]
    assert not [name for name in inside if name.endswith((".parquet", ".npy", ".safetensors", ".pyc", ".nbc"))]


@pytest.mark.slow
def test_the_wheel_runs_where_there_is_no_checkout(environment: Environment, tmp_path: Path) -> None:
    installed = environment.run("pip install -q --force-reinstall --no-deps dist/*.whl", environment.source)
    assert installed.returncode == 0, installed.stderr
    where = environment.run("python -c 'import bench; print(bench.__file__)'", tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(environment.folder)
    looked = environment.run("bench doctor --json", tmp_path)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert [row for row in json.loads(looked.stdout) if row["state"] == "broken"] == []
    made = environment.run("bench new-plugin my-encoder", tmp_path)
    assert made.returncode == 0, made.stderr
    command = "bench run --task ctr --encoder random --baseline transearch --seeds 1 --jobs 1 --device cpu --json"
    ran = environment.run(f"{command} --set sessions=200 --set downstream=120 --set epochs=1", tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {row["status"] for row in json.loads(ran.stdout)} == {"done"}
    written = environment.run(
        command.replace("bench run", "bench report").replace(" --jobs 1", "").replace(" --json", " --to report.html")
        + " --set sessions=200 --set downstream=120 --set epochs=1",
        tmp_path,
    )
    assert written.returncode == 0, written.stdout + written.stderr
    assert (tmp_path / "report.html").stat().st_size > 10_000
