"""The discriminators of MUVCOG's contrast (KDD 2022, section 3.4): whether two session vectors are of one session."""

from __future__ import annotations

from encoders.muvcog.discriminators.cosine import CosineDiscriminator
from encoders.muvcog.discriminators.discriminator import Discriminator
from encoders.muvcog.discriminators.mlp import MlpDiscriminator
from encoders.muvcog.discriminators.two_hidden import TwoHiddenMlpDiscriminator
from encoders.options import MuvcogOptions

__all__ = ["Discriminator", "build_discriminator"]


def build_discriminator(options: MuvcogOptions) -> Discriminator:
    """The discriminator that the options ask for, of vectors that are ``view_dim`` wide."""
    if options.score == "cosine":
        return CosineDiscriminator(options.view_dim)
    return {1: MlpDiscriminator, 2: TwoHiddenMlpDiscriminator}[options.mlp_hidden](options.view_dim)
