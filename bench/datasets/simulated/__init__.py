"""Simulated sessions: the shopper model behind the datasets ``beauty``, ``clothes`` and ``digital``.

Nobody shopped. A hidden intent, half of it textual and half visual, asks an engine and clicks on what it shows. The
counts are calibrated to Table 1 of the paper (:mod:`bench.data.published`); the knobs say what drives the clicks, so
that known truths can be planted and looked for. What follows is the whole model; each line names its place in the code.
Vectors a, s, r_text have 6 dimensions, u and r_visual 6; <,> is a dot product; |shown| is K.

There are two worlds (``worlds``). In world 1 every knob marked * is off; in world 2, the default, all of them are on.

**Counts** (``calibration``, ``visits``), drawn first and untouched by every knob::

    steps           L = 2 + NegativeBinomial, mean (#KQ + #PQ) / #Sessions, P(L > 10) = 9 %, L <= 60
    kinds           step 1 keyword; later ones product with probability rho; none at all: one of them becomes product
    gaps            2 s + (30 min - 2 s) Beta(2 g, 2 (1 - g)), so that the mean time span is Avg. T(s)
    clicks          n = min(X + [the next step is a product query], K), X NegativeBinomial of size 1.5
    users           #Users / #Sessions per session; one user's sessions on different days of one week
    words           keyword query 1 + Binomial(6, .), title 5 + Binomial(2 (mean - 5), .)

**Items** (``catalogue``): up to 40 leaf categories with sizes falling as rank^-0.8. Given its leaf, item i has ::

    latents         [a_i ; u_i] ~ N(0, I); with correlation* and facets* a_i and u_i are correlated, partly discrete
                    (``latents``)
    quality         z_i = (<w, [a_i ; u_i]> / |w| + N(0, 1)) / sqrt(2), w fixed
    title           Plackett-Luce without replacement from the leaf's 180 meanings (``language.draw``), utility of v
                    2 <s_v, a_i> / sqrt(6) - 0.8 ln(rank of v in the leaf's pool); with branches* a leaf shares some of
                    them with its branch; with gap* sellers and shoppers spell a meaning in words of their own
    image           127 clip(0.22 (M [leaf ; u_i] + B b_i + N(0, I))), 512-d int8: nothing of a_i beyond the leaf and
                    the correlation; b_i a background of 8 dimensions, with nuisance*
    word vector     W [leaf ; s_v] + 0.2 N(0, I), 50-d; of a spelling with gap* sqrt(1 - gap) W s_v + sqrt(gap) W_f s_v;
                    W, W_f, M, B and 400 of the meanings are the same in all corpora

**A session** (``intents``) has a leaf (as popular as it is large), a user with a taste t ~ N(0, I), and an intent ::

    intent          x*_1 drawn as an item's latent, x*_(k+1) = sqrt(1 - drift^2) x*_k + drift N(0, I), x* = [a* ; u*];
                    with reformulation* a Markov chain moves it besides: one facet replaced, or everything
    keyword query   drawn like a title, for a* in place of a_i: it says some of a*, and of u* what a* says of it
    product query   title and image of the item clicked last at the step before

**The engine** (``engine``) ranks by the current query only. r_text is the words' mean meaning, of length sqrt(6);
r_visual the image's visual latent, or 0. With engine* = observed it reads titles and images in place of latents::

    candidates      2 K items of the leaf around the query's quantile on one latent axis p, argmax |r_p| Uniform
    ranking         (<r_text, a_i> + <r_visual, u_i>) / sqrt(6) + N(0, 1); the first K are shown, without the items
                    that the session has searched from (else their images would tell whose text was liked)

**Clicks** (``choices``): the n largest of ::

    text_signal* <a*, a_i> / sqrt(6) + visual_signal* <u*, u_i> / sqrt(6) + user_signal <t, [a_i ; u_i]> / sqrt(12)
    + item_signal z_i - position_signal log2(rank) + noise Gumbel

With noise = 1 this is Plackett-Luce. With cascade* the rank has no utility: the shopper looks at the next item with
probability cascade, and clicks are the n largest among what she has looked at. Sessions outside the ``downstream``
sample list their clicked impressions only.

**Truth** (``bench.data.truth``): latents, intents and utilities are stored beside the tables, for ceilings.

**Null worlds.** With text_signal = visual_signal = user_signal = 0, clicks depend on nothing in the session beyond the
list shown. But its order follows the current query, image included, and better places are clicked more: a model
that sees an image query which another cannot see may still gain by guessing ranks. position_signal = 0 and cascade = 0
end that. Likewise what was clicked earlier shows what makes an item good for all, which a model may not know of the
item yet; item_signal = 0 ends that, and then every choice of n items of a list is equally likely.
With visual_signal = 0 alone, images are no reason to click, yet the engine chose the list by text and image together,
so that within a list a_i and u_i are weakly coupled; correlation = 0 leaves no other coupling.

**Strengths.** Dimensions, exponents, noises and signals are ours: Table 1 does not settle them. Those of world 1 were
chosen by a ranker without parameters, which they lift well above chance: with 16 + 16 dimensions and signals of 1 a
click model learnt next to nothing from 15,000 queries. Those of world 2 were chosen by ceilings alone, before any
encoder had run there: best-prefix - best-current is 0.06 +- 0.01 NDCG@10 in each of the worlds gap {0, 1} x nuisance
{0, 4} (``results/simulated-worlds``).

**Reproducible** (``randomness``): a corpus is a function of name and options. Latents lie on a grid on which float32
sums are exact, decisions are taken in float64, stored vectors are rounded, each purpose has its own random stream.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.datasets.simulated.options import DEFAULTS, resolve

__all__ = ["DEFAULTS", "make"]


def make(folder: str | Path, *, name: str, progress: Callable[[int, int], None] | None = None, **options: Any) -> None:
    """Writes a simulated corpus.

    Args:
        folder: the corpus folder to be written; it must not exist.
        name: ``beauty``, ``clothes`` or ``digital``.
        progress: called with ``(sessions done, sessions in all)``.
        options: see :class:`bench.datasets.simulated.options.Options`.

    Raises:
        BenchError: the folder exists, the name or an option is unknown, or a value is out of range.
    """
    resolved = resolve(name, options)
    from bench.datasets.simulated.generate import generate  # numpy and pyarrow only now: listing datasets needs neither

    generate(folder, name, resolved, progress)
