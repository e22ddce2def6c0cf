"""Components are found through entry points, whoever offers them; a bad plugin takes nothing else down."""

from __future__ import annotations

import warnings
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from third_party import install, install_encoder, offered

from bench.errors import BenchError
from bench.plugins.offered import KINDS
from bench.plugins.registry import Registry, registry

SPEC = "from bench import {spec}Spec, hookimpl\n@hookimpl\ndef bench_{kind}s():\n    return {returned}\n"


@pytest.fixture(autouse=True)
def _not_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_STRICT", raising=False)


def plugin(spec: str, kind: str, returned: str) -> str:
    return SPEC.format(spec=spec, kind=kind, returned=returned)


def test_built_ins_come_through_entry_points_and_nothing_else() -> None:
    assert {point.name for point in entry_points(group="bench")} >= {"datasets", "encoders", "baselines", "tasks"}
    found = registry()
    assert not found.broken
    for kind, name in (("encoder", "muvcog-m"), ("baseline", "transearch"), ("task", "ctr"), ("dataset", "beauty")):
        assert name in found.names(kind)
        assert found.get(kind, name).name == name
    assert {component.origin for _, component in found.components()} == {"built-in"}
    assert Registry([]).components() == []


def test_a_third_party_stands_beside_the_built_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install_encoder(tmp_path, module="beside_encoders"))
    found = Registry([*entry_points(group="bench", name="encoders"), *offered(tmp_path)])
    origins = {component.spec.name: component.origin for _, component in found.components()}
    assert origins["counts"] == "their-encoders"
    assert origins["lstm"] == "built-in"
    assert found.names("encoder")[-1] == "counts", "built-ins come first"
    assert found.get("encoder", "counts").load().__name__ == "Counts"


@pytest.mark.parametrize(
    ("module", "source", "why"),
    [
        ("raises_on_import", "1 / 0", "ZeroDivisionError: division by zero"),
        ("wants_what_is_not_there", "import not_there_at_all", "ModuleNotFoundError"),
        ("is_not_python", "def", "SyntaxError"),
        ("raises_in_hook", plugin("Encoder", "encoder", "[][1]"), "IndexError"),
        ("returns_strings", plugin("Encoder", "encoder", "['lstm']"), "bench_encoders returned 'lstm'"),
        ("returns_none", plugin("Encoder", "encoder", "5"), "TypeError"),
        (
            "returns_another_kind",
            plugin("Baseline", "encoder", "[BaselineSpec('b', 'm:B', 'h', 'c')]"),
            "is no spec of the kind 'encoder'",
        ),
        (
            "misspells_a_hook",
            plugin("Encoder", "encoder", "[]").replace("bench_encoders", "bench_encoder"),
            "bench_encoder is marked with @hookimpl but is no hook (did you mean bench_encoders?)",
        ),
        (
            "has_a_hook_of_its_own",
            "from bench import hookimpl\n@hookimpl\ndef metrics(): ...",
            "metrics is marked with @hookimpl but is no hook (known: bench_baselines",
        ),
        (
            "forgets_the_mark",
            plugin("Encoder", "encoder", "[]").replace("@hookimpl\n", ""),
            "bench_encoders is not marked with @hookimpl",
        ),
        ("offers_no_hook", "answer = 42", "offers nothing: no hook (bench_encoders, bench_baselines, bench_tasks, "),
        ("offers_no_spec", plugin("Encoder", "encoder", "[]"), "offers nothing: bench_encoders returned no spec"),
        ("exits", "import sys; sys.exit(3)", "SystemExit: 3"),
        (
            "cannot_be_told",
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
            "E: an error that cannot say what it is",
        ),
        (
            "has_a_name_with_a_comma",
            plugin("Encoder", "encoder", "[EncoderSpec('a,b', 'm:B', 'h', 'c')]"),
            "'a,b' cannot be typed",
        ),
        (
            "has_a_number_for_help",
            plugin("Encoder", "encoder", "[EncoderSpec('a', 'm:B', 5, 'c')]"),
            "the help of a spec is 5, not text",
        ),
        (
            "has_a_target_without_a_colon",
            plugin("Encoder", "encoder", "[EncoderSpec('a', 'm.B', 'h', 'c')]"),
            "'m.B', not 'module:attribute'",
        ),
        (
            "returns_a_spec_that_only_says_its_kind",
            "from bench.plugins.specs import Spec\n"
            "class Claimed(Spec):\n    kind = 'encoder'\n"
            + plugin("Encoder", "encoder", "[Claimed('c', 'm:C', 'h', 'c')]"),
            "is no spec of the kind 'encoder'",
        ),
    ],
)
def test_a_bad_plugin_is_reported_and_left_out(
    module: str, source: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "bad", "bad-plugin", {module: source})
    install_encoder(tmp_path / "good", "z-good", f"good_beside_{module}")
    monkeypatch.syspath_prepend(tmp_path / "bad")
    monkeypatch.syspath_prepend(tmp_path / "good")
    points = [*offered(tmp_path / "bad"), *offered(tmp_path / "good")]
    with pytest.warns(UserWarning, match="plugin theirs of bad-plugin: "):
        found = Registry(points)
    assert [(b.name, b.origin) for b in found.broken] == [("theirs", "bad-plugin")]
    assert why in found.broken[0].error
    assert found.names("encoder") == ["counts"]
    assert not found.names("baseline")
    with pytest.raises(BenchError, match=r"plugin theirs of bad-plugin is broken"):
        found.get("encoder", "theirs")

    monkeypatch.setenv("BENCH_STRICT", "1")
    with pytest.raises(BenchError, match="plugin theirs of bad-plugin") as caught:
        Registry(points)
    assert "BENCH_STRICT" in str(caught.value)


def test_a_broken_plugin_offers_nothing_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = plugin("Encoder", "encoder", "[EncoderSpec('half', 'm:H', 'h', 'c')]") + (
        "@hookimpl\ndef bench_tasks():\n    raise RuntimeError('second hook')\n"
    )
    monkeypatch.syspath_prepend(install(tmp_path, "half-plugin", {"half_broken_plugin": half}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Registry(offered(tmp_path))
    assert not found.components()
    assert "second hook" in found.broken[0].error


TAKES_LSTM = plugin("Encoder", "encoder", "[EncoderSpec('lstm', 'their_lstm:Lstm', 'h', 'c'), OTHER]").replace(
    "OTHER", "EncoderSpec('theirs', 'their_lstm:Other', 'h', 'c')"
)


def test_a_built_in_keeps_its_name_and_the_clash_is_a_broken_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(install(tmp_path, "a-lstm", {"second_lstm_plugin": TAKES_LSTM}))
    points = [*offered(tmp_path), *entry_points(group="bench", name="encoders")]
    with pytest.warns(UserWarning, match="a-lstm"):
        found = Registry(points)
    assert found.get("encoder", "lstm").target == "encoders.lstm:LstmEncoder"
    assert found.get("encoder", "theirs").target == "their_lstm:Other", "the rest of that plugin works"
    (row,) = found.broken
    assert (row.name, row.origin) == ("theirs", "a-lstm")
    assert "'lstm' (their_lstm:Lstm) is left out, since built-in (encoders.lstm:LstmEncoder) offers one" in row.error

    monkeypatch.setenv("BENCH_STRICT", "1")
    with pytest.raises(BenchError, match="plugin theirs of a-lstm"):
        Registry(points)


def test_of_two_third_parties_the_first_by_name_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for distribution in ("b-lstm", "a-lstm"):
        module = f"plugin_of_{distribution[0]}"
        source = TAKES_LSTM.replace("their_lstm", module).replace("'theirs'", f"'{distribution}'")
        monkeypatch.syspath_prepend(install(tmp_path / distribution, distribution, {module: source}))
    with pytest.warns(UserWarning, match="a-lstm"):
        found = Registry([*offered(tmp_path / "b-lstm"), *offered(tmp_path / "a-lstm")])
    assert found.get("encoder", "lstm").target == "plugin_of_a:Lstm"
    assert found.names("encoder") == ["lstm", "a-lstm", "b-lstm"]
    assert [row.origin for row in found.broken] == ["b-lstm"]


def test_a_baseline_of_a_task_that_nobody_offers_is_a_broken_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = plugin("Baseline", "baseline", "[BaselineSpec('b', 'm:B', 'h', 'c', task='crt')]")
    monkeypatch.syspath_prepend(install(tmp_path, "their-baseline", {"homeless_baseline": theirs}))
    with pytest.warns(UserWarning, match="which nobody offers"):
        found = Registry([*offered(tmp_path), *entry_points(group="bench", name="tasks")])
    assert not found.names("baseline")
    assert "did you mean ctr?" in found.broken[0].error


def test_two_entry_points_of_one_module_are_one_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install_encoder(tmp_path, module="offered_twice"))
    with pytest.warns(UserWarning, match="offered_twice is there already, through another entry point"):
        found = Registry([*offered(tmp_path), *offered(tmp_path)])
    assert found.names("encoder") == ["counts"]


def test_one_name_may_be_of_two_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = plugin("Baseline", "baseline", "[BaselineSpec('lstm', 'm:B', 'h', 'c')]")
    monkeypatch.syspath_prepend(install(tmp_path, "their-baseline", {"lstm_as_baseline": theirs}))
    found = Registry([*offered(tmp_path), *entry_points(group="bench", name="encoders")])
    assert found.get("encoder", "lstm").target != found.get("baseline", "lstm").target


@pytest.mark.parametrize(
    ("kind", "wrong", "meant"),
    [
        ("encoder", "muvcog", "muvcog-"),
        ("encoder", "LSTM", "lstm"),
        ("dataset", "beaty", "beauty"),
        ("task", "ctrl", "ctr"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(kind: str, wrong: str, meant: str) -> None:
    with pytest.raises(BenchError) as caught:
        registry().get(kind, wrong)
    assert f"no {kind} is called {wrong!r}" in str(caught.value)
    assert meant in str(caught.value)


def test_a_name_like_no_other_lists_what_there_is() -> None:
    with pytest.raises(BenchError, match=r"known: .*muvcog-m"):
        registry().get("encoder", "xyz")


def test_there_is_a_hook_for_every_kind() -> None:
    from bench.plugins import hookspecs

    assert set(KINDS.values()) == {name for name in vars(hookspecs) if name.startswith("bench_")}
