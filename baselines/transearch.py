"""TranSearch: a user and a query are translated to the item they look for, in a space of text and image.

Paper: Guo et al., "Multi-modal Preference Modeling for Product Search", MM 2018
(https://doi.org/10.1145/3240508.3240541). Public code: https://github.com/guoyang9/TranSearch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.contracts import ClickBatch, ClickDims, ClickModel
from bench.errors import BenchError

MODES = ("end", "text", "vis")


class TranSearch(ClickModel):
    r"""With T the shared translation and f the feature layers,

    .. math::
        a = T(\mathrm{ELU}(e_u)) + T(\mathrm{ELU}(W_q q + b_q)), \qquad
        v = T(f_i([f_v(\text{image}) ; f_t(\text{title})]))

    a candidate's score is :math:`-\lVert a - v \rVert_2` and the loss the mean of
    :math:`\max(0, m - s^+ + s^-)` over clicked and unclicked candidates of a query.

    What differs from the public code: the query and the titles are mean word vectors, as the benchmark gives them, not
    PV-DM vectors; negatives are the unclicked shown items; a user seen in fewer than two training sessions is one of
    "unknown" (the original has no new users at test time); the negatives meet their own sample (the public code's
    ``view`` mixes them up where a transpose was meant); feature layers are trained together with the rest (its mode
    ``end``; no separate pretraining yet). Defaults are those of the public code.

    Args:
        dims: widths of vectors, and number of users.
        mode: ``end`` for text and image, ``text`` or ``vis`` for one of them.
        embed_size: d.
        dropout: in the feature layers.
        margin: m.
    """

    learning_rate = 1e-3
    batch_size = 128

    def __init__(
        self, dims: ClickDims, mode: str = "end", embed_size: int = 32, dropout: float = 0.5, margin: float = 1.0
    ) -> None:
        super().__init__(dims)
        if mode not in MODES:
            raise BenchError(f"{mode!r} is not one of {', '.join(MODES)}", where="option mode of transearch")
        self.context_dim, self.mode, self.margin = embed_size, mode, margin
        self.visual = _feature_layers(dims.features.images, embed_size, dropout) if mode != "text" else None
        self.textual = _feature_layers(dims.features.words, embed_size, dropout) if mode != "vis" else None
        self.user = nn.Embedding(dims.users, embed_size)
        self.query = nn.Sequential(nn.Linear(dims.features.words, embed_size), nn.ELU())
        self.translation = nn.Sequential(nn.Linear(embed_size, embed_size), nn.ELU())
        if mode == "end":
            self.item = nn.Sequential(nn.Linear(2 * embed_size, embed_size), nn.ELU())
        else:
            self.item = nn.Sequential(
                nn.Linear(embed_size, embed_size), nn.ELU(), nn.Linear(embed_size, embed_size), nn.ELU()
            )
        self.apply(_glorot)

    def context(self, batch: ClickBatch) -> Tensor:
        """(B, d) the translated user plus the translated query."""
        user = self.translation(F.elu(self.user(batch.users)))  # (B, d)
        return user + self.translation(self.query(batch.query_text))

    def items(self, batch: ClickBatch) -> Tensor:
        """(B, K, d) the translated candidates."""
        parts = []
        if self.visual is not None:
            parts.append(self.visual(batch.item_images))  # (B, K, d)
        if self.textual is not None:
            parts.append(self.textual(batch.item_text))
        return self.translation(self.item(torch.cat(parts, dim=-1)))

    def match(self, context: Tensor, items: Tensor) -> Tensor:
        """(B, K) negative Euclidean distances."""
        difference = context.unsqueeze(1) - items + 1e-6  # as triplet_margin_loss keeps the root away from 0
        return -difference.square().sum(2).sqrt()

    def loss(self, scores: Tensor, clicks: Tensor, shown: Tensor) -> Tensor:
        """Triplet loss: the mean over all pairs of a clicked and an unclicked candidate of the same query."""
        clicked, unclicked = (clicks > 0) & shown, (clicks == 0) & shown
        pair = clicked.unsqueeze(2) & unclicked.unsqueeze(1)  # (B, K, K)
        hinge = F.relu(self.margin - scores.unsqueeze(2) + scores.unsqueeze(1))
        return (hinge * pair).sum() / pair.sum().clamp(min=1)


def _feature_layers(width: int, embed_size: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, embed_size), nn.ELU(), nn.Dropout(dropout), nn.Linear(embed_size, embed_size), nn.ELU()
    )


def _glorot(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.xavier_uniform_(module.weight)
