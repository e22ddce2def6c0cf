"""What a corpus lacks is said in one line before anything runs; what can run without it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.data.csr import offsets_of
from bench.data.writer import CorpusWriter
from bench.datasets.simulated import make
from bench.errors import BenchError
from bench.plugins.needs import NEEDS, Need
from bench.plugins.registry import registry
from bench.plugins.specs import EncoderSpec
from bench.runs.needs import _LACKS, check_needs
from bench.runs.plan import MOST_SEEDS, Plan, RunRequest, make_plan
from bench.runs.store import Store
from bench.runs.work import perform
from bench.testing.corpora import variant_corpus


def text_corpus(
    folder: Path, only_clicked: bool = False, categories: bool = True, steps: int = 2, classes: int = 3
) -> Corpus:
    """Thirty sessions without images: each query shows four items, or the clicked one alone."""
    rng = np.random.default_rng(0)
    sessions, items, shown = 30, 12, 1 if only_clicked else 4
    total = sessions * steps
    session, position = np.repeat(np.arange(sessions), steps), np.tile(np.arange(steps), sessions)
    with CorpusWriter(
        folder, name="text", origin="log", licence="Apache-2.0", word_dim=8, image_dim=12, caveats=[]
    ) as writer:
        writer.vocabulary([f"w{i}" for i in range(9)], rng.normal(size=(9, 8)).astype(np.float32))
        writer.images(np.zeros((0, 12), dtype=np.int8))
        category = [f"c{i % classes}" if categories else None for i in range(items)]
        titles = (offsets_of(np.full(items, 2)), rng.integers(0, 9, 2 * items))
        writer.items([f"i{i}" for i in range(items)], titles, np.full(items, -1), category, [None] * items)
        time = 1_000_000 * session + 1_000 * position
        users = [f"u{i // 3}" for i in range(sessions)]
        split = np.arange(sessions) % 3
        writer.sessions([f"s{i}" for i in range(sessions)], users, time[position == 0], split, np.ones(sessions))
        words = (offsets_of(np.full(total, 2)), rng.integers(0, 9, 2 * total))
        kinds, images = np.zeros(total, dtype=int), np.full(total, -1)
        writer.queries([f"q{i}" for i in range(total)], session, position, time, kinds, words, images)
        query = np.repeat(np.arange(total), shown)
        item = (rng.integers(0, items, total)[:, None] + np.arange(shown)).reshape(-1) % items
        rank = np.tile(np.arange(1, shown + 1), total)
        writer.impressions(query, item, rank, rank == 1, pa.array(time[query] + 10, mask=rank != 1))
    return Corpus(folder)


def plan(
    corpus: Corpus, root: Path, task: str, *encoders: str, baselines: tuple[str, ...] = (), sets: str = ""
) -> Plan:
    request = RunRequest(task, encoders, baselines, [str(corpus.folder)], 1, sets.split(), "cpu")
    return make_plan(request, registry(), Store(root))


@pytest.mark.parametrize(
    ("corpus", "task", "encoder", "sets", "line"),
    [
        (
            {},
            "ctr",
            "lstm",
            "transearch.mode=vis",
            "--baseline: transearch cannot run on text: it has no image vectors "
            "(what runs: --baseline chance,shown-order,popularity,bm25,alstp,hscm)",
        ),
        (
            {"only_clicked": True},
            "ctr",
            "lstm",
            "",
            "--task: ctr cannot run on text: no downstream query of its train split shows both a clicked and an "
            "unclicked item",
        ),
        (
            {"categories": False},
            "intent",
            "meanpool",
            "",
            "--task: intent cannot run on text: its items have no categories",
        ),
        (
            {"classes": 1},
            "intent",
            "meanpool",
            "",
            "--task: intent cannot run on text: all clicked sessions of its train split are of one category, 'c0'",
        ),
        (
            {"classes": 1},
            "intent",
            "meanpool",
            "label=leaf",
            "--task: intent cannot run on text: all clicked sessions of its train split are of one category, 'c0'",
        ),
        ({}, "intent", "meanpool", "label=domain", "--task: intent cannot run on text: its items have no domains"),
        (
            {"steps": 1},
            "suggest",
            "lstm",
            "",
            "--task: suggest cannot run on text: no downstream query of its train split is followed by a keyword query "
            "with words",
        ),
    ],
)
def test_what_lacks_is_one_line_before_anything_runs(
    corpus: dict[str, int], task: str, encoder: str, sets: str, line: str, tmp_path: Path
) -> None:
    made = text_corpus(tmp_path / "corpus", **corpus)
    with pytest.raises(BenchError) as caught:
        plan(made, tmp_path / "runs", task, encoder, sets=sets)
    assert str(caught.value) == line
    assert not (tmp_path / "runs").exists()


def test_an_encoder_that_needs_images_is_named_with_those_that_run(tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path / "corpus")
    looks = EncoderSpec("looks[wide=true]", "m:L", "h", "c", {"wide": True}, needs=(Need("images", {"wide": True}),))
    reads = EncoderSpec("reads", "m:R", "h", "c", needs=("users",))
    options = {("encoder", spec.name): spec.defaults for spec in (looks, reads)}
    with pytest.raises(BenchError) as caught:
        check_needs(corpus, "text", [looks, reads], options)
    assert str(caught.value) == (
        "--encoder: looks[wide=true] cannot run on text: it has no image vectors (what runs: --encoder reads)"
    )
    check_needs(corpus, "text", [looks, reads], {**options, ("encoder", looks.name): {"wide": False}})


@pytest.mark.parametrize(
    ("option", "said"), [("", "no session"), ("clicks=downstream", "no downstream session")], ids=["all", "downstream"]
)
def test_an_encoder_that_learns_from_clicks_names_a_log_without_any(option: str, said: str, tmp_path: Path) -> None:
    corpus = variant_corpus(tmp_path / "corpus", "nothing clicked")
    with pytest.raises(BenchError) as caught:
        plan(corpus, tmp_path / "runs", "suggest", "lstm", "muvcog-plus", baselines=("ffn",), sets=option)
    assert str(caught.value) == (
        f"--encoder: muvcog-plus cannot run on small: {said} of its train split has a click "
        "(what runs: --encoder vanilla,lstm)"
    )


def test_a_model_that_learns_what_goes_together_names_a_log_in_which_nothing_does(tmp_path: Path) -> None:
    corpus = variant_corpus(tmp_path / "corpus", "a click a session", sessions=80)
    mode = "transearch.mode=double"
    with pytest.raises(BenchError, match="transearch cannot run on small: in no downstream session of its train split"):
        plan(corpus, tmp_path / "runs", "ctr", "lstm", baselines=("transearch", "bm25"), sets=mode)
    assert plan(corpus, tmp_path / "runs", "ctr", "lstm", baselines=("transearch", "bm25")).cells


def test_a_batch_in_which_nothing_was_clicked_teaches_nothing(tmp_path: Path) -> None:
    """A log may have few clicks; the loss of such a batch was no number, and ended the pretraining."""
    corpus = variant_corpus(tmp_path / "corpus", "few clicked")
    made = plan(
        corpus,
        tmp_path / "runs",
        "suggest",
        "muvcog-plus",
        baselines=("ffn",),
        sets="muvcog-plus.steps=12 batch_size=2 validate_every=4",
    )
    record = perform(made.cells[1].jobs[0], Store(tmp_path / "runs"))
    assert record["status"] == "done", record.get("error")


@pytest.mark.parametrize("baseline", ["transearch", "alstp", "hscm", "bm25", "popularity"])
def test_a_baseline_runs_without_images(baseline: str, tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path / "corpus")
    made = plan(corpus, tmp_path / "runs", "ctr", "vanilla", baselines=(baseline,), sets="ctr.epochs=1")
    record = perform(made.cells[0].jobs[-1], Store(tmp_path / "runs"))
    assert record["status"] == "done", record.get("error")


@pytest.mark.parametrize("encoder", ["muvcog-m", "muvcog-plus", "meanpool", "lstm"])
def test_an_encoder_runs_without_images(encoder: str, tmp_path: Path) -> None:
    corpus = text_corpus(tmp_path / "corpus")
    sets = "ctr.epochs=1" + (" steps=2 validate_every=1" if encoder.startswith("muvcog") else "")
    made = plan(corpus, tmp_path / "runs", "ctr", encoder, baselines=("transearch",), sets=sets)
    for job in made.cells[1].jobs:
        record = perform(job, Store(tmp_path / "runs"))
        assert record["status"] == "done", record.get("error")


def test_a_simulated_corpus_lacks_nothing_and_an_ordinary_one_the_truth(tmp_path: Path) -> None:
    assert set(_LACKS) == set(NEEDS)

    def lacking(corpus: Corpus) -> set[str]:
        return {name for name, lacks in _LACKS.items() if lacks(corpus) is not None}

    assert lacking(random_corpus(tmp_path / "corpus", sessions=60)) == {"truth", "domain labels"}  # of one domain
    make(tmp_path / "beauty", name="beauty", sessions=100, downstream=100)
    assert lacking(Corpus(tmp_path / "beauty")) == {"labels", "category labels", "domain labels"}  # one leaf


def test_a_need_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BenchError, match="no need is called 'image'"):
        EncoderSpec("a", "m:A", "h", "c", needs=("image",))
    with pytest.raises(BenchError, match="depends on 'mode', which is no option"):
        EncoderSpec("a", "m:A", "h", "c", needs=(Need("images", {"mode": "vis"}),))


def test_a_million_seeds_are_a_slip_of_the_finger(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=20)
    with pytest.raises(BenchError, match=r"--seeds: 1,000,000 seeds \(1 to 1,000"):
        make_plan(RunRequest("ctr", ["lstm"], [], [str(corpus.folder)], 1_000_000), registry(), Store(tmp_path))
    assert MOST_SEEDS == 1000
