"""The worlds: two sets of values for the knobs that decide how much a session can teach.

World 1 is the first shopper model: words have one form each, images nothing but what shoppers look for, latents are
independent Gaussians that drift, all results are looked at, the engine knows the items' latents. In world 2 everything
is on. Each knob is from the literature; off, it leaves the first model as it was to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Knobs:
    """Values of the knobs; see :class:`bench.datasets.simulated.options.Options`.

    Attributes:
        text_signal, visual_signal: weight of the textual and of the visual intent in a click.
        gap: Furnas et al., The Vocabulary Problem in Human-System Communication, CACM 1987; Van Gysel et al., Learning
            Latent Vector Spaces for Product Search, CIKM 2016; Nigam et al., Semantic Product Search, KDD 2019.
        nuisance: a background of low rank in every image, the same for all sessions.
        correlation: titles and photographs describe one product.
        reformulation: Hirsch et al., Query Reformulation in E-Commerce Search, SIGIR 2020; Su et al., User Intent,
            Behaviour, and Perceived Satisfaction in Product Search, WSDM 2018.
        facets: discrete attributes of products.
        cascade: Craswell et al., An Experimental Comparison of Click Position-Bias Models, WSDM 2008.
        engine: ``latents`` or ``observed``.
        branches: leaf categories of one branch share words.
    """

    text_signal: float = 2.0
    visual_signal: float = 2.0
    gap: float = 0.0
    nuisance: float = 0.0
    correlation: float = 0.0
    reformulation: float = 0.0
    facets: float = 0.0
    cascade: float = 0.0
    engine: str = "latents"
    branches: float = 0.0


WORLDS: dict[int, Knobs] = {
    1: Knobs(),
    2: Knobs(
        text_signal=3.0,
        visual_signal=3.0,
        gap=0.7,
        nuisance=4.0,
        correlation=0.3,
        reformulation=0.2,
        facets=0.6,
        cascade=0.99,
        engine="observed",
        branches=0.7,
    ),
}
"""The worlds by number."""
