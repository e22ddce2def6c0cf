"""TranSearch: user and query translated to the item they look for, in a space of text and image.

Paper: Guo et al., "Multi-modal Preference Modeling for Product Search", MM 2018
(https://doi.org/10.1145/3240508.3240541). Public code: https://github.com/guoyang9/TranSearch.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.losses import WeightPenalty
from baselines.options import TranSearchOptions
from baselines.transearch.feature_pretraining import feature_layers, glorot, pretrained_features, weights_of
from bench.contracts import ClickBatch, ClickCorpus, ClickDims, ClickModel
from bench.errors import BenchError
from bench.kernels import elu_layers, negative_distances, pair_hinge
from bench.plugins.options import read_options


class TranSearch(ClickModel):
    r"""A click model by distance in a latent space. With T the shared translation and f the feature layers,

    .. math::
        a = T(\mathrm{ELU}(e_u)) + T(\mathrm{ELU}(W_q q + b_q)), \qquad
        v = T(f_i([f_v(\text{image}) ; f_t(\text{title})]))

    a candidate's score is :math:`-\lVert a - v \rVert_2` and the loss the mean of
    :math:`\max(0, m - s^+ + s^-)` over clicked and unclicked candidates of a query.

    In mode ``double`` the feature layers are first pretrained on which items go together
    (:mod:`baselines.transearch.feature_pretraining`), lose their dropout, and are then trained with the rest. The
    public code intends to freeze them, but sets ``requires_grad`` on modules, where it has no effect; ``fixed`` does
    freeze them.

    In mode ``linear``, which is ours, :math:`f_i` reads :math:`H [\text{title} ; \text{image}] + b` in place of the
    feature layers, a linear layer of the same width. It can start from the item projection of a pretrained encoder
    (``item_head``): how much a tower gains that has seen what goes with what before it sees a label.

    What differs from the public code: the query and the titles are mean word vectors, as the benchmark gives them, not
    PV-DM vectors; negatives are the unclicked shown items; a user seen in fewer than two training sessions is one of
    "unknown" (the original has no new users at test time); the negatives meet their own sample (the public code's
    ``view`` mixes them up where a transpose was meant); a step takes 128 queries, not 512, with which the samples of
    this benchmark had not converged after 30 epochs; its default mode is ``double``, ours ``end``, which needs no
    stage of its own. Other defaults are those of the public code.

    Args:
        dims: widths of the feature vectors, and number of users.
        given: see :class:`baselines.options.TranSearchOptions`.
    """

    learning_rate = 1e-3
    batch_size = 128
    independent_items = True

    def __init__(self, dims: ClickDims, **given: Any) -> None:
        super().__init__(dims)
        options = read_options(TranSearchOptions, given, "transearch")
        mode, embed_size, dropout = options.mode, options.embed_size, options.dropout
        self.context_dim, self.mode, self.margin = embed_size, mode, options.margin
        self.pretraining_epochs, self.pretraining_negatives = options.pretraining_epochs, options.pretraining_negatives
        self.dropout, self.fixed = dropout, options.fixed
        self.feature_dropout, features = 0.0 if mode == "double" else dropout, dims.features
        layers = partial(feature_layers, embed_size=embed_size, dropout=self.feature_dropout)
        self.visual = layers(features.images) if mode not in ("text", "linear") else None
        self.textual = layers(features.words) if mode not in ("vis", "linear") else None
        self.user = nn.Embedding(dims.users, embed_size)
        self.query = nn.Sequential(nn.Linear(dims.features.words, embed_size), nn.ELU())
        self.translation = nn.Sequential(nn.Linear(embed_size, embed_size), nn.ELU())
        if mode in ("end", "double", "linear"):
            self.item = nn.Sequential(nn.Linear(2 * embed_size, embed_size), nn.ELU())
        else:
            self.item = nn.Sequential(
                nn.Linear(embed_size, embed_size), nn.ELU(), nn.Linear(embed_size, embed_size), nn.ELU()
            )
        self.head = nn.Linear(features.words + features.images, 2 * embed_size) if mode == "linear" else None
        self.item_head = options.item_head
        self.apply(glorot)
        self._penalty = WeightPenalty(self, options.weight_decay)
        # listed once: to look all of them up takes as long as one of these layers
        self._towers = [weights_of(tower) for tower in (self.visual, self.textual) if tower is not None]
        self._joint = [*weights_of(self.item), *weights_of(self.translation)]
        self._of_query, self._of_translation = *weights_of(self.query), *weights_of(self.translation)

    def prepare(self, data: ClickCorpus) -> None:
        """Pretrains the feature layers in mode ``double``; takes the item head over where one is named."""
        if self.head is not None and self.item_head:
            self._take_over(self.head, data)
        if self.mode != "double":
            return
        pretrained = pretrained_features(
            data, self.context_dim, self.dropout, self.margin, self.pretraining_epochs, self.pretraining_negatives
        )
        for layers, source in zip((self.visual, self.textual), pretrained, strict=True):
            assert layers is not None  # mode double has both
            layers.load_state_dict(source.state_dict())
            layers.requires_grad_(not self.fixed)

    def _take_over(self, head: nn.Linear, data: ClickCorpus) -> None:
        """Gives the linear layer the weights of the pretrained item head.

        Raises:
            BenchError: the encoder has no linear projection of items, or one of another width.
        """
        weight, bias = (data.pretrained.get(f"item.{name}") for name in ("weight", "bias"))
        if weight is None or bias is None or weight.shape != head.weight.shape:
            found = "none" if weight is None else f"one of {tuple(weight.shape)}"
            raise BenchError(
                f"{self.item_head} must have a linear item head of {tuple(head.weight.shape)}, and has {found}",
                where="option item_head of transearch",
                fix="muvcog-plus has one with hidden_dim=0 and head_dim twice embed_size",
            )
        head.load_state_dict({"weight": weight, "bias": bias})
        head.requires_grad_(not self.fixed)

    def context(self, batch: ClickBatch) -> Tensor:
        """(B, d) context: the translated user plus the translated query."""
        user, query = F.elu(self.user(batch.users)), _layer(batch.query_text, self._of_query)  # (B, d) each
        return _layer(user, self._of_translation) + _layer(query, self._of_translation)

    def items(self, batch: ClickBatch) -> Tensor:
        """(B, K, d) translated candidates."""
        if self.head is not None:
            inputs = torch.cat([batch.item_text, batch.item_images], dim=2)  # (B, K, dims.words + dims.images)
            translated: Tensor = self.translation(self.item(self.head(inputs)))
            return translated
        of_images = [] if self.visual is None else [batch.item_images]  # (B, K, dims.images)
        of_texts = [] if self.textual is None else [batch.item_text]  # (B, K, dims.words)
        dropout = self.feature_dropout if self.training else 0.0
        return elu_layers([*of_images, *of_texts], self._towers, self._joint, dropout)

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        """(B, K) negative Euclidean distances of contexts (B, d) and candidates (B, K, d)."""
        return negative_distances(context, items)

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        """Triplet loss: the mean over all pairs of a clicked and an unclicked candidate of the same query.

        Args:
            scores, clicks, shown: (B, K) as in :class:`bench.contracts.ClickModel`.
        """
        return pair_hinge(scores, clicks, shown, self.margin)

    def auxiliary_loss(self, batch: ClickBatch) -> Tensor | None:
        """The L2 penalty, whose gradient is the weight decay of the public code."""
        return self._penalty()


def _layer(rows: Tensor, weights: tuple[Tensor, Tensor]) -> Tensor:
    """A linear layer with ELU, without the calls of modules."""
    return F.elu(F.linear(rows, *weights))
