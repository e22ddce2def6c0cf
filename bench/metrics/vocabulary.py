"""Ranking a whole vocabulary: the top k words of each unit, and all that ranking metrics need, without sorting V words.

Ties are those of :mod:`bench.metrics.ranking`. A tie above rank k lies within the top k; only the one that holds
rank k can reach below it, and a single comparison with the k-th score counts its members. So the cost is that of
``topk`` and one pass over the scores, whatever V is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bench.data.features import segment_mean
from bench.metrics.ranking import TiedTop


@dataclass(frozen=True)
class TopWords:
    """The k best words of B units.

    Attributes:
        words: (B, k) best first, those with equal scores in the order of their rows; -1 beyond a vocabulary of fewer.
        scores: (B, k), minus infinity there and for NaN.
        ties: what ranking metrics need.
        mean_vector: (B, d) mean vector of the top k words. Words that are tied at rank k share the places left there
            equally, so that no order of the vocabulary can matter.
    """

    words: NDArray[np.int64]
    scores: NDArray[np.float32]
    ties: TiedTop
    mean_vector: Tensor


def top_words(scores: Tensor, words: Tensor, owner: Tensor, vectors: Tensor, k: int = 10) -> TopWords:
    """The top k of every row of ``scores``.

    Args:
        scores: (B, V) higher is better; NaN counts as the worst.
        words: (W,) the relevant words, each once per unit.
        owner: (W,) the unit of each.
        vectors: (V, d) word vectors.
        k: cut-off.
    """
    if bool(scores.isnan().any()):
        scores = scores.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    width = min(k, scores.shape[1])
    best, top = scores.topk(width, dim=1)  # (B, width), in descending order
    at_cut = best[:, -1:]  # (B, 1)
    above = (best > at_cut).sum(1)  # (B,) places taken by better words
    tied = (scores == at_cut).sum(1)  # (B,) words that the places left at the cut are shared by
    cut = (tied > width - above).nonzero().squeeze(1)  # rows in which some of them are left out
    top, mean_vector = _by_row(best, top), vectors[top].mean(1)
    if len(cut):
        in_tie = scores[cut] == at_cut[cut]  # (cut, V)
        rank = above[cut].unsqueeze(1)
        ranks = torch.arange(width, device=scores.device)
        top[cut] = torch.where(ranks < rank, top[cut], _lowest_rows(in_tie, width, rank))
        better = (vectors[top[cut]] * (best[cut] > at_cut[cut]).unsqueeze(2)).sum(1)  # (cut, d)
        shared = in_tie.to(vectors.dtype) @ vectors * ((width - rank) / tied[cut].unsqueeze(1))
        mean_vector[cut] = (better + shared) / width
    ties = _ties(best, at_cut, tied, scores[owner, words], owner, k)
    lacking = (0, k - width)
    return TopWords(
        F.pad(top, lacking, value=-1).cpu().numpy(),
        F.pad(best, lacking, value=-torch.inf).float().cpu().numpy(),
        ties,
        mean_vector,
    )


def mean_vectors(words: Tensor, owner: Tensor, units: int, vectors: Tensor) -> Tensor:
    """(units, d) mean vector of the words (W,) of each ``owner`` (W,), zero without words."""
    return segment_mean(vectors[words], owner, units)


def _by_row(best: Tensor, words: Tensor) -> Tensor:
    """The top words (B, k), whose scores are ``best``, with words of equal scores in ascending order of their rows."""
    ascending = words.argsort(dim=1)
    words, best = words.gather(1, ascending), best.gather(1, ascending)
    return words.gather(1, best.argsort(dim=1, descending=True, stable=True))


def _lowest_rows(in_tie: Tensor, width: int, rank: Tensor) -> Tensor:
    """(n, width) words that fill the ranks from ``rank`` (n, 1) on: the lowest rows of those in the tie (n, V)."""
    vocabulary = in_tie.shape[1]
    columns = torch.arange(vocabulary, dtype=torch.int32, device=in_tie.device).expand_as(in_tie)
    lowest = columns.masked_fill(~in_tie, vocabulary).topk(width, dim=1, largest=False).values.sort(dim=1).values
    filled = (torch.arange(width, device=in_tie.device) - rank).clamp(min=0)  # (n, width)
    return lowest.gather(1, filled).clamp(max=vocabulary - 1).long()


def _ties(best: Tensor, at_cut: Tensor, tied: Tensor, relevant: Tensor, owner: Tensor, k: int) -> TiedTop:
    """Ties of the top words with scores ``best`` (B, k), given the scores of the relevant words (W,)."""
    units, width = best.shape
    same = best.unsqueeze(2) == best.unsqueeze(1)  # (B, k, k)
    first = 1 + (best.unsqueeze(1) > best.unsqueeze(2)).sum(2)  # (B, k)
    size = torch.where(best == at_cut, tied.unsqueeze(1), same.sum(2))
    hits = first.new_zeros(units, width).index_add_(0, owner, (best[owner] == relevant.unsqueeze(1)).long())
    total = torch.bincount(owner, minlength=units)
    beyond = torch.arange(width + 1, k + 1, device=best.device).expand(units, -1)
    ranks = (
        torch.cat([first, beyond], dim=1),
        torch.cat([size, torch.ones_like(beyond)], dim=1),
        torch.cat([hits, torch.zeros_like(beyond)], dim=1),
    )
    return TiedTop(*(tensor.cpu().numpy() for tensor in (*ranks, total)))
