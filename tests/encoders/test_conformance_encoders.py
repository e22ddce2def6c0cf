"""The built-in encoders hold to the contract, and the conformance kit catches encoders that do not."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from kit_runner import checks_of, run_check
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.plugins.specs import EncoderSpec
from bench.testing.corpora import random_corpus
from bench.testing.encoders import SESSIONS, EncoderConformance
from bench.training.context import TrainingContext


class TestVanilla(EncoderConformance):
    name = "vanilla"


class TestLstm(EncoderConformance):
    name = "lstm"


class TestLstmT(EncoderConformance):
    name = "lstm-t"


class TestLstmIq(EncoderConformance):
    name = "lstm-iq"


class TestTransformer(EncoderConformance):
    name = "transformer"


class TestTransformerT(EncoderConformance):
    name = "transformer-t"


class TestTransformerIq(EncoderConformance):
    name = "transformer-iq"


class TestMeanpool(EncoderConformance):
    name = "meanpool"


class TestMeanpoolReduced(EncoderConformance):
    name = "meanpool"
    options: ClassVar = {"width": 3}


class TestWord2vec(EncoderConformance):
    name = "word2vec"


class TestBert(EncoderConformance):
    name = "bert"


class TestGat(EncoderConformance):
    name = "gat"


class TestAgv(EncoderConformance):
    name = "agv"


class TestHlv(EncoderConformance):
    name = "hlv"


class TestMuvcogT(EncoderConformance):
    name = "muvcog-t"
    # there are no images to project; the weights stay, so that both variants load alike
    without_gradient = ("sources.project_image",)


class TestMuvcogM(EncoderConformance):
    name = "muvcog-m"


class TestMuvcogMByCosine(EncoderConformance):
    name = "muvcog-m"
    options: ClassVar = {"score": "cosine"}


class TestMuvcogMByTwoHiddenLayers(EncoderConformance):
    name = "muvcog-m"
    options: ClassVar = {"mlp_hidden": 2}


class TestMuvcogPlus(EncoderConformance):
    name = "muvcog-plus"


class TestMuvcogPlusOnDownstreamClicksWithoutGraph(EncoderConformance):
    name = "muvcog-plus"
    options: ClassVar = {"clicks": "downstream", "graph": False}


class TestShuffled(EncoderConformance):
    name = "shuffled"


class TestRandom(EncoderConformance):
    name = "random"
    without_gradient = ("discriminators",)  # never pretrained, so nobody asks its discriminators


# ---- the kit bites ---------------------------------------------------------------------------------------------------


class _Mean(SessionEncoder):
    """A correct encoder, for the broken ones to spoil."""

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.output_dim = 4
        self.linear = nn.Linear(dims.words, 4)

    def forward(self, batch: SessionBatch) -> Tensor:
        return self.linear(batch.mean_text())


class _BatchMates(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        vectors = super().forward(batch)
        return vectors - vectors.mean(0)


class _NanWithoutWords(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        sums = torch.zeros(len(batch), self.dims.words).index_add(
            0, batch.step_session[batch.word_step], batch.features.words(batch.words)
        )
        words = torch.bincount(batch.step_session[batch.word_step], minlength=len(batch))
        return self.linear(sums / words.unsqueeze(1))


class _DropsEmpty(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        return super().forward(batch)[batch.step_session.unique()]


class _Unseeded(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        return super().forward(batch) + torch.rand(4)


class _Double(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        return super().forward(batch).double()


class _Unused(_Mean):
    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.forgotten = nn.Linear(2, 2)


class _WeightOutsideTheState(_Mean):
    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.hidden = torch.randn(4)

    def forward(self, batch: SessionBatch) -> Tensor:
        return super().forward(batch) * self.hidden


class _OneWidth(_Mean):
    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.linear = nn.Linear(8, 4)


class _CountsItsBatch(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        return super().forward(batch) + len(batch)


class _NanWithoutImages(_Mean):
    def forward(self, batch: SessionBatch) -> Tensor:
        every = batch.features.images(torch.arange(len(batch.features._images)))
        return super().forward(batch) + every.mean()


class _IndexErrorWithoutImages(_Mean):
    def pretrain(self, context: TrainingContext) -> None:
        context.features.images(torch.tensor([0]))


class _MovesHalf(_Mean):
    def pretrain(self, context: TrainingContext) -> None:
        with torch.no_grad():
            self.linear.weight += 1


class _PretrainsAtRandom(_Mean):
    def pretrain(self, context: TrainingContext) -> None:
        with torch.no_grad():
            for parameter in self.parameters():
                parameter += float(np.random.default_rng().normal())


class _LooksAtTestSessions(_Mean):
    def pretrain(self, context: TrainingContext) -> None:
        rows = np.arange(len(context.corpus.columns.session_split))
        with torch.no_grad():
            self.linear.weight += context.sessions(rows).mean_text().mean(0)
            self.linear.bias += 1


class _LastStep(SessionEncoder):
    """The text of the last step, times a weight: a correct causal encoder."""

    causal = True

    def __init__(self, dims: Dims) -> None:
        super().__init__(dims)
        self.output_dim, self.weight = dims.words, nn.Parameter(torch.ones(dims.words))

    def forward(self, batch: SessionBatch) -> Tensor:
        return batch.step_text()[batch.num_steps.cumsum(0) - 1] * self.weight

    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        return batch.step_text()[steps] * self.weight


class _LooksAhead(_LastStep):
    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        return batch.mean_text()[batch.step_session[steps]] * self.weight


class _LearnsFromPrefixesAlone(_LastStep):
    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        return super().at_steps(batch, steps).detach()


class _CausalByNameAlone(_LastStep):
    def at_steps(self, batch: SessionBatch, steps: Tensor) -> Tensor:
        return SessionEncoder.at_steps(self, batch, steps)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpus") / "small", sessions=40, image_share=0.5)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (_BatchMates, "test_the_same_vector_in_any_batch"),
        (_NanWithoutWords, "test_awkward_sessions_give_finite_vectors_alone_and_among_others"),
        (_DropsEmpty, "test_a_session_that_masking_leaves_without_steps"),
        (_Unseeded, "test_weights_and_vectors_follow_from_the_seed"),
        (_Double, "test_vectors_have_the_declared_shape_and_are_finite"),
        (_Unused, "test_every_parameter_learns"),
        (_WeightOutsideTheState, "test_weights_survive_a_safetensors_file"),
        (_OneWidth, "test_any_width_of_word_and_image_vectors"),
        (_CountsItsBatch, "test_batch_mates_that_are_copies_change_nothing"),
        (_NanWithoutImages, "test_any_corpus_is_pretrained_on_and_encoded"),
        (_IndexErrorWithoutImages, "test_any_corpus_is_pretrained_on_and_encoded"),
        (_MovesHalf, "test_pretraining_moves_all_weights_or_none"),
        (_PretrainsAtRandom, "test_pretraining_follows_from_the_seed"),
        (_LooksAtTestSessions, "test_pretraining_leaves_no_trace_of_test_sessions"),
    ],
)
def test_the_kit_catches_what_breaks_the_contract(
    broken: type[SessionEncoder], check: str, corpus: Corpus, tmp_path: Path
) -> None:
    given = {
        "corpus": corpus,
        "with_images": corpus,
        "variant": "without images",
        "prefixes": SessionBatch.from_prefixes(corpus, np.arange(len(corpus.columns.query_kind)), Features.of(corpus)),
        "session": SESSIONS["without words"],
        "dims": Dims(3, 1),
    }
    errors = {_IndexErrorWithoutImages: IndexError, _OneWidth: RuntimeError}
    with pytest.raises(errors.get(broken, AssertionError)):
        run_check(EncoderConformance, check, given, tmp_path / "broken", component=broken)
    run_check(EncoderConformance, check, given, tmp_path / "correct", component=_Mean)


def test_an_encoder_whose_pretraining_nobody_would_call_is_noticed(tmp_path: Path) -> None:
    class Kit(EncoderConformance):
        spec = EncoderSpec("mine", "m:E", "h", "c", frozen=False)

    check = "test_an_encoder_that_pretrains_is_declared_frozen"
    with pytest.raises(AssertionError):
        run_check(Kit, check, {}, tmp_path / "broken", component=_PretrainsAtRandom)
    run_check(Kit, check, {}, tmp_path / "correct", component=_Mean)


ONE_PASS = "test_one_pass_of_a_causal_encoder_gives_every_prefix_and_its_gradient"


@pytest.mark.parametrize("broken", [_LooksAhead, _LearnsFromPrefixesAlone, _CausalByNameAlone])
def test_a_causal_encoder_whose_one_pass_gives_something_else_is_noticed(
    broken: type[SessionEncoder], corpus: Corpus, tmp_path: Path
) -> None:
    with pytest.raises(NotImplementedError if broken is _CausalByNameAlone else AssertionError):
        run_check(EncoderConformance, ONE_PASS, {"corpus": corpus}, tmp_path / "broken", component=broken)
    run_check(EncoderConformance, ONE_PASS, {"corpus": corpus}, tmp_path / "correct", component=_LastStep)


def test_an_encoder_that_is_not_causal_is_not_asked_for_one_pass(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="not causal"):
        run_check(EncoderConformance, ONE_PASS, {"corpus": corpus}, tmp_path / "kit", component=_Mean)


def test_every_check_of_the_kit_is_shown_to_bite() -> None:
    marks = test_the_kit_catches_what_breaks_the_contract.pytestmark  # type: ignore[attr-defined]
    bitten = {check for mark in marks for _, check in mark.args[1]}
    assert checks_of(EncoderConformance) - bitten == {
        "test_later_steps_do_not_change_the_vector_of_a_prefix",  # a batch holds none: no encoder can break it
        "test_an_encoder_that_pretrains_is_declared_frozen",  # above
        ONE_PASS,  # above
    }
