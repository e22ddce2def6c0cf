"""What every session encoder must hold to, as tests to inherit.

A plugin's test module needs two lines::

    class TestMine(EncoderConformance):
        name = "mine"

for an encoder that is registered, or ``component = MyEncoder`` (and ``options``) for one that is not yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.data.schema import KEYWORD, PRODUCT, TEST
from bench.plugins.specs import EncoderSpec
from bench.testing.components import ComponentConformance
from bench.testing.corpora import IMAGES, VARIANTS, Marker, random_corpus, variant_corpus
from bench.testing.sessions import Step, batch_of, random_features, random_steps
from bench.training.context import TrainingContext

_QUICK = {"steps": 6, "batch_size": 12, "warmup": 1, "validate_every": 3, "validation_sessions": 12}

SESSIONS: dict[str, list[Step]] = {
    "one step": [(KEYWORD, [3], None)],
    "one step with an image": [(PRODUCT, [4, 5], 2)],
    "one step without words": [(KEYWORD, [], None)],
    "without images": random_steps(5, images=False),
    "without words": [(PRODUCT, [], 1), (PRODUCT, [], 1), (PRODUCT, [], 7)],
    "without anything": random_steps(3, words=False, images=False),
    "a word twice": [(KEYWORD, [6, 6], None), (PRODUCT, [6], 0), (KEYWORD, [6], None)],
    "200 steps": random_steps(200),
    "no step": [],
}
"""The sessions that encoders stumble over. One without steps is what masking can leave."""


class EncoderConformance(ComponentConformance):
    """Tests of one session encoder; see :mod:`bench.testing.encoders`.

    Pretraining is kept to a few steps where its options are those of
    :class:`bench.training.pretraining.PretrainingConfig`; ``options`` has the last word.

    Attributes:
        tolerance: how far a session's vector may differ between batches.
        without_gradient: beginnings of names of parameters that need no gradient. Say why in a comment.
    """

    kind = "encoder"
    contract = SessionEncoder
    tolerance: ClassVar[float] = 1e-5
    without_gradient: ClassVar[tuple[str, ...]] = ()

    # ---- what the tests are made of --------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """The declared defaults, a short pretraining, and what this class sets."""
        declared = super().settings()
        quick = {key: value for key, value in _QUICK.items() if key in declared}
        return {**declared, **quick, **self.options}

    def make(self, dims: Dims, seed: int = 0) -> SessionEncoder:
        """The encoder with the weights of this seed, in evaluation mode."""
        torch.manual_seed(seed)
        made: SessionEncoder = self.target()(dims, **self.settings())
        return made.eval()

    def pretrained(self, corpus: Corpus, seed: int = 0) -> SessionEncoder:
        """The encoder after its pretraining on ``corpus``, everything random from ``seed``."""
        context = TrainingContext(corpus, seed)
        with self.may_refuse(corpus):
            encoder = self.make(context.features.dims, seed)
            encoder.pretrain(context)
        return encoder.eval()

    def same(self, left: Tensor, right: Tensor) -> None:
        """Asserts that vectors agree within the tolerance."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    @pytest.fixture(params=list(IMAGES.values()), ids=list(IMAGES))
    def corpus(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """Forty short sessions; half of the product queries have no image, or all."""
        return _written_once(tmp_path_factory, request.param)

    @pytest.fixture
    def with_images(self, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
        """The one of the two that has images."""
        return _written_once(tmp_path_factory, IMAGES["with images"])

    @pytest.fixture
    def prefixes(self, corpus: Corpus) -> SessionBatch:
        """Every prefix of every session."""
        return SessionBatch.from_prefixes(corpus, np.arange(len(corpus.columns.query_kind)), Features.of(corpus))

    # ---- vectors ---------------------------------------------------------------------------------------------------

    def test_vectors_have_the_declared_shape_and_are_finite(self, prefixes: SessionBatch) -> None:
        encoder = self.make(prefixes.features.dims)
        vectors = vectors_of(encoder, prefixes)
        assert isinstance(encoder.output_dim, int)
        assert vectors.shape == (len(prefixes), encoder.output_dim)
        assert vectors.dtype == torch.float32
        assert vectors.isfinite().all()

    @pytest.mark.parametrize("dims", [Dims(), Dims(words=3, images=1)], ids=["50 and 512", "3 and 1"])
    def test_any_width_of_word_and_image_vectors(self, dims: Dims) -> None:
        encoder = self.make(dims)
        vectors = vectors_of(encoder, batch_of(random_features(dims), [random_steps(4)]))
        assert vectors.shape == (1, encoder.output_dim)
        assert vectors.isfinite().all()

    @pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS.keys())
    def test_awkward_sessions_give_finite_vectors_alone_and_among_others(self, session: list[Step]) -> None:
        features = random_features(Dims(8, 12))
        encoder = self.make(features.dims)
        alone = vectors_of(encoder, batch_of(features, [session]))
        assert alone.shape == (1, encoder.output_dim)
        assert alone.isfinite().all()
        others = [random_steps(4, seed=1), random_steps(2, seed=2)]
        for place in range(3):
            among = vectors_of(encoder, batch_of(features, [*others[:place], session, *others[place:]]))
            self.same(among[place : place + 1], alone)

    def test_a_session_that_masking_leaves_without_steps(self, prefixes: SessionBatch) -> None:
        encoder = self.make(prefixes.features.dims)
        vectors = vectors_of(encoder, prefixes.without_steps(prefixes.step_position == 0))
        assert vectors.shape == (len(prefixes), encoder.output_dim)
        assert vectors.isfinite().all()

    # ---- no leaks between sessions, or from the future ------------------------------------------------------------

    def test_the_same_vector_in_any_batch(self, corpus: Corpus, prefixes: SessionBatch) -> None:
        encoder, features = self.make(prefixes.features.dims), prefixes.features
        expected = vectors_of(encoder, prefixes)
        rng = np.random.default_rng(0)
        for size in (1, 2, 7, len(prefixes)):
            order = rng.permutation(len(prefixes))
            parts = np.split(order, range(size, len(order), size))
            found = [vectors_of(encoder, SessionBatch.from_prefixes(corpus, part, features)) for part in parts]
            self.same(torch.cat(found), expected[order])

    def test_batch_mates_that_are_copies_change_nothing(self, corpus: Corpus) -> None:
        features = Features.of(corpus)
        encoder, batch = self.make(features.dims), SessionBatch.from_sessions(corpus, np.arange(10), features)
        twice = vectors_of(encoder, SessionBatch.cat([batch, batch]))
        self.same(twice, vectors_of(encoder, batch).repeat(2, 1))

    @pytest.mark.parametrize("steps", [1, 3])
    def test_later_steps_do_not_change_the_vector_of_a_prefix(self, corpus: Corpus, tmp_path: Path, steps: int) -> None:
        changed = redrawn(corpus, tmp_path / "changed", lambda position, split: position >= steps)
        assert not np.array_equal(changed.columns.query_words, corpus.columns.query_words)
        starts, ends = corpus.columns.session_queries[:-1], corpus.columns.session_queries[1:]
        queries = np.minimum(starts + steps, ends) - 1
        encoder = self.make(Features.of(corpus).dims)
        found = [vectors_of(encoder, SessionBatch.from_prefixes(c, queries, Features.of(c))) for c in (corpus, changed)]
        torch.testing.assert_close(found[0], found[1], atol=0, rtol=0)

    def test_one_pass_of_a_causal_encoder_gives_every_prefix_and_its_gradient(self, corpus: Corpus) -> None:
        features = Features.of(corpus)
        encoder = self.make(features.dims)
        if not encoder.causal:
            pytest.skip("the encoder is not causal")
        queries = np.arange(len(corpus.columns.query_kind))[::2]  # not all: those between must not be counted
        batch, steps = SessionBatch.covering(corpus, queries, features)
        prefixes = SessionBatch.from_prefixes(corpus, queries, features)
        found = []
        for at_once in (False, True):
            encoder.zero_grad()
            with torch.enable_grad():
                vectors = encoder.at_steps(batch, steps) if at_once else encoder(prefixes)
                weights = torch.linspace(-1, 1, vectors.numel()).view(vectors.shape) / len(vectors)
                if vectors.requires_grad:
                    (vectors * weights).sum().backward()
            slopes = {name: one.grad.clone() for name, one in encoder.named_parameters() if one.grad is not None}
            found.append((vectors.detach(), slopes))
        self.same(found[1][0], found[0][0])
        assert found[1][1].keys() == found[0][1].keys()
        for name, slope in found[0][1].items():
            self.same(found[1][1][name], slope)

    # ---- weights ---------------------------------------------------------------------------------------------------

    def test_weights_and_vectors_follow_from_the_seed(self, prefixes: SessionBatch) -> None:
        first, again = (self.make(prefixes.features.dims, seed=5) for _ in range(2))
        torch.testing.assert_close(first.state_dict(), again.state_dict(), atol=0, rtol=0)
        vectors = vectors_of(first, prefixes)
        torch.testing.assert_close(vectors, vectors_of(again, prefixes), atol=0, rtol=0)
        torch.testing.assert_close(vectors, vectors_of(first, prefixes), atol=0, rtol=0)

    def test_weights_survive_a_safetensors_file(self, prefixes: SessionBatch, tmp_path: Path) -> None:
        saved, loaded = (self.make(prefixes.features.dims, seed) for seed in (1, 2))
        save_file({name: value.contiguous() for name, value in saved.state_dict().items()}, tmp_path / "weights")
        loaded.load_state_dict(load_file(tmp_path / "weights"))
        torch.testing.assert_close(vectors_of(loaded, prefixes), vectors_of(saved, prefixes), atol=0, rtol=0)

    def test_every_parameter_learns(self, with_images: Corpus) -> None:
        """From the gradient of the vectors, or in the pretraining."""
        corpus = with_images
        features = Features.of(corpus)
        encoder = self.make(features.dims)
        batch = SessionBatch.from_sessions(corpus, np.arange(40), features)
        with torch.enable_grad():
            vectors = encoder(batch)
            weights = torch.linspace(-1, 1, vectors.numel()).view(vectors.shape)  # no symmetry may hide a gradient
            if vectors.requires_grad:
                (vectors * weights).sum().backward()
        before = dict(encoder.named_parameters())
        after = dict(self.pretrained(corpus).named_parameters())
        idle = [
            name
            for name, parameter in before.items()
            if parameter.requires_grad
            and not name.startswith(self.without_gradient)
            and (parameter.grad is None or not parameter.grad.any())
            and torch.equal(parameter.detach(), after[name].detach())
        ]
        assert not idle, f"nothing reaches {', '.join(idle)}"
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in before.values())

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_any_corpus_is_pretrained_on_and_encoded(self, tmp_path: Path, variant: str) -> None:
        """Or refused in a line that says what it lacks."""
        corpus = variant_corpus(tmp_path / "corpus", variant)
        features = Features.of(corpus)
        batch = SessionBatch.from_sessions(corpus, np.arange(40), features)
        encoder = self.pretrained(corpus)
        vectors = vectors_of(encoder, batch)
        assert vectors.isfinite().all()
        self.same(vectors_of(encoder, SessionBatch.from_sessions(corpus, np.arange(7), features)), vectors[:7])

    # ---- pretraining -----------------------------------------------------------------------------------------------

    def test_pretraining_follows_from_the_seed(self, corpus: Corpus) -> None:
        first, again = (self.pretrained(corpus, seed=3).state_dict() for _ in range(2))
        torch.testing.assert_close(first, again, atol=0, rtol=0)
        assert all(bool(value.isfinite().all()) for value in first.values())

    def test_pretraining_moves_all_weights_or_none(self, with_images: Corpus) -> None:
        start = self.make(Features.of(with_images).dims, seed=3).state_dict()
        first = self.pretrained(with_images, seed=3).state_dict()
        moved = {name: not torch.equal(start[name], first[name]) for name in start if start[name].is_floating_point()}
        excused = {name: value for name, value in moved.items() if not name.startswith(self.without_gradient)}
        assert len(set(excused.values())) <= 1, f"pretraining moves only some: {excused}"

    def test_an_encoder_that_pretrains_is_declared_frozen(self) -> None:
        """Otherwise nobody calls its ``pretrain``."""
        spec = self.spec
        assert isinstance(spec, EncoderSpec)
        assert spec.frozen or self.target().pretrain is SessionEncoder.pretrain

    def test_pretraining_leaves_no_trace_of_test_sessions(self, corpus: Corpus, tmp_path: Path) -> None:
        changed = redrawn(corpus, tmp_path / "changed", lambda position, split: split == TEST)
        assert not np.array_equal(changed.columns.query_words, corpus.columns.query_words)
        states = [self.pretrained(c).state_dict() for c in (corpus, changed)]
        torch.testing.assert_close(states[0], states[1], atol=0, rtol=0)


def _written_once(temporary: pytest.TempPathFactory, image_share: float) -> Corpus:
    """The corpus of all classes with this share of images."""
    folder = temporary.getbasetemp() / f"conformance-sessions-{image_share}"
    return Corpus(folder) if folder.exists() else random_corpus(folder, 40, image_share=image_share)


def redrawn(corpus: Corpus, folder: Path, marked: Marker) -> Corpus:
    """The corpus of the fixture again, with other words and images in the marked steps."""
    share = 0.5 if len(corpus.image_vectors) else 0.0
    return random_corpus(folder, 40, image_share=share, redrawn=marked)


@torch.no_grad()
def vectors_of(encoder: SessionEncoder, batch: SessionBatch) -> Tensor:
    """(B, output_dim) vectors without gradient."""
    return encoder(batch)
