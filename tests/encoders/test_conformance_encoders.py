"""Every registered encoder holds to the contract, and the conformance kit catches encoders that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.contracts import SessionEncoder
from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.plugins.registry import registry
from bench.testing.corpora import random_corpus
from bench.testing.encoders import SESSIONS, EncoderConformance

WITHOUT_GRADIENT = {
    "muvcog-t": (
        "sources.project_image",
    ),  # there are no images to project; the weights stay, so that both variants load alike
    "random": ("discriminators",),  # never pretrained, so its discriminators are never used
}

for _name in registry().names("encoder"):
    _class = f"Test{''.join(part.capitalize() for part in _name.replace('_', '-').split('-'))}"
    globals()[_class] = type(
        _class, (EncoderConformance,), {"name": _name, "without_gradient": WITHOUT_GRADIENT.get(_name, ())}
    )


def test_every_registered_encoder_has_a_conformance_class() -> None:
    tested = {
        value.name
        for key, value in globals().items()
        if key.startswith("Test") and isinstance(value, type) and issubclass(value, EncoderConformance)
    }
    assert tested == set(registry().names("encoder"))
    assert {"vanilla", "lstm", "muvcog-t", "muvcog-m", "random"} <= tested


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


class _LooksAtTestSessions(_Mean):
    def pretrain(self, context) -> None:  # type: ignore[no-untyped-def]
        rows = np.arange(len(context.corpus.columns.session_split))
        with torch.no_grad():
            self.linear.weight += context.sessions(rows).mean_text().mean(0)
            self.linear.bias += 1


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
        (_LooksAtTestSessions, "test_pretraining_leaves_no_trace_of_test_sessions"),
    ],
)
def test_the_kit_catches_what_breaks_the_contract(
    broken: type[SessionEncoder], check: str, corpus: Corpus, tmp_path: Path
) -> None:
    given = {
        "corpus": corpus,
        "prefixes": SessionBatch.from_prefixes(corpus, np.arange(len(corpus.columns.query_kind)), Features.of(corpus)),
        "tmp_path": tmp_path / "broken",
        "session": SESSIONS["without words"],
    }

    def run(encoder: type[SessionEncoder]) -> None:
        kit = type("Kit", (EncoderConformance,), {"encoder": encoder})()
        test = getattr(kit, check)
        (tmp_path / "broken").mkdir(parents=True)
        names = test.__func__.__code__.co_varnames[1 : test.__func__.__code__.co_argcount]
        test(**{name: given[name] for name in names})

    with pytest.raises(AssertionError):
        run(broken)
    given["tmp_path"] = tmp_path / "correct"
    run(_Mean)
