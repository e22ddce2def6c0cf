"""BERT features: masked words are predicted from their neighbours, a loaded encoder is the one that was saved, and a
local model is used as transformers itself would use it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted_words import grouped_corpus

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.errors import BenchError
from bench.runs.work import load_encoder
from bench.testing.sessions import batch_of, random_features, random_steps
from bench.training.context import TrainingContext
from encoders.bert.masked_words import MaskedWords
from encoders.bert.model import BertFeatures
from encoders.bert.tokens import MASK, SEPARATOR, UNKNOWN

PAIRS = 10
SMALL: dict[str, Any] = {"width": 32, "layers": 1, "heads": 4, "feedforward": 32, "max_length": 32}
QUICK: dict[str, Any] = {**SMALL, "steps": 150, "batch_size": 64, "learning_rate": 0.005, "validate_every": 50}
TEXT = ["red", "shoes", "unaffable", "long", "dress", "\u00ad", "silk", "blue", "zzz", "coat", "never"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return grouped_corpus(tmp_path_factory.mktemp("pairs") / "corpus", groups=PAIRS, per_query=1)


@pytest.fixture(scope="module")
def trained(corpus: Corpus) -> tuple[BertFeatures, TrainingContext]:
    context = TrainingContext(corpus, 0)
    torch.manual_seed(0)
    encoder = BertFeatures(context.features.dims, **QUICK)
    encoder.pretrain(context)
    return encoder.eval(), context


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as one downloads it: weights in safetensors, a WordPiece tokenizer."""
    import transformers

    folder = tmp_path_factory.mktemp("model")
    pieces = ["[PAD]", "x", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "shoes", "un", "##aff", "##able", "long"]
    (folder / "vocab.txt").write_text("\n".join([*pieces, "dress", "silk", "blue", "coat"]) + "\n")
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=12,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=8,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    transformers.BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


def vectors_of(encoder: BertFeatures, batch: SessionBatch) -> torch.Tensor:
    with torch.no_grad():
        return encoder(batch)


def test_masked_words_are_predicted_far_better_than_by_frequency(trained: tuple[BertFeatures, TrainingContext]) -> None:
    _, context = trained
    words = SessionBatch.from_sessions(context.corpus, context.validation_sessions(), context.features).words
    unigram = float(torch.bincount(words).max()) / len(words)
    assert unigram < 0.08
    accuracies = [row["valid_accuracy"] for row in context.curve]
    assert max(accuracies) > 5 * unigram
    assert not context.warnings


def test_predicting_no_more_than_the_most_frequent_word_is_a_plateau(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    BertFeatures(context.features.dims, **{**QUICK, "steps": 1}).pretrain(context)
    assert len(context.warnings) == 1
    assert "plateau" in context.warnings[0]


def test_masked_words_are_hidden_from_the_model(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    encoder = BertFeatures(context.features.dims, **{**QUICK, "steps": 1})
    encoder.pretrain(context)
    model, seen = MaskedWords(encoder, context, frequent=0.1), []
    encoder.hidden = lambda tokens: seen.append(tokens) or torch.zeros(len(tokens.ids), 32)  # type: ignore
    rows = context.training_sessions()
    _, words = model.predicted(rows, torch.Generator().manual_seed(0))
    before = encoder.tokens(context.sessions(rows))
    shown, true = seen[0].ids, before.ids
    changed = shown != true
    assert set(true[changed].tolist()) <= set(range(MASK + 1, len(model.bias)))
    assert len(words) / len(before.word_row) == pytest.approx(0.15, abs=0.02)
    assert float((shown == MASK).sum()) / len(words) == pytest.approx(0.8, abs=0.05)
    assert 0 < int((changed & (shown != MASK)).sum()) < 0.2 * len(words)


def test_the_vector_is_the_mean_of_the_last_layer_over_the_words(
    trained: tuple[BertFeatures, TrainingContext],
) -> None:
    encoder, context = trained
    batch = SessionBatch.from_sessions(context.corpus, np.arange(40), context.features)
    found = vectors_of(encoder, batch)
    for session in range(40):
        steps = torch.nonzero(batch.step_session == session).squeeze(1).tolist()
        ids, kinds, is_word = [2], [0], [False]
        for step in steps:
            said = encoder.pieces[batch.words[batch.word_step == step]].tolist()
            ids += [*said, SEPARATOR]
            kinds += [int(batch.step_kind[step])] * (len(said) + 1)
            is_word += [True] * len(said) + [False]
        with torch.no_grad():
            out = encoder.bert(torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).last_hidden_state[0]
        expected = torch.cat([out[torch.tensor(is_word)].mean(0), batch.mean_images()[session]])
        torch.testing.assert_close(found[session], expected, atol=1e-5, rtol=1e-5)


def test_only_the_latest_words_are_read(trained: tuple[BertFeatures, TrainingContext]) -> None:
    encoder, context = trained
    session = random_steps(60, seed=1)
    session = [(kind, [word % 20 for word in words], None) for kind, words, _ in session]
    features = Features(context.features.word_vectors, context.corpus.image_vectors)
    encoder.max_length, whole = 12, encoder.max_length
    try:
        vectors = [vectors_of(encoder, batch_of(features, [some])) for some in (session, session[-12:], session[-2:])]
    finally:
        encoder.max_length = whole
    torch.testing.assert_close(vectors[0], vectors[1], atol=1e-5, rtol=1e-5)
    assert (vectors[0] - vectors[2]).abs().max() > 1e-3


def test_a_loaded_encoder_gives_the_same_vectors(trained: tuple[BertFeatures, TrainingContext], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    encoder, context = trained
    batch = SessionBatch.from_sessions(context.corpus, np.arange(40), context.features)
    save_file(encoder.state_dict(), tmp_path / "weights")
    config = {"encoder": {"target": "encoders.bert.model:BertFeatures", "options": QUICK}}
    loaded = load_encoder(config, context.features.dims, tmp_path / "weights")
    torch.testing.assert_close(vectors_of(loaded, batch), vectors_of(encoder, batch), atol=0, rtol=0)


def test_rare_and_strange_words_are_unknown(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    encoder = BertFeatures(context.features.dims, **{**QUICK, "steps": 1, "min_count": 10**4})
    encoder.pretrain(context)
    assert set(encoder.pieces.tolist()) == {UNKNOWN}
    encoder = BertFeatures(context.features.dims, **{**QUICK, "steps": 1})
    encoder.pretrain(context)
    assert encoder.pieces[-2:].tolist() == [UNKNOWN, UNKNOWN], "never said; not in the vocabulary"
    assert len(set(encoder.pieces[:-2].tolist())) == 2 * PAIRS
    features = random_features(Dims(8, 12))
    vectors = [vectors_of(encoder, batch_of(features, [[(0, [word], None)]])) for word in (2 * PAIRS, 29)]
    torch.testing.assert_close(vectors[0], vectors[1], atol=0, rtol=0)


def test_a_local_model_is_used_as_transformers_would(local: Path, tmp_path: Path) -> None:
    import transformers

    corpus = grouped_corpus(tmp_path / "corpus", sessions=30, groups=5, words=TEXT)
    context = TrainingContext(corpus, 0)
    encoder = BertFeatures(context.features.dims, path=str(local)).eval()
    encoder.pretrain(context)
    model = transformers.BertModel.from_pretrained(local).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(local)
    batch = SessionBatch.from_sessions(corpus, np.arange(30), context.features)
    found = vectors_of(encoder, batch)
    assert encoder.output_dim == 12 + 12
    assert encoder.pieces[encoder.piece_offsets[2] : encoder.piece_offsets[3]].tolist() == [8, 9, 10], "un ##aff ##able"
    for session in range(30):
        ids, kinds, owner = [3], [0], [-1]
        for step in torch.nonzero(batch.step_session == session).squeeze(1).tolist():
            for number, word in enumerate(batch.words[batch.word_step == step].tolist()):
                pieces = tokenizer(TEXT[word], add_special_tokens=False)["input_ids"] or [tokenizer.unk_token_id]
                ids += pieces
                owner += [100 * step + number] * len(pieces)
            ids, owner = [*ids, 4], [*owner, -1]
            kinds += [int(batch.step_kind[step])] * (len(ids) - len(kinds))
        with torch.no_grad():
            out = model(torch.tensor([ids]), token_type_ids=torch.tensor([kinds])).last_hidden_state[0]
        words = [out[torch.tensor(owner) == word].mean(0) for word in sorted(set(owner) - {-1})]
        torch.testing.assert_close(found[session, :12], torch.stack(words).mean(0), atol=1e-5, rtol=1e-5)
    loaded = BertFeatures(context.features.dims, path=str(local)).eval()
    loaded.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(vectors_of(loaded, batch), found, atol=0, rtol=0)


def test_what_cannot_be_done_is_one_line(local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = grouped_corpus(tmp_path / "corpus", sessions=30, groups=5, words=TEXT)
    with pytest.raises(BenchError, match="option path"):
        BertFeatures(Dims(), path=str(tmp_path / "nowhere"))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (pickled / name).write_bytes((local / name).read_bytes())
    torch.save({}, pickled / "pytorch_model.bin")
    context = TrainingContext(corpus, 0)
    with pytest.raises(BenchError, match="option path"):
        BertFeatures(context.features.dims, path=str(pickled)).pretrain(context)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BenchError, match=r"pip install .session-bench\[text\]"):
        BertFeatures(Dims())
