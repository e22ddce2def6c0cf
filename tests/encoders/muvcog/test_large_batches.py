"""What large batches need changes no number: pairs are listed as they were multiplied, data read ahead is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_corpora import random_corpus
from torch import Tensor

from bench.plugins.registry import registry
from bench.training.context import TrainingContext
from encoders.muvcog import contrast


@pytest.mark.parametrize("items", [3, 60, 5000])
def test_pairs_that_share_an_item_are_the_same_listed_and_multiplied(
    items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = torch.Generator().manual_seed(items)
    held, owner = torch.randint(items, (400,), generator=draws), torch.randint(50, (400,), generator=draws)
    found = []
    for most in (10**9, -1):
        monkeypatch.setattr(contrast, "_LISTED", most)
        found.append(contrast.sharing(held, owner, 50))
    assert torch.equal(*found)
    holds = torch.zeros(50, items)
    holds[owner, held] = 1
    assert torch.equal(found[0], (holds @ holds.T > 0) | torch.eye(50, dtype=torch.bool))


def test_read_ahead_gives_the_same_weights_to_the_bit_and_bfloat16_runs(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=60, image_share=0.5)
    spec = registry().get("encoder", "muvcog-m")

    def weights(ahead: bool, **options: object) -> dict[str, Tensor]:
        torch.manual_seed(0)
        context = TrainingContext(corpus, 0, read_ahead=ahead)
        few = {"steps": 4, "batch_size": 16, "validate_every": 2, **options}
        encoder = spec.load()(context.features.dims, **{**spec.defaults, **few})
        encoder.pretrain(context)
        return encoder.state_dict()

    plain, ahead, rough = weights(False), weights(True), weights(True, precision="bfloat16")
    assert all(torch.equal(value, ahead[name]) for name, value in plain.items())
    assert not all(torch.equal(value, rough[name]) for name, value in plain.items())
