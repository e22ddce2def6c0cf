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
        vectors = encoder(actions.prefixes).double().numpy()
    state = {name: value.double().numpy() for name, value in encoder.state_dict().items()}

    def head(name: str, rows: np.ndarray) -> np.ndarray:
        out = rows @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)  # an item without anything

    scale = float(np.exp(state["log_scale"]))
    item = np.concatenate([actions.item_text.numpy(), actions.item_images.numpy()], 1).astype(float)
    left, right, items = head("to_item", vectors), head("item", item), actions.items.tolist()
    expected, size = 0.0, len(items)
    for one, other in ((left, right), (right, left)):
        for i in range(size):
            against = [j for j in range(size) if j == i or items[j] != items[i]]
            logits = [scale * float(one[i] @ other[j]) for j in against]
            expected += (np.logaddexp.reduce(logits) - logits[against.index(i)]) / size / 2
    known = np.flatnonzero(actions.has_next.numpy())
    left, right = head("to_next", vectors)[known], head("query", actions.next_text.double().numpy())[known]
    for i in range(len(known)):
        logits = [scale * float(left[i] @ right[j]) for j in range(len(known))]
        expected += 0.7 * (np.logaddexp.reduce(logits) - logits[i]) / len(known)
    assert found == pytest.approx(expected, abs=1e-4)
    assert len(set(items)) < size, "some clicked the same item, and are no negatives of each other"


def test_the_last_step_stands_beside_the_session(corpus: Corpus) -> None:
    encoder, _, features = build(corpus, last_step=True)
    batch = SessionBatch.from_sessions(corpus, np.arange(60), features)
    alone = SessionBatch.from_sessions(corpus, np.arange(60), features).without_steps(
        batch.step_position != (batch.num_steps - 1)[batch.step_session]
    )
    with torch.no_grad():
        vectors, last = encoder(batch), encoder(alone)
    assert vectors.shape == (60, 16)
    torch.testing.assert_close(vectors[:, 8:], last[:, :8])
    torch.testing.assert_close(last[:, :8], last[:, 8:])
    without, _, _ = build(corpus)
    assert without.output_dim == 8


def sessions_drawn(corpus: Corpus, **options: object) -> list[np.ndarray]:
    """The sessions whose clicks are targets, a row of each for each call: training, then validation, by turns."""
    encoder, _, _ = build(corpus, steps=6, batch_size=16, validate_every=1, **options)
    drawn: list[np.ndarray] = []
    original = ClickedPrefixes.draw

    def spy(self: ClickedPrefixes, sessions: np.ndarray, draws: torch.Generator) -> object:
        drawn.append(sessions)
        return original(self, sessions, draws)

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
