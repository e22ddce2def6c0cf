"""Images beside titles: looked up by item, nothing for items without one, and refused where no item has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpora import Altered, random_corpus

from baselines.item_images import ItemImages
from bench.contracts import ClickCorpus
from bench.data.features import Features
from bench.errors import BenchError
from bench.plugins.registry import registry


def test_each_item_has_its_projected_image_and_one_without_has_nothing(tmp_path: Path) -> None:
    made = random_corpus(tmp_path / "corpus", sessions=20)
    image = np.array(made.columns.item_image)
    image[3] = -1
    corpus, features = Altered(made, item_image=image), Features.of(made)
    images = ItemImages(features.dims.images, 5, "mine")
    with pytest.raises(BenchError, match="prepare"):
        images(torch.tensor([0]))
    images.prepare(ClickCorpus(corpus, features, np.zeros(0, dtype=np.int64)))
    found = images(torch.tensor([[4, 3], [-1, 4]]))
    torch.testing.assert_close(found[0, 0], images.project(features.images(torch.tensor([image[4]])))[0])
    assert torch.equal(found[0, 0], found[1, 1])
    assert not found[0, 1].any()
    assert not found[1, 0].any()


@pytest.mark.parametrize("name", ["alstp", "hscm"])
def test_without_images_it_is_refused_and_the_spec_says_so(name: str, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=20, image_share=0)
    images, data = ItemImages(12, 5, name), ClickCorpus(corpus, Features.of(corpus), np.zeros(0, dtype=np.int64))
    with pytest.raises(BenchError, match=f"set {name}.items=title"):
        images.prepare(data)
    spec = registry().get("baseline", name)
    assert [need.what for need in spec.needed({**spec.defaults, "items": "title+image"})] == ["images"]
    assert spec.needed(spec.defaults) == []
