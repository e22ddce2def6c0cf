"""The command line is quick to answer, lists every plugin, and says what is wrong in one line with exit code 2."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import BENCH, bench_here, bench_process
from small_corpora import random_corpus
from third_party import install, install_encoder

HEAVY = {"torch", "numpy", "pandas", "pyarrow", "scipy", "numba", "duckdb"}
ANSWERS_WITHIN = 0.3  # seconds


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=20).folder


def test_help_comes_at_once() -> None:
    took = []
    for _ in range(7):
        before = os.times()
        subprocess.run([BENCH, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = os.times()  # processor time: what it would take on a machine with nothing else to do
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(took) < ANSWERS_WITHIN, took


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["data", "--help"], ["plugins"], ["plugins", "--json"]]
)
def test_nothing_heavy_is_imported_to_answer(arguments: list[str]) -> None:
    code = (
        "import sys, json, bench.cli.main as m; sys.argv = ['bench', *json.loads(sys.argv[1])]\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


def test_help_names_every_command() -> None:
    out = bench_here("--help").out
    assert all(command in out for command in ("run", "pretrain", "embed", "show", "plugins", "data"))
    for command in ("run", "pretrain", "embed", "show", "plugins", "data make", "data ingest", "data fetch"):
        assert bench_here(*command.split(), "--help").code == 0


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    assert bench_here("--version").out == f"session-bench {version('session-bench')}\n"


def test_plugins_are_listed_for_programs_and_for_people() -> None:
    rows = bench_here("plugins", "--json").rows
    assert {"kind", "name", "origin", "status", "error", "citation"} <= set(rows[0])
    assert {row["kind"] for row in rows} == {"encoder", "baseline", "task", "dataset"}
    assert all(row["status"] == "ok" and row["origin"] == "built-in" and row["citation"] for row in rows)
    table = bench_here("plugins").out
    assert all(row["name"] in table for row in rows)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("broken"), "bad-plugin", {"bad_plugin": "raise OSError('no disk')"})


def test_a_broken_plugin_is_a_row_and_the_rest_is_there(broken: Path, tmp_path: Path) -> None:
    good = install_encoder(tmp_path)
    ran = bench_process("plugins", "--json", plugins=[broken, good])
    assert ran.code == 0
    assert not ran.err
    by_name = {(row["origin"], row["name"]): row for row in ran.rows}
    assert by_name["bad-plugin", "theirs"]["status"] == "broken"
    assert by_name["bad-plugin", "theirs"]["error"] == "OSError: no disk"
    assert by_name["their-encoders", "counts"]["status"] == "ok"
    assert by_name["built-in", "lstm"]["status"] == "ok"


def test_a_broken_plugin_is_a_warning_elsewhere(broken: Path, tmp_path: Path) -> None:
    ran = bench_process("data", "list", "--out", tmp_path, plugins=[broken])
    assert ran.code == 0
    assert "beauty" in ran.out
    assert ran.err == "Warning: plugin theirs of bad-plugin: OSError: no disk\n"


def test_a_broken_plugin_is_an_error_where_that_is_wanted(broken: Path) -> None:
    ran = bench_process("plugins", "--json", plugins=[broken], BENCH_STRICT="1")
    assert ran.error.startswith("bench: plugin theirs of bad-plugin: OSError: no disk")


def test_a_name_given_twice_is_a_broken_row_that_names_both_and_a_warning_elsewhere(tmp_path: Path) -> None:
    one = install_encoder(tmp_path / "one", "one-plugin", "one_plugin")
    two = install_encoder(tmp_path / "two", "two-plugin", "two_plugin")
    listed = bench_process("plugins", "--json", plugins=[one, two])
    assert (listed.code, listed.err) == (0, "")
    (clash,) = [row for row in listed.rows if row["status"] == "broken"]
    assert clash["origin"] == "two-plugin"
    assert (
        "'counts' (two_plugin_model:Counts) is left out, since one-plugin (one_plugin_model:Counts)" in clash["error"]
    )
    other = bench_process("data", "list", "--out", tmp_path, plugins=[one, two])
    assert other.code == 0
    assert len(other.err.splitlines()) == 1
    assert "Warning: plugin theirs of two-plugin: the encoder 'counts'" in other.err


RUN = ["run", "--task", "ctr", "--encoder", "lstm"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "--task", "ctr", "--encoder", "lsmt"], "no encoder is called 'lsmt' (did you mean lstm or lstm-t?)"),
        (["run", "--task", "cttr", "--encoder", "lstm"], "no task is called 'cttr' (did you mean ctr?)"),
        ([*RUN, "--baseline", "transsearch"], "(did you mean transearch?)"),
        ([*RUN, "--dataset", "beautty"], "no dataset is called 'beautty' (did you mean beauty?)"),
        ([*RUN, "--dataset", "./nowhere"], "not a corpus: no corpus.toml"),
        ([*RUN, "--dataset", "CORPUS", "--seeds", "0"], "--seeds: 0 seeds"),
        ([*RUN, "--dataset", "CORPUS", "--seeds", "-3"], "--seeds: -3 seeds"),
        ([*RUN, "--dataset", "CORPUS", "--device", "gpu"], "--device: 'gpu' is not auto, cpu or cuda"),
        ([*RUN, "--dataset", "CORPUS", "--set", "epoch=1"], "--set: epoch: no such option (did you mean epochs?)"),
        ([*RUN, "--dataset", "CORPUS", "--set", "epochs=few"], "'few' is not a whole number"),
        ([*RUN, "--dataset", "CORPUS", "--set", "muvcog-m.steps=1"], "'muvcog-m' takes no part in this run"),
        ([*RUN, "--dataset", "CORPUS,CORPUS/"], "stands twice"),
        ([*RUN, "--dataset", "fashioniq"], "bench data fetch fashioniq --from PATH|URL"),
        (["pretrain", "--encoder", "lstm", "--dataset", "CORPUS"], "is trained with a baseline"),
        (["embed", "--encoder", "vanilla", "--dataset", "CORPUS", "--to", "x.parquet"], "has no vectors of its own"),
        (["show", "0123"], "no result has this key"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], line: str, corpus: Path, tmp_path: Path) -> None:
    arguments = [a.replace("CORPUS", str(corpus)) for a in arguments]
    assert line in bench_here(*arguments, "--out", tmp_path / "runs").error
    assert not (tmp_path / "runs").exists()


def test_a_wrong_flag_is_wrong_usage() -> None:
    for arguments in (
        ["run", "--tsak", "ctr"],
        ["run"],
        ["rnu"],
        ["run", "--task", "ctr", "--encoder", "lstm", "--jobs", "0"],
    ):
        ran = bench_here(*arguments)
        assert ran.code == 2
        assert "Traceback" not in ran.err


def test_a_traceback_is_there_for_who_asks(tmp_path: Path) -> None:
    arguments = ["show", "0123", "--out", tmp_path]
    assert "Traceback" not in bench_process(*arguments).err
    assert "Traceback" in bench_process("--debug", *arguments).err


def test_a_damaged_result_is_named_and_computed_again(corpus: Path, tmp_path: Path) -> None:
    from bench.plugins.registry import registry
    from bench.runs.plan import RunRequest, make_plan
    from bench.runs.store import Store

    plan = make_plan(RunRequest("ctr", [], (), [str(corpus)], 1, (), "cpu"), registry(), Store(tmp_path))
    folder = tmp_path / "cells" / plan.cells[0].key
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text("{")
    arguments = ["run", "--task", "ctr", "--encoder", "vanilla", "--dataset", corpus, "--seeds", 1, "--device", "cpu"]
    ran = bench_here(*arguments, "--out", tmp_path)
    assert ran.code == 0, ran.err
    assert any(plan.cells[0].key in line and "set aside" in line for line in ran.err.splitlines()), ran.err


@pytest.mark.parametrize("command", [[], ["run"], ["data"], ["data", "make"], ["show"]])
def test_short_help_is_help(command: list[str]) -> None:
    short, long = bench_here(*command, "-h"), bench_here(*command, "--help")
    assert short.code == long.code == 0
    assert short.out == long.out
    assert "Usage: bench" in short.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("run --encoder muvcog-", ["muvcog-t", "muvcog-m", "muvcog-plus"]),
        ("run --encoder lstm,muvcog-p", ["lstm,muvcog-plus"]),
        ("run --encoder lstm,lst", ["lstm,lstm-t", "lstm,lstm-iq"]),
        ("run --baseline tran", ["transearch"]),
        ("run --task s", ["suggest"]),
        ("data make be", ["beauty"]),
        ("tables q", ["quick"]),
        ("plugins hsc", ["hscm"]),
    ],
)
def test_the_shell_completes_names_without_torch(typed: str, offered: list[str]) -> None:
    words = f"bench {typed}"
    completing = {"_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    ran = bench_process(**completing, PYTHONPROFILEIMPORTTIME="1")
    assert ran.out.split() == offered
    assert not re.search(r"\| +(torch|numpy|pandas)$", ran.err, re.MULTILINE)


def test_a_component_is_explained() -> None:
    (facts,) = bench_here("plugins", "transearch", "--json").rows
    options = {option["name"]: option for option in facts["options"]}
    assert options["mode"]["allowed"] == "end, double, text, vis or linear"
    assert options["dropout"]["allowed"] == "a number at least 0 and below 1"
    assert (options["margin"]["default"], options["fixed"]["default"]) == (1.0, False)
    together = "a training session, downstream, in which two items were clicked (with mode=double)"
    assert facts["needs"] == ["image vectors (with mode=vis)", together]
    assert "MM 2018" in facts["citation"]
    assert facts["origin"] == "built-in"
    text = bench_here("plugins", "lstm-t").out
    assert "is what it is by images=none" in text
    assert "Hochreiter" in text
    assert "did you mean transearch" in bench_here("plugins", "transearhc").error


def test_a_component_that_cannot_be_imported_is_explained_all_the_same(tmp_path: Path) -> None:
    offers = """
        from bench import EncoderSpec, hookimpl
        @hookimpl
        def bench_encoders():
            return [EncoderSpec("absent", "not_there_at_all:Absent", "an encoder", "ourselves", {"width": 3})]
    """
    ran = bench_process("plugins", "absent", plugins=[install(tmp_path, "their-absent", {"absent_plugin": offers})])
    assert ran.code == 0
    assert "not_there_at_all:Absent cannot be imported: ModuleNotFoundError" in ran.out
    assert "width" in ran.out
