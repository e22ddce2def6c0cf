"""The LSTM is the one of its paper: against cell by cell in float64; and its ways to take images do what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.data.features import Dims
from bench.data.schema import KEYWORD, KINDS, PRODUCT
from bench.errors import BenchError
from bench.testing.sessions import Step, batch_of, random_features, random_steps
from encoders.lstm import LstmEncoder

DIMS = Dims(8, 12)
FEATURES = random_features(DIMS)
SESSIONS: list[list[Step]] = [
    random_steps(3, seed=1),
    [],
    random_steps(40, seed=2),
    [(PRODUCT, [], 3), (KEYWORD, [1, 1, 2], None)],
    random_steps(3, seed=3),
    [(KEYWORD, [], None)],
]


def built(**options: object) -> LstmEncoder:
    torch.manual_seed(1)
    return LstmEncoder(DIMS, output_dim=6, **options).eval()  # type: ignore[arg-type]


def image(row: int) -> np.ndarray:
    return FEATURES.images(torch.tensor([row]))[0].double().numpy()


def restated(encoder: LstmEncoder, session: list[Step], width: int) -> np.ndarray:
    """One session, one cell after the other."""
    state = {name: value.double() for name, value in encoder.state_dict().items()}
    inputs = encoder.lstm.input_size
    cell = torch.nn.LSTMCell(inputs, 6).double()
    cell.load_state_dict({name[:-3]: state[f"lstm.{name}"] for name in encoder.lstm.state_dict()})
    hidden, memory = torch.zeros(1, 6).double(), torch.zeros(1, 6).double()
    for kind, words, picture in session:
        text = np.zeros(DIMS.words)
        for word in words:
            text += FEATURES.word_vectors[word].double().numpy() / len(words)
        seen = np.zeros(width)
        if width and picture is not None:
            seen = state["project_image.weight"].numpy() @ image(picture)
        step = np.concatenate([text, [float(kind == k) for k in range(len(KINDS))], seen])
        hidden, memory = cell(torch.from_numpy(step).unsqueeze(0), (hidden, memory))
    return hidden[0].detach().numpy()


@pytest.mark.parametrize(("images", "width"), [("steps", 4), ("none", 0)])
def test_it_is_the_cell_applied_to_one_step_after_the_other(images: str, width: int) -> None:
    encoder = built(images=images, image_dim=4)
    with torch.no_grad():
        found = encoder(batch_of(FEATURES, SESSIONS)).numpy()
    np.testing.assert_allclose(found, [restated(encoder, s, width) for s in SESSIONS], atol=1e-6)
    assert not found[1].any()
    assert found[[0, 2, 3, 4, 5]].any(1).all()


@pytest.mark.parametrize("width", [0, 4])
def test_pooled_images_stand_beside_the_text(width: int) -> None:
    encoder, text = built(images="pooled", image_dim=width), built(images="none")
    text.lstm.load_state_dict(encoder.lstm.state_dict())
    batch = batch_of(FEATURES, SESSIONS)
    with torch.no_grad():
        found = encoder(batch)
        torch.testing.assert_close(found[:, :6], text(batch), atol=0, rtol=0)
    assert found.shape[1] == encoder.output_dim == 6 + (width or DIMS.images)
    for row, session in enumerate(SESSIONS):
        seen = [image(picture) for _, _, picture in session if picture is not None]
        mean = np.mean(seen, axis=0) if seen else np.zeros(DIMS.images)
        if encoder.pooled is not None and encoder.pooled.project is not None:
            mean = encoder.pooled.project.weight.detach().double().numpy() @ mean
        np.testing.assert_allclose(found[row, 6:].numpy(), mean, atol=1e-6)


def test_only_the_textual_variant_is_blind_to_images() -> None:
    session = [(KEYWORD, [1, 2], None), (PRODUCT, [3], 4), (PRODUCT, [3], 5)]
    other: list[Step] = [(kind, words, None if at is None else at + 6) for kind, words, at in session]
    torch.manual_seed(0)
    encoders = {kind: LstmEncoder(DIMS, images=kind).eval() for kind in ("steps", "none", "pooled")}
    with torch.no_grad():
        differs = {
            kind: bool((encoder(batch_of(FEATURES, [session])) != encoder(batch_of(FEATURES, [other]))).any())
            for kind, encoder in encoders.items()
        }
    assert differs == {"steps": True, "none": False, "pooled": True}


@pytest.mark.parametrize("options", [{"images": "mean"}, {"image_dim": 0}, {"images": "pooled", "image_dim": -1}])
def test_options_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(BenchError, match="image"):
        LstmEncoder(DIMS, **options)
