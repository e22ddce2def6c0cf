"""The options of the built-in encoders are stated once: specs, constructors and documentation read one declaration."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from bench.data.features import Dims
from bench.errors import BenchError
from bench.plugins.registry import registry
from bench.plugins.variants import variant_of, variant_options
from bench.training.pretraining_config import PretrainingConfig
from encoders.lstm import LstmEncoder
from encoders.muvcog.discriminators.cosine import CosineDiscriminator
from encoders.muvcog.discriminators.mlp import MlpDiscriminator
from encoders.muvcog.model import Muvcog
from encoders.options import MuvcogOptions


def test_listing_options_imports_no_torch() -> None:
    code = (
        "import sys; from encoders.plugin import bench_encoders; specs = bench_encoders(); "
        "assert all(spec.defaults for spec in specs if spec.options); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_constructor_has_the_defaults_of_its_declaration() -> None:
    assert Muvcog(Dims()).options == MuvcogOptions()
    with pytest.raises(BenchError, match="no option 'view_width'"):
        Muvcog(Dims(), view_width=3)


def test_options_of_pretraining_are_those_of_its_configuration() -> None:
    declared = {field.name: field.default for field in fields(PretrainingConfig)}
    for name in CONTRASTED:
        defaults = registry().get("encoder", name).defaults
        assert {key: defaults[key] for key in declared} == declared


def test_variants_of_one_class_are_told_apart_by_what_is_pinned() -> None:
    specs = {name: registry().get("encoder", name) for name in registry().names("encoder")}
    pinned = {name: dict(spec.pinned) for name, spec in specs.items() if spec.pinned}
    assert pinned["lstm-t"] == {"images": "none", "image_dim": 0}
    assert pinned["muvcog-t"] == {"views": "agv+hlv", "images": "none"}
    of_target: dict[str, list[dict]] = {}
    for name, spec in specs.items():
        of_target.setdefault(spec.target, []).append(pinned.get(name, {}))
    for kinds in of_target.values():
        assert all(kinds.count(kind) == 1 for kind in kinds)


CONTRASTED = ("muvcog-m", "muvcog-t", "agv", "hlv", "gat")


@pytest.mark.parametrize("name", CONTRASTED)
def test_every_contrasted_encoder_takes_another_score(name: str) -> None:
    spec, settings = variant_of(f"{name}[score=cosine]", registry())
    options = variant_options(spec, settings, dict(registry().get("encoder", name).defaults))
    assert {key for key in options if options[key] != spec.defaults[key]} == {"score"}
    plain, cosine = (spec.load()(Dims(4, 3), **given) for given in (spec.defaults, options))
    assert spec.defaults["score"] == "mlp"
    assert [type(d) for d in plain.discriminators] == [MlpDiscriminator] * len(plain.discriminators)
    assert [type(d) for d in cosine.discriminators] == [CosineDiscriminator] * len(plain.discriminators)


def test_a_cosine_has_no_hidden_layer() -> None:
    assert Muvcog(Dims(), mlp_hidden=2).options.score == "mlp"
    with pytest.raises(BenchError, match="mlp_hidden=2 is of score=mlp"):
        Muvcog(Dims(), score="cosine", mlp_hidden=2)


def test_steps_need_a_projection_of_their_images() -> None:
    with pytest.raises(BenchError, match="image_dim must be at least 1"):
        LstmEncoder(Dims(), image_dim=0)
    assert LstmEncoder(Dims(), images="pooled", image_dim=0).output_dim == 64 + Dims().images
