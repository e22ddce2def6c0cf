"""The query-item click graph across sessions: for a query, similar queries of other sessions and the clicks on them.

Chen et al., TOIS 2021 (https://doi.org/10.1145/3448127); where the walk differs from the public code is said in
:class:`baselines.hscm.model.Hscm`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.hscm.pairs import rank_within, take_rows_between, unique_pairs
from baselines.hscm.query_texts import QueryTexts, mix, similarity
from bench.data.csr import offsets_of, take_rows

_CELLS = 2**24  # similarities in memory at a time


@dataclass(frozen=True)
class Sampling:
    """How queries of other sessions are sampled from the graph.

    Attributes:
        similar: number of semantic neighbours of a query, from which the walk starts.
        pool: number of most similar reached queries, from which are drawn.
        threshold: least cosine of a query in the pool, which never has a query with a cosine of 0 or less.
        queries: number of queries drawn for a query.
        items: number of clicked items taken of a drawn query.
    """

    similar: int = 3
    pool: int = 20
    threshold: float = 0.8
    queries: int = 1
    items: int = 10


@dataclass(frozen=True)
class CrossSession:
    """Queries of other sessions that were drawn for m queries, and the clicks on them; -1 where there is none.

    Attributes:
        texts: (m, queries) text of each drawn query.
        items: (m, queries, items) items clicked under it, those that most sessions clicked first.
    """

    texts: NDArray[np.int64]
    items: NDArray[np.int64]


class ClickGraph:
    """A bipartite graph of query texts (N nodes) and items, with an edge where the item was clicked under the text.

    The clicks are those of training sessions. A query of such a session must not reach its own click, nor a later one
    of its session. So every edge keeps its sessions, and the graph is read for a session as if that session were not in
    it: its clicks are no edges, and a text that no other session clicked under is no node.

    Args:
        texts: the T texts.
        word_vectors: (V, dims.words).
        clicks: (n, 3) text, item and session of each click.
        items: number of items.
    """

    def __init__(
        self, texts: QueryTexts, word_vectors: NDArray[np.float32], clicks: NDArray[np.int64], items: int
    ) -> None:
        clicks = clicks[texts.lengths[clicks[:, 0]] > 0]
        clicks = np.unique(clicks, axis=0) if len(clicks) else clicks
        self.texts, self.directions = texts, texts.directions(word_vectors)
        self.nodes, node = np.unique(clicks[:, 0], return_inverse=True)  # (N,) text of each node
        node = node.reshape(-1)
        self.node_offsets = offsets_of(np.bincount(node, minlength=len(self.nodes)))
        self.node_clicks = clicks[:, 1:]  # (n, 2) item, session
        order = np.lexsort((clicks[:, 2], node, clicks[:, 1]))
        self.item_offsets = offsets_of(np.bincount(clicks[:, 1], minlength=items))
        self.item_clicks = np.stack([node, clicks[:, 2]], axis=1)[order]  # (n, 2) node, session

        # nodes of one session only, sorted by session: they do not exist for it
        node_sessions = np.unique(np.stack([node, clicks[:, 2]], axis=1), axis=0)  # (p, 2) node, session
        sessions_of_node = np.bincount(node_sessions[:, 0], minlength=len(self.nodes))  # (N,)
        sole = node_sessions[sessions_of_node[node_sessions[:, 0]] == 1]
        sole = sole[np.argsort(sole[:, 1], kind="stable")]
        self._sole_sessions, self._sole_nodes = sole[:, 1], sole[:, 0]
        self._node_of = np.full(len(texts), -1, dtype=np.int64)
        self._node_of[self.nodes] = np.arange(len(self.nodes))

    def sample(self, text: NDArray[np.int64], session: NDArray[np.int64], sampling: Sampling) -> CrossSession:
        """Queries of other sessions, with their clicks, for m queries.

        A query reaches the nodes of its own text and of its most similar texts, and from these, through a clicked item,
        the texts under which the same item was clicked. From the most similar reached nodes some are drawn, in
        proportion to their similarity. The draw depends on the two texts alone, so that a query always gets the same.

        Args:
            text: (m,) text of each query.
            session: (m,) the query's own session, which is left out of the graph; -1 for none.
            sampling: the numbers of neighbours, queries and items.
        """
        texts = np.full((len(text), sampling.queries), -1, dtype=np.int64)
        items = np.full((len(text), sampling.queries, sampling.items), -1, dtype=np.int64)
        if len(self.nodes):
            node_directions = torch.from_numpy(self.directions[self.nodes]).T.contiguous()  # (d, N)
            for rows in _chunks(len(text), max(1, _CELLS // len(self.nodes))):
                products = torch.from_numpy(self.directions[text[rows]]) @ node_directions  # (b, N)
                query, node = self._draw(products, text[rows], session[rows], sampling)  # (p,) each
                column = rank_within(query)
                texts[rows[query], column] = self.nodes[node]
                pair, item, rank = self._clicked_items(node, session[rows[query]])
                kept = rank < sampling.items
                items[rows[query[pair[kept]]], column[pair[kept]], rank[kept]] = item[kept]
        return CrossSession(texts, items)

    def reached(
        self, products: torch.Tensor, text: NDArray[np.int64], session: NDArray[np.int64], similar: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a query and a node that it reaches, ascending.

        Args:
            products: (b, N) inner products of the directions of queries and nodes; overwritten with -1 where a node
                does not exist for a query's session.
            text, session: (b,), as in :meth:`sample`.
            similar: number of semantic neighbours.

        Returns:
            (p,) queries 0 … b - 1 and (p,) nodes.
        """
        starts = np.searchsorted(self._sole_sessions, session, side="left")
        ends = np.searchsorted(self._sole_sessions, session, side="right")
        absent, owner = take_rows_between(self._sole_nodes, starts, ends)
        products[torch.from_numpy(owner), torch.from_numpy(absent)] = -1.0

        own_node = self._node_of[text]  # (b,) -1 where the text is no node
        with_own = np.flatnonzero(own_node >= 0)
        with_own = with_own[products.numpy()[with_own, own_node[with_own]] > 0]  # and the node exists for the session
        query, node = self._most_similar(products, similar, own_node)
        query, node = np.concatenate([with_own, query]), np.concatenate([own_node[with_own], node])  # (s,) seeds

        clicks, seed = take_rows(self.node_offsets, self.node_clicks, node)  # (c, 2) item, session; (c,)
        click_query = query[seed]
        foreign = clicks[:, 1] != session[click_query]
        item_query, item = unique_pairs(click_query[foreign], clicks[foreign, 0], len(self.item_offsets))
        clicks, pair = take_rows(self.item_offsets, self.item_clicks, item)  # (c', 2) node, session; (c',)
        click_query = item_query[pair]
        foreign = clicks[:, 1] != session[click_query]
        return unique_pairs(
            np.concatenate([query, click_query[foreign]]), np.concatenate([node, clicks[foreign, 0]]), len(self.nodes)
        )

    def _most_similar(
        self, products: torch.Tensor, similar: int, own_node: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a query and each of its ``similar`` nearest nodes but its own text's; ties go by their keys."""
        width = min(similar + 1, products.shape[1])
        least = products.topk(width, dim=1).values[:, -1:]  # (b, 1); topk's indices among equal values are arbitrary
        pairs = (products >= least.clamp(min=1.0)).nonzero().numpy()  # (p, 2); products are whole numbers
        query, node = pairs[:, 0], pairs[:, 1]
        not_own = node != own_node[query]
        query, node = query[not_own], node[not_own]
        order = np.lexsort((node, -products.numpy()[query, node], query))
        query, node = query[order], node[order]
        kept = rank_within(query) < similar
        return query[kept], node[kept]

    def _draw(
        self, products: torch.Tensor, text: NDArray[np.int64], session: NDArray[np.int64], sampling: Sampling
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a query and each node drawn for it, from the pool of its most similar reached nodes."""
        query, node = self.reached(products, text, session, sampling.similar)
        cosine = similarity(products.numpy()[query, node])
        near = (cosine >= sampling.threshold) & (cosine > 0)
        query, node, cosine = query[near], node[near], cosine[near]
        order = np.lexsort((node, -cosine, query))
        order = order[rank_within(query[order]) < sampling.pool]
        query, node, cosine = query[order], node[order], cosine[order]
        perturbed = np.log(cosine) + _gumbel(self.texts.keys[text[query]], self.texts.keys[self.nodes[node]])
        order = np.lexsort((-perturbed, query))
        order = order[rank_within(query[order]) < sampling.queries]
        return query[order], node[order]

    def _clicked_items(
        self, node: NDArray[np.int64], session: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The items clicked under each node (n,) in sessions other than the one beside it (n,).

        Returns:
            (c,) each: index 0 … n - 1 of the node, item, and the item's rank by the number of sessions that clicked it.
        """
        clicks, pair = take_rows(self.node_offsets, self.node_clicks, node)
        foreign = clicks[:, 1] != session[pair]
        items, count = np.unique(np.stack([pair[foreign], clicks[foreign, 0]], axis=1), axis=0, return_counts=True)
        items = items[np.lexsort((items[:, 1], -count, items[:, 0]))]  # (c, 2) index of the node, item
        return items[:, 0], items[:, 1], rank_within(items[:, 0])


def _gumbel(query: NDArray[np.uint64], node: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(n,) Gumbel noise that follows from the keys (n,) of two texts.

    The largest sums of it with log weights are a sample in proportion to the weights, without replacement.
    """
    uniform = ((mix(query ^ mix(node)) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return -np.log(-np.log(uniform))


def _chunks(total: int, size: int) -> Iterator[NDArray[np.int64]]:
    """The integers 0 … total - 1 in chunks."""
    for start in range(0, total, size):
        yield np.arange(start, min(start + size, total))
