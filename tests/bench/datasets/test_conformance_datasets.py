"""The built-in datasets hold to the contract; fetched ones are made from small files in their published form."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from coveo_files import small_coveo, write_coveo
from qilin_files import small_qilin, write_qilin
from released_files import write_fashioniq, write_mmsession
from ubi_logs import small_log, write_bulk

from bench.testing import DatasetConformance

SMALL: dict[str, Any] = {"sessions": 150, "downstream": 80}


class TestBeauty(DatasetConformance):
    name = "beauty"
    options = SMALL


class TestClothes(DatasetConformance):
    name = "clothes"
    options = SMALL


class TestDigital(DatasetConformance):
    name = "digital"
    options = SMALL


class TestPooled(DatasetConformance):
    name = "pooled"
    options = SMALL


class TestMmsession(DatasetConformance):
    name = "mmsession"
    options: ClassVar[dict[str, Any]] = {"valid_share": 0.5}

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "source", write_mmsession(tmp_path_factory.mktemp("released") / "beauty"))


class TestFashioniq(DatasetConformance):
    name = "fashioniq"
    options: ClassVar[dict[str, Any]] = {"verify": False, "candidates": 4}

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "source", write_fashioniq(tmp_path_factory.mktemp("released") / "files"))


class TestQilin(DatasetConformance):
    name = "qilin"

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        source = write_qilin(tmp_path_factory.mktemp("released") / "files", small_qilin())
        monkeypatch.setattr(type(self), "source", source)


class TestCoveo(DatasetConformance):
    name = "coveo"

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        source = write_coveo(tmp_path_factory.mktemp("released") / "files", small_coveo())
        monkeypatch.setattr(type(self), "source", source)


class TestUbi(DatasetConformance):
    name = "ubi"

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
        log = write_bulk(tmp_path_factory.mktemp("released") / "log.ndjson", small_log())
        monkeypatch.setattr(type(self), "source", log)
