"""The flat transformer is what its docstring says: against one session at a time, token by token, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench.data.features import Dims
from bench.data.schema import KEYWORD, PRODUCT
from bench.errors import BenchError
from bench.testing.sessions import Step, batch_of, random_features, random_steps
from encoders.sequences import TokenSequences, merged_by_step
from encoders.transformer import TransformerEncoder

DIMS = Dims(8, 12)
FEATURES = random_features(DIMS)
SESSIONS: list[list[Step]] = [
    [],
    *(random_steps(steps, seed=steps) for steps in range(1, 20)),
    [(PRODUCT, [], 3), (KEYWORD, [1, 1, 2], None)],
    random_steps(200),
    *(random_steps(3, seed=seed) for seed in range(20)),
]


def built(**options: object) -> TransformerEncoder:
    torch.manual_seed(2)
    given = {"output_dim": 8, "layers": 2, "heads": 2, "feedforward": 10, "max_length": 24, "image_dim": 3, **options}
    encoder = TransformerEncoder(DIMS, **given).eval()  # type: ignore[arg-type]
    for parameter in encoder.parameters():  # biases and scales must count
        torch.nn.init.uniform_(parameter, -0.7, 0.7)
    return encoder


class Restatement:
    """Tokens and layers of one session after the other, with plain loops."""

    def __init__(self, encoder: TransformerEncoder) -> None:
        self.encoder = encoder
        self.w = {name: value.double().numpy() for name, value in encoder.state_dict().items()}

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        scaled = (x - x.mean()) / math.sqrt(x.var() + 1e-5)
        return scaled * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def tokens(self, session: list[Step]) -> list[np.ndarray]:
        found = []
        for kind, words, picture in session:
            step = [self.linear("project_word", FEATURES.word_vectors[word].double().numpy()) for word in words]
            if picture is not None and "project_image.weight" in self.w:
                vector = FEATURES.images(torch.tensor([picture]))[0].double().numpy()
                step.append(self.linear("project_image", vector))
            step.append(self.w["separator"])
            found += [token + self.w["kind"][kind] for token in step]
        found = found[max(0, len(found) - (self.encoder.max_length - 1)) :]
        found = [token + self.w["position"][len(found) - 1 - place] for place, token in enumerate(found)]
        return [self.w["leading"], *found]

    def layer(self, name: str, tokens: list[np.ndarray]) -> list[np.ndarray]:
        heads, width = 2, 4
        normed = [self.norm(f"{name}.norm_attention", token) for token in tokens]
        query = [self.linear(f"{name}.query", token) for token in normed]
        both = [self.linear(f"{name}.key_value", token) for token in normed]
        out = []
        for place, token in enumerate(tokens):
            drawn = []
            for head in range(heads):
                part = slice(head * width, (head + 1) * width)
                logits = np.array([query[place][part] @ kv[:8][part] / math.sqrt(width) for kv in both])
                share = np.exp(logits - logits.max())
                drawn.append(sum(s * kv[8:][part] for s, kv in zip(share / share.sum(), both, strict=True)))
            token = token + self.linear(f"{name}.joined", np.concatenate(drawn))
            wide = np.maximum(self.linear(f"{name}.widen", self.norm(f"{name}.norm_feedforward", token)), 0)
            out.append(token + self.linear(f"{name}.narrow", wide))
        return out

    def __call__(self, session: list[Step]) -> np.ndarray:
        tokens = self.tokens(session)
        for layer in range(2):
            tokens = self.layer(f"layers.{layer}", tokens)
        normed = [self.norm("norm", token) for token in tokens]
        return normed[0] if self.encoder.readout == "cls" else np.mean(normed, axis=0)


@pytest.mark.parametrize("readout", ["cls", "mean"])
@pytest.mark.parametrize("images", ["steps", "none"])
def test_it_is_attention_over_the_tokens_of_one_session(readout: str, images: str) -> None:
    encoder = built(readout=readout, images=images)
    with torch.no_grad():
        found = encoder(batch_of(FEATURES, SESSIONS)).numpy()
    plain = Restatement(encoder)
    np.testing.assert_allclose(found, [plain(session) for session in SESSIONS], atol=2e-5)


def test_gradients_are_those_of_each_session_alone() -> None:
    encoder = built(dropout=0.0).train()
    weights = torch.linspace(-1, 1, 8)
    (encoder(batch_of(FEATURES, SESSIONS)) @ weights).sum().backward()
    together = {name: parameter.grad.clone() for name, parameter in encoder.named_parameters()}
    encoder.zero_grad()
    for session in SESSIONS:
        (encoder(batch_of(FEATURES, [session])) @ weights).sum().backward()
    for name, parameter in encoder.named_parameters():
        torch.testing.assert_close(together[name], parameter.grad, atol=1e-3, rtol=1e-4)


def test_dropout_is_for_training_only() -> None:
    encoder, batch = built(dropout=0.5), batch_of(FEATURES, SESSIONS)
    with torch.no_grad():
        torch.testing.assert_close(encoder(batch), encoder(batch), atol=0, rtol=0)
        assert (encoder.train()(batch) != encoder(batch)).any()


def test_pooled_images_stand_beside_the_text() -> None:
    encoder, text = built(images="pooled"), built(images="none")
    text.load_state_dict({name: value for name, value in encoder.state_dict().items() if "pooled" not in name})
    batch = batch_of(FEATURES, SESSIONS)
    with torch.no_grad():
        found = encoder(batch)
        torch.testing.assert_close(found[:, :8], text(batch), atol=0, rtol=0)
        assert encoder.pooled is not None
        assert encoder.pooled.project is not None
        torch.testing.assert_close(found[:, 8:], encoder.pooled.project(batch.mean_images()), atol=0, rtol=0)
    assert found.shape[1] == encoder.output_dim == 11
    assert built(images="pooled", image_dim=0).output_dim == 8 + DIMS.images


def test_only_the_textual_variant_is_blind_to_images() -> None:
    session: list[Step] = [(KEYWORD, [1, 2], None), (PRODUCT, [3], 4), (PRODUCT, [3], 5)]
    other: list[Step] = [(kind, words, None if at is None else at + 6) for kind, words, at in session]
    torch.manual_seed(0)
    differs = {}
    for kind in ("steps", "none", "pooled"):
        encoder = TransformerEncoder(DIMS, images=kind).eval()
        with torch.no_grad():
            vectors = [encoder(batch_of(FEATURES, [some])) for some in (session, other)]
        differs[kind] = bool((vectors[0] != vectors[1]).any())
    assert differs == {"steps": True, "none": False, "pooled": True}


def test_sessions_of_a_bucket_are_alike_so_that_little_is_padded() -> None:
    rng = np.random.default_rng(0)
    lengths = np.minimum(rng.geometric(1 / 30, 256), 150)
    session = torch.from_numpy(np.repeat(np.arange(256), lengths))
    sequences = TokenSequences.of(session, 256, 128)
    assert int(sequences.is_token.sum()) == np.minimum(lengths, 127).sum() + 256
    assert len(sequences.is_token) < 1.25 * int(sequences.is_token.sum())
    assert len(torch.cat([sequences.row, sequences.first]).unique()) == int(sequences.is_token.sum())


def test_tokens_of_several_sorts_are_merged_step_by_step() -> None:
    words, images = torch.tensor([0, 0, 2, 2, 2]), torch.tensor([1, 2])
    places = merged_by_step([words, images, torch.arange(4)], 4)
    merged = [""] * 11
    for sort, found in zip("wis", places, strict=True):
        for number, place in enumerate(found.tolist()):
            merged[place] = f"{sort}{number}"
    assert merged == ["w0", "w1", "s0", "i0", "s1", "w2", "w3", "w4", "i1", "s2", "s3"]


@pytest.mark.parametrize("options", [{"readout": "max"}, {"heads": 3}, {"images": "all"}, {"max_length": 1}])
def test_options_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(BenchError):
        TransformerEncoder(DIMS, **options)
