"""References rank by what they say they rank by, and appear in a run once, first, and in no family.

That they look at no click they must not see and give ties exact ties, their conformance kit says.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from command_line import bench_here
from scipy.sparse import csc_matrix

from baselines.references import bm25
from baselines.references.bm25 import Bm25, title_weights
from baselines.references.popularity import WordPopularity
from baselines.references.query_words import QueryWords
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickReference
from bench.data.corpus import Corpus
from bench.data.csr import offsets_of, take_rows
from bench.data.features import Features
from bench.data.schema import TRAIN
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.plugins.specs import BaselineSpec
from bench.testing.click_corpora import awkward_corpus, click_batch, training_queries
from bench.testing.click_scores import every_query
from bench.training.context import TrainingContext
from bench.training.session_vectors import TrainedAlong
from encoders.controls import Vanilla
from tasks.examples.suggestion import NextWords, example_queries

SPECS = [registry().get("baseline", name) for name in registry().names("baseline")]
NEEDY = {
    "best-current",
    "best-prefix",
    "oracle-intent",
    "oracle",
}  # of a truth, which these corpora lack: test_ceilings
CLICKS = [s for s in SPECS if s.reference and s.task == "ctr" and s.name not in NEEDY]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return awkward_corpus(tmp_path_factory.mktemp("awkward") / "corpus")


def made(spec: BaselineSpec, corpus: Corpus) -> ClickReference:
    features = Features.of(corpus)
    reference = spec.load()(ClickDims(features.dims, 1), **spec.defaults)
    reference.prepare(ClickCorpus(corpus, features, training_queries(corpus)))
    return reference


def batch_of(corpus: Corpus) -> ClickBatch:
    return click_batch(corpus, Features.of(corpus), every_query(corpus))


# ---- each of them ----------------------------------------------------------------------------------------------------


def test_popularity_is_the_number_of_clicks_in_training_sessions(corpus: Corpus) -> None:
    columns = corpus.columns
    sessions = np.repeat(columns.query_session, np.diff(columns.query_impressions))
    frame = pd.DataFrame({"item": columns.impression_item, "clicked": columns.impression_clicked})
    counted = frame[columns.session_split[sessions] == TRAIN].groupby("item")["clicked"].sum()
    expected = counted.reindex(range(len(columns.item_image)), fill_value=0).to_numpy()
    batch = batch_of(corpus)
    found = made(next(s for s in CLICKS if s.name == "popularity"), corpus).scores(batch)
    np.testing.assert_array_equal(found, expected[batch.items])
    assert len(np.unique(found)) > 2


def test_bm25_weights_are_those_of_the_formula() -> None:
    titles = [[0, 1, 1], [1], [2, 0], [], [2, 2, 2, 3]]
    words = np.concatenate([np.array(t, dtype=np.int64) for t in titles])
    weights = title_weights(offsets_of(np.array([len(t) for t in titles])), words, 6, k1=1.2, b=0.5).toarray()
    mean = len(words) / len(titles)
    expected = np.zeros((5, 6))
    for row, title in enumerate(titles):
        for word in set(title):
            holding = sum(word in other for other in titles)
            idf = np.log(1 + (len(titles) - holding + 0.5) / (holding + 0.5))
            often = title.count(word)
            expected[row, word] = idf * often / (often + 1.2 * (0.5 + 0.5 * len(title) / mean))
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


def test_bm25_weights_are_to_the_bit_those_of_bm25s(monkeypatch: pytest.MonkeyPatch) -> None:
    from bm25s import BM25

    monkeypatch.setattr(bm25, "_TITLES", 7)
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 60)
    words, offsets = rng.integers(0, 30, lengths.sum()), offsets_of(lengths)
    weights = title_weights(offsets, words, 31, k1=1.3, b=0.6)
    index = BM25(k1=1.3, b=0.6, method="lucene", backend="numpy")
    titles = [words[start:end].tolist() for start, end in itertools.pairwise(offsets)]
    index.index((titles, {str(word): word for word in range(31)}), show_progress=False)
    by_word = index.scores
    expected = csc_matrix((by_word["data"], by_word["indices"], by_word["indptr"]), shape=(60, 31)).toarray()
    np.testing.assert_array_equal(weights.toarray(), expected)
    assert weights.dtype == expected.dtype == np.float32


def test_bm25_sums_over_the_words_of_the_query(corpus: Corpus) -> None:
    columns, batch = corpus.columns, batch_of(corpus)
    found = made(next(s for s in CLICKS if s.name == "bm25"), corpus).scores(batch).numpy()
    weights = title_weights(
        columns.item_word_offsets, columns.item_words, len(corpus.word_vectors), 1.5, 0.75
    ).toarray()
    repeated = 0
    for query in every_query(corpus):
        words, _ = take_rows(columns.query_word_offsets, columns.query_words, np.array([query]))
        repeated += len(words) > len(set(words.tolist()))
        expected = weights[batch.items[query].numpy()][:, words].sum(1) * batch.shown[query].numpy()
        np.testing.assert_allclose(found[query], expected, rtol=1e-5, atol=1e-6)
    assert repeated
    assert (found != 0).any()


def test_bm25_gives_the_same_title_the_same_score_and_a_wordless_query_none(corpus: Corpus) -> None:
    columns, batch = corpus.columns, batch_of(corpus)
    reference = made(next(s for s in CLICKS if s.name == "bm25"), corpus)
    twice = replace(batch, items=batch.items[:, :1].expand_as(batch.items))
    scores = torch.where(batch.shown, reference.scores(twice), reference.scores(twice)[:, :1])
    assert (scores == scores[:, :1]).all()
    wordless = np.flatnonzero(np.diff(columns.query_word_offsets) == 0)
    assert len(wordless)
    assert not reference.scores(batch)[wordless].any()


@pytest.mark.parametrize("options", [{"k1": -1.0}, {"b": 1.5}], ids=str)
def test_bm25_refuses_options_that_mean_nothing(corpus: Corpus, options: dict[str, float]) -> None:
    with pytest.raises(BenchError, match=r"bm25: (k1|b) must be"):
        Bm25(ClickDims(Features.of(corpus).dims, 1), **options)


def test_titles_without_a_word_rank_nothing() -> None:
    assert title_weights(np.zeros(4, np.int64), np.zeros(0, np.int64), 3, 1.5, 0.75).shape == (3, 3)


def test_words_are_ranked_by_the_current_query_and_then_by_how_often_they_are_asked(corpus: Corpus) -> None:
    train, test = (example_queries(corpus, split) for split in ("train", "test"))
    counts = torch.from_numpy(NextWords.after(corpus, train).counts(len(corpus.word_vectors)))
    popular, again = WordPopularity(len(counts)), QueryWords(len(counts))
    for reference in (popular, again):
        reference.prepare(corpus, counts, len(train))
    torch.testing.assert_close(popular.scores(test), counts.float().expand(len(test), -1))
    scores, columns = again.scores(test), corpus.columns
    for row, query in enumerate(test):
        words, _ = take_rows(columns.query_word_offsets, columns.query_words, np.array([query]))
        inside = np.bincount(words, minlength=len(counts))
        assert ((scores[row].numpy() >= 1) == (inside > 0)).all()
        order = np.lexsort((counts.numpy(), inside))
        assert (np.diff(scores[row].numpy()[order]) >= 0).all()


# ---- in a run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [s for s in SPECS if s.reference and s.name not in NEEDY], ids=lambda spec: spec.name)
def test_a_task_scores_it_like_any_other_baseline(spec: BaselineSpec, corpus: Corpus) -> None:
    context = TrainingContext(corpus, seed=0)
    task: Any = registry().get("task", spec.task).load()()
    result = task.run(corpus, spec.load(), spec.defaults, TrainedAlong(Vanilla, context), context)
    assert {"ndcg@10", "hr@10", "mrr@10"} <= set(result.scores["metric"])
    assert result.scores["value"].between(-1, 1).all()
    again = task.run(corpus, spec.load(), spec.defaults, TrainedAlong(Vanilla, context), context)
    pd.testing.assert_frame_equal(result.scores, again.scores, check_exact=True)


@pytest.mark.slow
def test_a_run_has_them_first_with_one_result_for_all_seeds_and_in_no_family(corpus: Corpus, tmp_path: Path) -> None:
    words = ["run", "--task", "suggest", "--encoder", "lstm", "--dataset", corpus.folder, "--seeds", 2]
    words += ["--set", "epochs=1", "--device", "cpu", "--out", tmp_path / "runs"]
    ran = bench_here(*words, "--json")
    assert ran.code == 0, ran.err
    systems = list(dict.fromkeys((row["baseline"], row["encoder"]) for row in ran.rows))
    assert systems[:2] == [("word-popularity", "vanilla"), ("query-words", "vanilla")]
    assert systems[2:] == [("ffn", "vanilla"), ("ffn", "lstm")]
    for row in ran.rows:
        if row["baseline"] != "ffn":
            assert row["seeds"] == 2
            assert row["std"] is None
            assert " " not in row["key"]
            assert row["p"] is row["delta"] is None
    table = bench_here(*words, "--record", tmp_path / "record")
    line = next(line for line in table.out.splitlines() if "query-words" in line)
    assert "±" not in line
