"""MUVCOG agrees with equations 1 to 9 as restated plainly in ``muvcog_equations``, on all awkward sessions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from muvcog_equations import Restatement, contrast, cosine_discriminate, discriminate
from small_corpora import random_corpus

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import KEYWORD
from bench.testing.sessions import batch_of
from encoders.muvcog.contrast import mask_one_step, sharing
from encoders.muvcog.model import Muvcog

TOLERANCE = 1e-5


@pytest.fixture(scope="module", params=[1.0, 0.5, 0.0], ids=["images", "half the images", "no images"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=40, image_share=request.param)


def build(corpus: Corpus, **options: object) -> tuple[Muvcog, Features]:
    torch.manual_seed(3)
    features = Features.of(corpus)
    encoder = Muvcog(features.dims, view_dim=5, **options)
    for parameter in encoder.parameters():  # biases too must count, and logits must reach both slopes
        torch.nn.init.uniform_(parameter, -0.9, 0.9)
    return encoder.eval(), features


def restated(encoder: Muvcog, features: Features, corpus: Corpus, beta: str = "mean") -> Restatement:
    state = {name: value.double().tolist() for name, value in encoder.state_dict().items()}
    weights = {
        "W_e": state["sources.project_image.weight"],
        "b_e": state["sources.project_image.bias"],
        "W": state["encoders.agv.project.weight"],
        "W_a": state["encoders.agv.attend.weight"][0],
        "W_g": state["encoders.agv.score.weight"][0],
        "b_g": state["encoders.agv.score.bias"][0],
        "W_b": state["encoders.hlv.transform.weight"],
        "W_c": state["encoders.hlv.intra.weight"],
        "W_d": state["encoders.hlv.inter.weight"],
    }
    images = (np.array(corpus.image_vectors, dtype=np.float64) / 127).tolist()
    return Restatement(weights, features.word_vectors.double().tolist(), images, beta)


def plain_sessions(batch: SessionBatch) -> list[list[tuple[str, list[int], int | None]]]:
    """The batch as lists of steps, for the restatement."""
    sessions: list[list[tuple[str, list[int], int | None]]] = [[] for _ in range(len(batch))]
    for step, (session, kind) in enumerate(zip(batch.step_session.tolist(), batch.step_kind.tolist(), strict=True)):
        words = batch.words[batch.word_step == step].tolist()
        image = batch.images[batch.image_step == step].tolist()
        sessions[session].append(("product" if kind else "keyword", words, image[0] if image else None))
    return sessions


@pytest.fixture(params=["compiled", "reference"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled loops, and as devices other than the CPU compute it."""
    monkeypatch.setenv("BENCH_KERNELS", request.param)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("beta", ["mean", "sum"])
def test_views_of_sessions_and_prefixes(corpus: Corpus, beta: str) -> None:
    encoder, features = build(corpus, beta=beta)
    plain = restated(encoder, features, corpus, beta)
    batch = SessionBatch.from_prefixes(corpus, np.arange(len(corpus.columns.query_kind)), features)
    with torch.no_grad():
        agv, hlv = encoder.views(batch)
    sessions = plain_sessions(batch)
    assert min(len(s) for s in sessions) == 1
    np.testing.assert_allclose(agv.numpy(), [plain.agv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)
    np.testing.assert_allclose(hlv.numpy(), [plain.hlv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)


def test_the_random_sessions_hold_the_awkward_cases(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=40, image_share=0.5)
    sessions = plain_sessions(SessionBatch.from_sessions(corpus, np.arange(40), Features.of(corpus)))
    steps = [step for session in sessions for step in session]
    assert any(len(words) > len(set(words)) for _, words, _ in steps), "a word twice in a query"
    assert any(not words for _, words, _ in steps), "a query without words"
    assert any(kind == "product" and image is None for kind, _, image in steps), "a product query without image"
    both = [
        {w for k, words, _ in session if k == "keyword" for w in words}
        & {w for k, words, _ in session if k == "product" for w in words}
        for session in sessions
    ]
    assert any(both), "a word in a keyword and in a product query of one session"
    repeated = [[w for _, words, _ in session for w in set(words)] for session in sessions]
    assert any(len(words) > len(set(words)) for words in repeated), "a word in several steps"


def test_text_only_ignores_images(corpus: Corpus) -> None:
    encoder, features = build(corpus, images="none")
    plain = restated(encoder, features, corpus)
    batch = SessionBatch.from_sessions(corpus, np.arange(30), features)
    with torch.no_grad():
        agv, hlv = encoder.views(batch)
    sessions = [[(kind, words, None) for kind, words, _ in session] for session in plain_sessions(batch)]
    np.testing.assert_allclose(agv.numpy(), [plain.agv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)
    np.testing.assert_allclose(hlv.numpy(), [plain.hlv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)


def plain_likeness(discriminator: torch.nn.Module) -> Callable[[list[float], list[float]], float]:
    """What this discriminator makes of one pair, restated."""
    state = {name: value.double().tolist() for name, value in discriminator.state_dict().items()}
    if "log_scale" in state:
        cosine = {"P": state["left.weight"], "Q": state["right.weight"], "log_scale": state["log_scale"]}
        return partial(cosine_discriminate, cosine)
    first = [left + right for left, right in zip(state["left.weight"], state["right.weight"], strict=True)]
    mlp = {"W1": first, "b1": state["left.bias"], "w2": state["last.weight"][0], "b2": state["last.bias"][0]}
    return partial(discriminate, mlp)


@pytest.mark.parametrize("score", ["mlp", "cosine"])
@pytest.mark.parametrize("mask_negatives", [False, True], ids=["whole negatives", "masked negatives"])
def test_loss_is_equation_9_with_hard_negatives(corpus: Corpus, mask_negatives: bool, score: str) -> None:
    encoder, features = build(corpus, mask_negatives=mask_negatives, score=score)
    plain = restated(encoder, features, corpus)
    batch = SessionBatch.from_sessions(corpus, np.arange(40), features)
    rng = np.random.default_rng(0)
    clicks = [set(rng.integers(0, 30, rng.integers(0, 6)).tolist()) for _ in range(40)]
    items = torch.tensor([item for found in clicks for item in found], dtype=torch.long)
    owner = torch.tensor([s for s, found in enumerate(clicks) for _ in found], dtype=torch.long)
    barred = sharing(items, owner, 40)
    for s in range(40):
        for other in range(40):
            assert bool(barred[s, other]) == (s == other or bool(clicks[s] & clicks[other]))

    draws = torch.Generator().manual_seed(5)
    with torch.no_grad():
        loss = float(encoder.loss(batch, barred, draws))
    masked = mask_one_step(batch, torch.Generator().manual_seed(5))
    anchors = [(plain.agv(s), plain.hlv(s)) for s in plain_sessions(batch)]
    positives = [(plain.agv(s), plain.hlv(s)) for s in plain_sessions(masked)]
    likenesses = [plain_likeness(discriminator) for discriminator in encoder.discriminators]
    candidates = positives if mask_negatives else anchors
    expected = contrast((likenesses[0], likenesses[1]), anchors, positives, clicks, candidates)
    # the compiled ELU of 0 is 6e-8 off; divided by the smallest norm that is ten times the tolerance
    assert loss == pytest.approx(expected, abs=TOLERANCE * (10 if score == "cosine" else 1))


def test_one_step_is_masked(corpus: Corpus) -> None:
    batch = SessionBatch.from_sessions(corpus, np.arange(40), Features.of(corpus))
    before, after = plain_sessions(batch), plain_sessions(mask_one_step(batch, torch.Generator().manual_seed(1)))
    places = set()
    for whole, masked in zip(before, after, strict=True):
        if len(whole) == 1:
            assert masked == whole
        else:
            fits = [at for at in range(len(whole)) if whole[:at] + whole[at + 1 :] == masked]
            assert fits
            places.add(fits[0] / (len(whole) - 1))
    assert {0.0, 1.0} <= places, "first and last steps are masked too"


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("where", ["words", "weights"])
def test_nan_gets_through(corpus: Corpus, where: str) -> None:
    """Training stops at a loss that is not finite; the attention must not hide one."""
    encoder, features = build(corpus)
    if where == "words":
        features.word_vectors[:, 2] = torch.nan
    else:
        encoder.get_parameter("encoders.agv.project.weight").data[1, 1] = torch.nan
    with torch.no_grad():
        agv, _ = encoder.views(SessionBatch.from_sessions(corpus, np.arange(30), features))
    assert agv.isnan().any(1).float().mean() > 0.9


def test_kernel_gradient_is_the_numerical_one(corpus: Corpus) -> None:
    encoder, features = build(corpus)
    encoder = encoder.double()
    batch = SessionBatch.from_sessions(corpus, np.arange(6), features)
    parameters = list(encoder.encoders["agv"].parameters())

    def view(*values: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
        return encoder.views(batch)[0].square().sum()

    start = [p.detach().clone() for p in parameters]
    encoder.zero_grad()
    view(*start).backward()
    for index, parameter in enumerate(parameters):
        assert parameter.grad is not None
        direction = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index), dtype=torch.double)
        step = 1e-6
        up, down = list(start), list(start)
        up[index], down[index] = start[index] + step * direction, start[index] - step * direction
        with torch.no_grad():
            slope = float(view(*up) - view(*down)) / (2 * step)
        expected = float((parameter.grad * direction).sum())
        assert slope == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_the_attention_starts_within_glorots_bound_of_one_matrix() -> None:
    """W^a reads 2d numbers and gives one; two matrices that read d each would start √2 times as wide."""
    torch.manual_seed(0)
    width = 400
    attend = Muvcog(Dims(3, 2), views="agv", view_dim=width).get_parameter("encoders.agv.attend.weight")
    bound = (6 / (2 * width + 1)) ** 0.5
    assert attend.shape == (1, 2 * width)
    for half in attend.detach()[0].chunk(2):
        assert 0.95 * bound < float(half.abs().max()) <= bound


def test_degrees_of_equation_7_are_those_of_the_edges_between_steps() -> None:
    """By hand: three steps of 1, 2 and 3 words, a vector of 1 for every word, all matrices the identity."""
    features = Features(torch.ones(6, 1), np.zeros((0, 1), dtype=np.float32))
    view = Muvcog(features.dims, views="hlv", view_dim=1)
    for name, parameter in view.encoders["hlv"].named_parameters():
        torch.nn.init.ones_(parameter)
        assert name.endswith("weight")
    with torch.no_grad():
        found = view(batch_of(features, [[(KEYWORD, [0], None), (KEYWORD, [1, 2], None), (KEYWORD, [3, 4, 5], None)]]))
    first, second, third = 1.0, 2 / 2**0.5, 3 / 3**0.5  # eq. 6: a word is in one step, a step has n words
    expected = [
        first / (2 * 1) ** 0.5,  # it sends to itself and to the second; only itself reaches it
        first / (2 * 2) ** 0.5 + second / (2 * 2) ** 0.5,
        second / (2 * 2) ** 0.5 + third / (1 * 2) ** 0.5,  # the last sends to itself alone
    ]
    assert float(found) == pytest.approx(sum(expected) / 3, abs=1e-6)
