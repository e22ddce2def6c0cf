"""Simulated sessions: the shopper model behind the datasets ``beauty``, ``clothes`` and ``digital``.

Nobody shopped. A hidden intent, half of it textual and half visual, asks an engine and clicks on what it shows. The
counts are calibrated to Table 1 of the paper (:mod:`bench.data.published`); the knobs say what drives the clicks, so
that known truths can be planted and looked for. What follows is the whole model; each line names its place in the code.
Vectors a, s, r_text have 6 dimensions, u and r_visual 6; <,> is a dot product; |shown| is K.

**Counts** (``calibration``, ``visits``), drawn first and untouched by every knob::

    steps           L = 2 + NegativeBinomial, mean (#KQ + #PQ) / #Sessions, P(L > 10) = 9 %, L <= 60
    kinds           step 1 keyword; later ones product with probability rho; none at all: one of them becomes product
    gaps            2 s + (30 min - 2 s) Beta(2 g, 2 (1 - g)), so that the mean time span is Avg. T(s)
    clicks          n = min(X + [the next step is a product query], K), X NegativeBinomial of size 1.5
    users           #Users / #Sessions per session; one user's sessions on different days of one week
    words           keyword query 1 + Binomial(6, .), title 5 + Binomial(2 (mean - 5), .)

**Items** (``catalogue``): up to 40 leaf categories with sizes falling as rank^-0.8. Given its leaf, item i has ::

    latents         a_i ~ N(0, I), u_i ~ N(0, I), independent
    quality         z_i = (<w, [a_i ; u_i]> / |w| + N(0, 1)) / sqrt(2), w fixed
    title           Plackett-Luce without replacement from the leaf's 180 words (``language.draw``), utility of word v
                    2 <s_v, a_i> / sqrt(6) - 0.8 ln(rank of v in the leaf's pool)
    image           127 clip(0.22 (M [leaf ; u_i] + N(0, I))), 512-d int8: nothing of a_i beyond the leaf
    word vector     W [leaf ; s_v] + 0.2 N(0, I), 50-d; W, M and 400 of the words are the same in all corpora

**A session** (``shopping``) has a leaf (as popular as it is large), a user with a taste t ~ N(0, I), and an intent ::

    intent          x*_1 ~ N(0, I), x*_(k+1) = sqrt(1 - drift^2) x*_k + drift N(0, I), x* = [a* ; u*]
    keyword query   drawn like a title, for a* in place of a_i: it says some of a* and nothing of u*
    product query   title and image of the item clicked last at the step before

**The engine** (``engine``) ranks by the current query only. r_text is the words' mean meaning, of length sqrt(6);
r_visual the image's visual latent, or 0::

    candidates      2 K items of the leaf around the query's quantile on one latent axis p, argmax |r_p| Uniform
    ranking         (<r_text, a_i> + <r_visual, u_i>) / sqrt(6) + N(0, 1); the first K are shown, without the items
                    that the session has searched from (else their images would tell whose text was liked)

**Clicks** (``shopping.click_utility``): the n largest of ::

    text_signal <a*, a_i> / sqrt(6) + visual_signal <u*, u_i> / sqrt(6) + user_signal <t, [a_i ; u_i]> / sqrt(12)
    + item_signal z_i - position_signal log2(rank) + noise Gumbel

With noise = 1 this is Plackett-Luce. Sessions outside the ``downstream`` sample list their clicked impressions only.

**Null worlds.** With text_signal = visual_signal = user_signal = 0, clicks depend on nothing in the session beyond the
list shown. But its order follows the current query, image included, and better places are clicked more: a model
that sees an image query which another cannot see may still gain by guessing ranks. position_signal = 0 ends that.
Likewise what was clicked earlier shows what makes an item good for all, which a model may not know of the item yet;
item_signal = 0 ends that, and then every choice of n items of a list is equally likely.
With visual_signal = 0 alone, images are no reason to click, yet the engine chose the list by text and image together,
so that within a list a_i and u_i are weakly coupled.

Dimensions, exponents, noises and the default signals are ours: Table 1 does not settle them. With 16 + 16 dimensions
and signals of 1 a click model learnt next to nothing from 15,000 queries and an LSTM nothing on top. The present ones
were chosen by a ranker without parameters (mean words and mean image of the session against title and image of the
candidate), which they lift well above chance, not for what another encoder gets in it.

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
