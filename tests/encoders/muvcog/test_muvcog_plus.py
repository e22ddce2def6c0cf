"""muvcog-plus: its targets are what followed a prefix and nothing else, its loss is InfoNCE, and it learns a plant."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_corpora import Altered, random_corpus

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.errors import BenchError
from bench.training.context import TrainingContext
from bench.training.ranks import Share
from encoders.muvcog.next_actions import ClickedPrefixes
from encoders.muvcog.plus import MuvcogPlus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=60, image_share=0.5)


def build(corpus: Corpus, **options: object) -> tuple[MuvcogPlus, ClickedPrefixes, Features]:
    torch.manual_seed(0)
    features = Features.of(corpus)
    encoder = MuvcogPlus(features.dims, view_dim=4, head_dim=6, **options)  # type: ignore[arg-type]
    return encoder, ClickedPrefixes(corpus, features), features


def test_a_prefix_ends_with_the_query_that_the_click_followed(corpus: Corpus) -> None:
    _, prefixes, features = build(corpus)
    columns = corpus.columns
    clicks: dict[int, list[tuple[int, int]]] = {}
    for row in np.flatnonzero(columns.impression_clicked).tolist():
        query = int(np.searchsorted(columns.query_impressions, row, side="right")) - 1
        session = int(columns.query_session[query])
        clicks.setdefault(session, []).append((query, int(columns.impression_item[row])))
    sessions = prefixes.with_clicks(np.arange(60))
    assert sessions.tolist() == sorted(clicks)

    seen: set[tuple[int, int, int]] = set()
    draws = torch.Generator().manual_seed(0)
    for _ in range(60):
        actions = prefixes.draw(sessions, draws)
        ends = actions.prefixes.num_steps.tolist()
        for place, session in enumerate(sessions.tolist()):
            query = int(columns.session_queries[session]) + ends[place] - 1
            item = int(actions.items[place])
            assert (query, item) in clicks[session]
            seen.add((session, query, item))
            words = columns.item_words[columns.item_word_offsets[item] : columns.item_word_offsets[item + 1]]
            title = features.word_vectors[torch.from_numpy(words.astype(np.int64))]
            expected = title.mean(0) if len(words) else torch.zeros(features.dims.words)
            torch.testing.assert_close(actions.item_text[place], expected)
            following = query + 1 < columns.session_queries[session + 1]
            if not following:
                assert not bool(actions.has_next[place])
    assert seen == {(s, q, i) for s, found in clicks.items() for q, i in found}, "every click is drawn at some time"


def test_the_next_query_is_the_next_step_of_the_same_session(corpus: Corpus) -> None:
    _, prefixes, features = build(corpus)
    columns = corpus.columns
    sessions = prefixes.with_clicks(np.arange(60))
    actions = prefixes.draw(sessions, torch.Generator().manual_seed(1))
    known = 0
    for place, session in enumerate(sessions.tolist()):
        query = int(columns.session_queries[session]) + int(actions.prefixes.num_steps[place]) - 1
        if not bool(actions.has_next[place]):
            continue
        known += 1
        assert columns.query_session[query + 1] == session
        words = columns.query_words[columns.query_word_offsets[query + 1] : columns.query_word_offsets[query + 2]]
        expected = features.word_vectors[torch.from_numpy(words.astype(np.int64))].mean(0)
        torch.testing.assert_close(actions.next_text[place], expected)
    assert known > 5


def test_loss_is_infonce_restated(corpus: Corpus) -> None:
    encoder, prefixes, _ = build(corpus, next_query=0.7)
    actions = prefixes.draw(prefixes.with_clicks(np.arange(60)), torch.Generator().manual_seed(2))
    with torch.no_grad():
        found = float(encoder.loss(actions))
        parts = encoder(actions.prefixes)[:, : -encoder.options.head_dim].double().numpy()
    state = {name: value.double().numpy() for name, value in encoder.state_dict().items()}

    def head(name: str, rows: np.ndarray) -> np.ndarray:
        out = rows @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)  # an item without anything

    scale = float(np.exp(state["log_scale"]))
    item = np.concatenate([actions.item_text.numpy(), actions.item_images.numpy()], 1).astype(float)
    left, right, items = head("to_item", parts), head("item", item), actions.items.tolist()
    expected, size = 0.0, len(items)
    for one, other in ((left, right), (right, left)):
        for i in range(size):
            against = [j for j in range(size) if j == i or items[j] != items[i]]
            logits = [scale * float(one[i] @ other[j]) for j in against]
            expected += (np.logaddexp.reduce(logits) - logits[against.index(i)]) / size / 2
    known = np.flatnonzero(actions.has_next.numpy())
    left, right = head("to_next", parts)[known], head("query", actions.next_text.double().numpy())[known]
    for i in range(len(known)):
        logits = [scale * float(left[i] @ right[j]) for j in range(len(known))]
        expected += 0.7 * (np.logaddexp.reduce(logits) - logits[i]) / len(known)
    assert found == pytest.approx(expected, abs=1e-4)
    assert len(set(items)) < size, "some clicked the same item, and are no negatives of each other"


def test_the_last_step_stands_beside_the_session(corpus: Corpus) -> None:
    encoder, _, features = build(corpus, last_step=True, means_dim=0, aim=False)
    batch = SessionBatch.from_sessions(corpus, np.arange(60), features)
    alone = SessionBatch.from_sessions(corpus, np.arange(60), features).without_steps(
        batch.step_position != (batch.num_steps - 1)[batch.step_session]
    )
    with torch.no_grad():
        vectors, last = encoder(batch), encoder(alone)
    assert vectors.shape == (60, 16)
    torch.testing.assert_close(vectors[:, 8:], last[:, :8])
    torch.testing.assert_close(last[:, :8], last[:, 8:])
    without, _, _ = build(corpus, means_dim=0, aim=False)
    assert without.output_dim == 8


def test_typed_means_and_the_aim_restated_session_by_session(corpus: Corpus) -> None:
    encoder, _, features = build(corpus, means_dim=5)
    assert encoder.means is not None
    encoder.means.fit_scale(TrainingContext(corpus, 0))
    batch = SessionBatch.from_sessions(corpus, np.arange(60), features)
    with torch.no_grad():
        found = encoder(batch)
    columns, words, images = corpus.columns, features.word_vectors.double(), features.dims.images
    state = {name: value.double() for name, value in encoder.state_dict().items()}

    def mean(rows: list[torch.Tensor], width: int) -> torch.Tensor:
        return torch.stack(rows).mean(0) if rows else torch.zeros(width, dtype=torch.float64)

    def shown(query: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        of_query = columns.query_words[columns.query_word_offsets[query] : columns.query_word_offsets[query + 1]]
        image = int(columns.query_image[query])
        of_image = features.images(torch.tensor([image])).double()[0] if image >= 0 else None
        return [words[int(w)] for w in of_query], [] if of_image is None else [of_image]

    for session in range(60):
        queries = range(columns.session_queries[session], columns.session_queries[session + 1])
        texts: dict[int, list[torch.Tensor]] = {0: [], 1: []}
        pictures: list[torch.Tensor] = []
        for query in queries:
            text, picture = shown(query)
            texts[int(columns.query_kind[query])] += text
            pictures += picture
        text, picture = shown(queries[-1])
        kinds = ((texts[0], words.shape[1]), (texts[1], words.shape[1]), (pictures, images), (text, words.shape[1]))
        m = torch.cat([*(mean(rows, width) for rows, width in kinds), mean(picture, images)])
        mapped = state["means.project.weight"] @ (m * state["means.scale"]) + state["means.project.bias"]
        torch.testing.assert_close(found[session, 8:13].double(), mapped, atol=1e-4, rtol=1e-4)
        aim = state["to_item.weight"] @ found[session, :13].double() + state["to_item.bias"]
        torch.testing.assert_close(found[session, 13:].double(), aim, atol=1e-4, rtol=1e-4)


def test_scales_come_from_training_sessions_alone_and_make_kinds_equal(corpus: Corpus) -> None:
    encoder, _, features = build(corpus)
    assert encoder.means is not None
    encoder.means.fit_scale(TrainingContext(corpus, 0))
    train = np.isin(corpus.columns.query_session, corpus.session_rows("train"))
    prefixes = SessionBatch.from_prefixes(corpus, np.flatnonzero(train), features)
    scaled = encoder.means._means(prefixes) * encoder.means.scale
    words, images = features.dims.words, features.dims.images
    for kind in scaled.split((words, words, images, words, images), dim=1):
        assert float(kind.square().sum(1).mean()) == pytest.approx(1, abs=1e-4)


def test_a_vector_holds_the_parts_that_are_asked_for(corpus: Corpus) -> None:
    widths = {
        (): 8 + 64 + 6,
        (("graph", False),): 64 + 6,
        (("aim", False), ("means_dim", 3)): 8 + 3,
        (("aim", False), ("graph", False), ("means_dim", 3)): 3,
    }
    for options, width in widths.items():
        encoder, _, features = build(corpus, **dict(options))
        with torch.no_grad():
            assert encoder(SessionBatch.from_sessions(corpus, np.arange(60), features)).shape == (60, width)
        assert encoder.output_dim == width
    with pytest.raises(BenchError, match="leave nothing to encode"):
        build(corpus, graph=False, means_dim=0)
    with pytest.raises(BenchError, match="last_step is of the graph"):
        build(corpus, graph=False, last_step=True)


def sessions_drawn(corpus: Corpus, **options: object) -> list[np.ndarray]:
    """The sessions whose clicks are targets, a row of each for each call: training, then validation, by turns."""
    encoder, _, _ = build(corpus, steps=6, batch_size=16, validate_every=1, **options)
    drawn: list[np.ndarray] = []
    original = ClickedPrefixes.draw

    def spy(self: ClickedPrefixes, sessions: np.ndarray, draws: torch.Generator, share: Share | None) -> object:
        drawn.append(sessions)
        return original(self, sessions, draws, share)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClickedPrefixes, "draw", spy)
        encoder.pretrain(TrainingContext(corpus, 0))
    assert len(drawn) == 12
    return drawn


def test_clicks_of_test_sessions_teach_nothing(corpus: Corpus) -> None:
    drawn = np.concatenate(sessions_drawn(corpus))
    assert not set(drawn.tolist()) & set(corpus.session_rows("test").tolist())


def test_targets_are_clicks_of_all_training_sessions_or_of_the_downstream_sample_alone(corpus: Corpus) -> None:
    sampled = Altered(corpus, session_downstream=np.arange(60) % 2 == 0)
    for clicks, downstream in (("training", None), ("downstream", True)):
        drawn = sessions_drawn(sampled, clicks=clicks)
        for split, calls in (("train", drawn[::2]), ("valid", drawn[1::2])):
            assert set(np.concatenate(calls).tolist()) == set(sampled.session_rows(split, downstream).tolist())


def test_a_sample_without_training_sessions_is_one_line(corpus: Corpus) -> None:
    none = Altered(corpus, session_downstream=np.zeros(60, dtype=bool))
    encoder, _, _ = build(corpus, clicks="downstream")
    with pytest.raises(BenchError, match="no training sessions in the downstream sample to pretrain on"):
        encoder.pretrain(TrainingContext(none, 0))
