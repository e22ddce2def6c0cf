"""Every command on a terminal of 80 and of 140 columns: no line is wider, no name is cut, nothing is raw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from small_corpora import random_corpus
from terminals import on_terminal

from bench.plugins.registry import registry

pytestmark = pytest.mark.slow  # a process for each command

WIDTHS = pytest.mark.parametrize("width", [80, 140])

EXPERIMENT = """
title = "a small one"
seeds = 2
[settings]
sessions = 200
downstream = 200
[claims]
C1 = "a session vector helps what matches, and this sentence is longer than a terminal of eighty is wide"
[[part]]
id = "clicks"
title = "Clicks"
task = "ctr"
datasets = ["beauty", "clothes"]
baselines = ["transearch", "alstp"]
encoders = ["lstm", "muvcog-m[negatives=random]"]
metrics = ["ndcg@10", "mrr@10"]
[[family]]
name = "one"
part = "clicks"
claim = "C1"
hypotheses = [{ encoder = "lstm", reference = "vanilla", alternative = "greater" }]
"""
ENCODERS = ("vanilla", "lstm", "transformer-iq", "muvcog-m[negatives=random]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and an experiment."""
    folder = tmp_path_factory.mktemp("place")
    random_corpus(folder / "corpus", sessions=40)
    (folder / "small.toml").write_text(EXPERIMENT)
    return folder


def whole(lines: list[str], width: int, *names: str) -> str:
    """The text, after looking that it fits and holds these names."""
    text = "\n".join(lines)
    too_wide = [line for line in lines if cell_len(line) > width and not line.startswith("  bench ")]  # to be copied
    assert not too_wide
    assert not re.search(r"\w…", text), "cut"
    assert not re.search(r"Traceback|\w+\(\w+='", text), "raw"
    words = set(re.sub(r"[│┃,:]", " ", text).split())
    words |= {word.partition("=")[0] for word in words}  # an option stands before its default
    assert not set(names) - words
    return text


@WIDTHS
def test_the_list_of_components(width: int) -> None:
    code, lines = on_terminal(width, "plugins")
    assert code == 0
    whole(lines, width, *(component.spec.name for _, component in registry().components()))


@WIDTHS
@pytest.mark.parametrize(
    "name", ["muvcog-m", "lstm-t", "transearch", "hscm", "intent", "beauty", "fashioniq", "vanilla"]
)
def test_all_about_a_component(width: int, name: str) -> None:
    code, lines = on_terminal(width, "plugins", name)
    assert code == 0
    (spec,) = [component.spec for _, component in registry().components() if component.spec.name == name]
    text = whole(lines, width, *spec.settable)
    assert "".join(spec.citation.split()) in "".join(text.split())
    assert "``" not in text
    assert ":class:" not in text


@WIDTHS
def test_the_table_of_a_run(width: int, place: Path) -> None:
    budget = ("--set", "ctr.epochs=1", "--set", "muvcog-m.steps=2", "--set", "muvcog-m.validate_every=1")
    names = ("--baseline", "transearch,bm25", "--encoder", ",".join(ENCODERS), "--dataset", "corpus")
    code, lines = on_terminal(
        width, "run", "--task", "ctr", *names, "--seeds", 2, *budget, "--device", "cpu", cwd=place
    )
    assert code == 0, lines
    text = whole(lines, width, *ENCODERS, "transearch", "bm25")
    assert ("not shown at this width" in text) == (width == 80)
    assert "bench show transearch/muvcog-m[negatives=random]/1" in text.replace("'", "")


@WIDTHS
def test_tables_and_claims_of_an_experiment_without_results(width: int, place: Path) -> None:
    code, lines = on_terminal(width, "tables", "small.toml", "--no-run", cwd=place)
    assert code == 1, "what is missing is missing"
    assert "MISSING" in whole(lines, width, "transearch", "lstm", "muvcog-m[negatives=random]")
    code, lines = on_terminal(width, "claims", "small.toml", cwd=place)
    assert code == 0
    assert "not tested" in whole(lines, width, "C1")


@WIDTHS
def test_data_commands(width: int, place: Path) -> None:
    for arguments in (("data", "list"), ("data", "stats", "./corpus"), ("data", "validate", "./corpus")):
        code, lines = on_terminal(width, *arguments, cwd=place)
        assert code == 0, lines
        whole(lines, width)


@WIDTHS
@pytest.mark.parametrize("command", ["run", "tables", "claims", "check", "show", "plugins", "data", "new-plugin"])
def test_short_help(width: int, command: str) -> None:
    code, lines = on_terminal(width, command, "-h")
    assert code == 0
    whole(lines, width)


@WIDTHS
def test_an_error_is_broken_between_words_alone(width: int, place: Path) -> None:
    """The terminal would break it wherever a line ends; a long path stays whole, to be copied."""
    code, lines = on_terminal(width, "data", "make", "no-such-category", cwd=place)
    said = "bench: no dataset is called 'no-such-category' (known: beauty, clothes, coveo, digital, fashioniq, "
    assert code == 2
    assert " ".join(lines).strip().startswith(said)
    whole(lines, width, "fashioniq", "mmsession", "qilin")
    missing = "no" + "-such" * 30
    code, lines = on_terminal(width, "results", "validate", missing, cwd=place)
    assert code == 2
    assert missing in " ".join(lines).replace(":", " ").split()


def test_a_progress_line_stays_on_its_line(place: Path) -> None:
    """What goes on below is not wiped by the next: a long name left a line a second."""
    long = "muvcog-m[steps=40,score=cosine,negatives=random,batch_size=8]"
    command = ["pretrain", "--encoder", long, "--dataset", "corpus", "--device", "cpu", "--out", "runs"]
    code, lines = on_terminal(80, *command, cwd=place)
    assert code == 0, lines
    text = " ".join(line for line in lines if line)
    assert text.count("pretrain muvcog-m[") == 1
    assert f"pretrain {long} on small seed 0: 100%" in text
