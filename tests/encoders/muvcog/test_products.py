"""Which sessions may be a negative of which, and what the curve says of the negatives that were taken."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from bench.data.corpus import Corpus
from bench.training.context import TrainingContext
from bench.training.objective import PretrainingStep
from encoders.muvcog.model import Muvcog
from encoders.muvcog.objective import ContrastObjective
from encoders.muvcog.products import Products
from encoders.muvcog.steps_of import OwnSteps, StrangersSteps

ROWS = np.arange(60)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=60, image_share=0.5)


@pytest.fixture(scope="module")
def without_images(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=60, image_share=0.0)


def touched(corpus: Corpus, step: np.ndarray, clicked_only: bool = False) -> list[set[object]]:
    """What each session clicked and searched from, by loops; ``step`` says which query stands in each place."""
    columns, found = corpus.columns, []
    for row in ROWS:
        products: set[object] = set()
        for place in range(columns.session_queries[row], columns.session_queries[row + 1]):
            query = step[place]
            for at in range(columns.query_impressions[query], columns.query_impressions[query + 1]):
                if columns.impression_clicked[at]:
                    item = int(columns.impression_item[at])
                    image = int(columns.item_image[item])
                    products.add(("item", item) if clicked_only or image < 0 else image)
            if columns.query_image[query] >= 0 and not clicked_only:
                products.add(int(columns.query_image[query]))
        found.append(products)
    return found


class Spy(Muvcog):
    """Keeps what may not be a negative, and the negatives."""

    def loss(self, anchors, barred, draws, hard=True, seen=None, share=None):  # type: ignore[no-untyped-def]  # as Muvcog's
        self.barred, self.hard = barred, hard
        self.negatives: list[tuple[Tensor, Tensor]] = []

        def both(negative: Tensor, exists: Tensor) -> None:
            self.negatives.append((negative, exists))
            seen(negative, exists)

        return super().loss(anchors, barred, draws, hard, both)


def one_step(
    corpus: Corpus, negatives: str, accuracy: float = 1.0, strangers: bool = False
) -> tuple[Spy, dict[str, float], np.ndarray]:
    """A step's encoder, what it recorded, and which query stands in the place of each."""
    torch.manual_seed(0)
    context = TrainingContext(corpus, 0)
    sessions = StrangersSteps(context) if strangers else OwnSteps(context)
    encoder, step = Spy(context.features.dims, negatives=negatives), PretrainingStep(1, accuracy)
    ContrastObjective(encoder, sessions, context).loss(ROWS, step, torch.Generator().manual_seed(1))
    recorded = {name: float(torch.stack(values).nanmean()) for name, values in step.recorded.items()}
    places = sessions.step if isinstance(sessions, StrangersSteps) else np.arange(len(corpus.columns.query_session))
    return encoder, recorded, places


@pytest.mark.parametrize("strangers", [False, True], ids=["own steps", "strangers' steps"])
@pytest.mark.parametrize("negatives", ["hard", "hard-unshared", "random"])
def test_who_is_barred_and_what_is_recorded(corpus: Corpus, negatives: str, strangers: bool) -> None:
    encoder, recorded, step = one_step(corpus, negatives, strangers=strangers)
    products = touched(corpus, step)
    bars = touched(corpus, step, clicked_only=negatives != "hard-unshared")
    for row in ROWS:
        for other in ROWS:
            assert bool(encoder.barred[row, other]) == (row == other or bool(bars[row] & bars[other]))
    shares = []
    for negative, exists in encoder.negatives:
        having = torch.nonzero(exists).squeeze(1).tolist()
        shares.append(np.mean([bool(products[row] & products[int(negative[row])]) for row in having]))
    assert len(shares) == 2
    assert recorded == pytest.approx(
        {"hard_negatives": float(negatives != "random"), "negatives_sharing_product": np.mean(shares)}
    )
    if negatives == "hard-unshared":
        assert recorded["negatives_sharing_product"] == 0
    else:
        assert recorded["negatives_sharing_product"] > 0, "sessions that share a search share no click"


def test_negatives_are_mined_from_the_held_out_accuracy_on(corpus: Corpus) -> None:
    for accuracy, hard in ((0.19, False), (0.2, True)):
        encoder, recorded, _ = one_step(corpus, "hard-unshared", accuracy)
        assert (encoder.hard, recorded["hard_negatives"]) == (hard, float(hard))
        assert recorded["negatives_sharing_product"] == 0, "random ones are taken from the same"


def test_without_images_products_are_clicked_items(without_images: Corpus) -> None:
    plain, recorded, _ = one_step(without_images, "hard")
    unshared, _, _ = one_step(without_images, "hard-unshared")
    assert torch.equal(plain.barred, unshared.barred)
    assert recorded["negatives_sharing_product"] == 0


def test_an_item_is_the_product_of_the_query_with_its_image(corpus: Corpus) -> None:
    products, none = Products(corpus.columns), np.empty(0, dtype=np.int64)
    query = int(np.flatnonzero(corpus.columns.query_image >= 0)[0])
    item = int(np.flatnonzero(corpus.columns.item_image == corpus.columns.query_image[query])[0])
    clicked, _ = products.touched(np.array([item]), np.array([0]), none, none)
    searched, owner = products.touched(none, none, np.array([query]), np.array([7]))
    assert clicked.tolist() == searched.tolist()
    assert owner.tolist() == [7]


def test_the_curve_has_a_row_for_each_validation_with_what_was_mined(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    torch.manual_seed(0)
    options = {"steps": 5, "batch_size": 16, "warmup": 1, "validate_every": 2, "hard_at": 0.0}
    Muvcog(context.features.dims, **options).pretrain(context)
    assert [row["hard_negatives"] for row in context.curve] == [1.0, 1.0, 1.0]
    assert all(0 <= row["negatives_sharing_product"] <= 1 for row in context.curve)


def test_no_negative_at_all_is_a_gap_in_the_curve(corpus: Corpus) -> None:
    context = TrainingContext(corpus, 0)
    Muvcog(context.features.dims, steps=1, batch_size=1, warmup=0).pretrain(context)
    assert math.isnan(context.curve[0]["negatives_sharing_product"])
