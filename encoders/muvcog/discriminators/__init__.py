"""The discriminators of MUVCOG's contrast (KDD 2022, section 3.4): whether two session vectors are of one session."""

from __future__ import annotations

from encoders.muvcog.discriminators.cosine import CosineDiscriminator
from encoders.muvcog.discriminators.discriminator import Discriminator
from encoders.muvcog.discriminators.mlp import MlpDiscriminator
from encoders.options import MuvcogOptions

__all__ = ["Discriminator", "build_discriminator"]


def build_discriminator(options: MuvcogOptions) -> Discriminator:
    """The discriminator that the options ask for, of vectors that are ``view_dim`` wide."""
    return {"mlp": MlpDiscriminator, "cosine": CosineDiscriminator}[options.score](options.view_dim)
