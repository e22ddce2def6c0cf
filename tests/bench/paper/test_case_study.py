"""Figure 6: the case follows from the data alone, items enter as one-step product sessions, distances are those of the
definition, and an encoder that is trained along is the very one whose cell was scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.schema import PRODUCT
from bench.paper.case import choose_case, describe_steps, items_as_sessions
from bench.paper.case_study import draw_case, embed_in_plane
from bench.paper.nearness import measure_nearness, spaced_queries
from bench.paper.trained import trained_encoder
from bench.plugins.registry import registry
from bench.runs.plan import RunRequest, make_plan
from bench.runs.store import Store
from bench.runs.work import perform
from bench.training.context import TrainingContext


class MeanText(SessionEncoder):
    """Mean word vector: what it makes of an item is known."""

    def __init__(self, dims: object = None) -> None:
        super().__init__(dims)  # type: ignore[arg-type]
        self.output_dim = 8

    def forward(self, batch: SessionBatch) -> Tensor:
        return batch.mean_text()


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "small", sessions=120)


@pytest.fixture(scope="module")
def context(corpus: Corpus) -> TrainingContext:
    return TrainingContext(corpus, 0)


def test_the_case_is_the_first_test_query_that_fits(corpus: Corpus) -> None:
    case, columns = choose_case(corpus), corpus.columns
    session = columns.query_session[case.query]
    assert session in corpus.session_rows("test", downstream=True)
    first, last = columns.query_impressions[case.query : case.query + 2]
    clicked = columns.impression_clicked[first:last]
    assert case.clicked.tolist() == columns.impression_item[first:last][clicked].tolist()
    assert case.unclicked.tolist() == columns.impression_item[first:last][~clicked].tolist()
    # every query here has two clicks, so that the paper's rule fits none and the next one decides
    queries = range(columns.session_queries[0], columns.session_queries[-1])
    test = set(corpus.session_rows("test", downstream=True).tolist())
    fitting = [
        q
        for q in queries
        if columns.query_session[q] in test and columns.query_kind[q] == PRODUCT and columns.query_image[q] >= 0
    ]
    assert case.query == fitting[0]
    assert case.rule.startswith("the first test query that fits: a product query with an image")


def test_steps_are_printed_up_to_the_query_and_no_further(corpus: Corpus) -> None:
    case, columns = choose_case(corpus), corpus.columns
    steps = describe_steps(corpus, case.query)
    assert len(steps) == case.query - columns.session_queries[columns.query_session[case.query]] + 1
    assert steps[-1].startswith(f"{len(steps)} product:")
    assert steps[-1].endswith(f"+ image {columns.query_image[case.query]}")


def test_items_are_sessions_of_one_product_step_with_title_and_image(corpus: Corpus, context: TrainingContext) -> None:
    items, columns = np.array([5, 0, 5, 7]), corpus.columns
    batch = items_as_sessions(corpus, items, context.features)
    assert len(batch) == 4
    assert batch.step_session.tolist() == [0, 1, 2, 3]
    assert batch.step_kind.tolist() == [PRODUCT] * 4
    for place, item in enumerate(items):
        words = columns.item_words[columns.item_word_offsets[item] : columns.item_word_offsets[item + 1]]
        assert batch.words[batch.word_step == place].tolist() == words.tolist()
        assert batch.images[batch.image_step == place].tolist() == [columns.item_image[item]]


def test_distances_are_those_of_the_definition(corpus: Corpus, context: TrainingContext) -> None:
    case, encoder = choose_case(corpus), MeanText(context.features.dims)
    near = measure_nearness(encoder, case, context)
    queries = spaced_queries(corpus, 300)
    sessions = encoder(SessionBatch.from_prefixes(corpus, queries, context.features)).numpy()
    own = encoder(SessionBatch.from_prefixes(corpus, np.array([case.query]), context.features)).numpy()
    item = encoder(items_as_sessions(corpus, case.clicked[:1], context.features)).numpy()
    scale = sessions.std(0)
    apart = np.linalg.norm((sessions - np.roll(sessions, 1, axis=0)) / scale, axis=1).mean()
    assert near.to_clicked[0] == pytest.approx(np.linalg.norm((item - own) / scale) / apart, rel=1e-4)
    assert len(near.to_clicked) == len(near.clicked) == len(case.clicked)
    assert near.queries == len(queries)
    assert near.gap.low <= near.gap.delta <= near.gap.high
    assert 0 <= near.nearer <= 1
    # clicks in this corpus are drawn at random, so that no encoder can be nearer to what was clicked
    assert near.gap.low < 0 < near.gap.high


def test_maps_are_the_same_every_time_and_the_figure_shows_all_points(corpus: Corpus, context: TrainingContext) -> None:
    case = choose_case(corpus)
    near = measure_nearness(MeanText(context.features.dims), case, context)
    vectors = np.concatenate([near.session[None], near.clicked, near.unclicked])
    assert np.array_equal(embed_in_plane(vectors, 0), embed_in_plane(vectors, 0))
    drawing = draw_case(case, describe_steps(corpus, case.query), "Small (simulated)", {"mean": near}, "transearch")
    shown = drawing.numbers["point"].value_counts()
    assert (shown["clicked"], shown["not clicked"], shown["session"]) == (2, 4, 1)
    text, panel = drawing.figure.axes
    assert text.get_title(loc="left") == "Small (simulated)"
    assert f"to clicked {near.to_clicked.mean():.2f}" in panel.get_xlabel()
    assert "a rule that knows no encoder" in drawing.caption[0]


@pytest.mark.slow
def test_an_encoder_trained_along_is_the_one_whose_cell_was_scored(corpus: Corpus, tmp_path: Path) -> None:
    store = Store(tmp_path)
    request = RunRequest("ctr", ["lstm"], ["transearch"], [str(corpus.folder)], 1, ["epochs=1"], "cpu")
    cell = next(cell for cell in make_plan(request, registry(), store).cells if cell.encoder == "lstm")
    context, threads = TrainingContext(corpus, 0), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        scored = perform(cell.jobs[-1], store)
        encoder, record = trained_encoder(cell, store, context)
        again, stored = trained_encoder(cell, store, context)
    finally:
        torch.set_num_threads(threads)
    assert scored["status"] == "done", scored
    assert record["metrics"] == scored["metrics"]
    assert stored == store.read("encoders", record["key"])
    of_cells_alone = {*store.read("cells", cell.key)} - {"key"} - {*stored}
    assert of_cells_alone <= {"pooled", "peak_memory"}  # what reads records finds its keys
    batch = SessionBatch.from_sessions(corpus, np.arange(5), context.features)
    assert torch.equal(encoder(batch), again(batch))
    untrained = type(encoder)(context.features.dims, **cell.jobs[-1].config["encoder"]["options"]).eval()
    assert not torch.allclose(encoder(batch), untrained(batch))
