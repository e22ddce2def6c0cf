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

from baselines.hscm.nearest import as_columns, nearest
from baselines.hscm.query_texts import QueryTexts, mix, similarity
from baselines.pairs import rank_within, unique_pairs
from bench.data.csr import offsets_of, take_rows

_CELLS = 2**22  # similarities in memory at a time
_QUERIES = 1024  # walked from at a time
_NO_SESSION = -2  # no query's, whose least is -1


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


@dataclass(frozen=True)
class _Asked:
    """Queries that are walked from together, and what is known of their texts.

    Attributes:
        products: (b, M) inner products of the directions of distinct texts and nodes.
        near: CSR offsets of these texts, and the nodes nearest to each, nearest first.
        place: (q,) the row of each query's text in ``products``.
        text, session: (q,), as in :meth:`ClickGraph.sample`.
    """

    products: torch.Tensor
    near: tuple[NDArray[np.int64], NDArray[np.int64]]
    place: NDArray[np.int64]
    text: NDArray[np.int64]
    session: NDArray[np.int64]


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

        # nodes of one session only: they do not exist for it
        node_sessions = np.unique(np.stack([node, clicks[:, 2]], axis=1), axis=0)  # (p, 2) node, session
        sessions_of_node = np.bincount(node_sessions[:, 0], minlength=len(self.nodes))  # (N,)
        sole = node_sessions[sessions_of_node[node_sessions[:, 0]] == 1]
        self._sole_session = np.full(len(self.nodes), _NO_SESSION, dtype=np.int64)  # (N,)
        self._sole_session[sole[:, 0]] = sole[:, 1]
        self._sole_sessions = np.sort(sole[:, 1])
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
        if not len(self.nodes):
            return CrossSession(texts, items)
        order = np.argsort(text, kind="stable")
        distinct, repeats = np.unique(text, return_counts=True)  # (D,) each
        offsets = offsets_of(repeats)  # of each distinct text's queries in order
        node_directions = as_columns(self.directions[self.nodes])  # (d, M)
        for some in _chunks(len(distinct), max(1, _CELLS // node_directions.shape[1])):
            products = torch.from_numpy(self.directions[distinct[some]]) @ node_directions  # (b, M)
            queries, place = take_rows(offsets, order, some)  # (q,) each: the queries of these texts, and their row
            near = self._nearest(products, place, session[queries], sampling.similar)
            for part in _chunks(len(queries), _QUERIES):
                rows = queries[part]
                asked = _Asked(products, near, place[part], text[rows], session[rows])
                query, node = self._draw(asked, sampling)  # (p,) each
                column = rank_within(query)
                texts[rows[query], column] = self.nodes[node]
                pair, item, rank = self._clicked_items(node, session[rows[query]])
                kept = rank < sampling.items
                items[rows[query[pair[kept]]], column[pair[kept]], rank[kept]] = item[kept]
        return CrossSession(texts, items)

    def _nearest(
        self, products: torch.Tensor, place: NDArray[np.int64], session: NDArray[np.int64], similar: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The nearest nodes of b texts: each query keeps ``similar`` when its own and those absent for it are left out.

        Returns:
            (b + 1,) CSR offsets of the texts, and (p,) nodes, nearest first.
        """
        absent = np.searchsorted(self._sole_sessions, session, side="right")
        absent = absent - np.searchsorted(self._sole_sessions, session, side="left")  # (q,)
        wanted = np.zeros(len(products), dtype=np.int64)
        np.maximum.at(wanted, place, absent + similar + 1)
        owner, node = nearest(products, wanted)
        return offsets_of(np.bincount(owner, minlength=len(products))), node

    def _reached(self, asked: _Asked, similar: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a query and a node that it reaches, ascending.

        Args:
            asked: q queries.
            similar: number of semantic neighbours.

        Returns:
            (p,) queries 0 … q - 1 and (p,) nodes.
        """
        products, place, session = asked.products, asked.place, asked.session
        own_node = self._node_of[asked.text]  # (q,) -1 where the text is no node
        with_own = np.flatnonzero(own_node >= 0)
        own = own_node[with_own]
        exists = self._sole_session[own] != session[with_own]
        with_own = with_own[exists & (products.numpy()[place[with_own], own] > 0)]
        node, query = take_rows(*asked.near, place)
        other = (node != own_node[query]) & (self._sole_session[node] != session[query])
        query, node = query[other], node[other]
        kept = rank_within(query) < similar
        query, node = query[kept], node[kept]
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

    def _draw(self, asked: _Asked, sampling: Sampling) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a query and each node drawn for it, from the pool of its most similar reached nodes."""
        query, node = self._reached(asked, sampling.similar)
        cosine = similarity(asked.products.numpy()[asked.place[query], node])
        alike = (cosine >= sampling.threshold) & (cosine > 0)
        query, node, cosine = query[alike], node[alike], cosine[alike]
        order = np.lexsort((node, -cosine, query))
        order = order[rank_within(query[order]) < sampling.pool]
        query, node, cosine = query[order], node[order], cosine[order]
        perturbed = np.log(cosine) + _gumbel(self.texts.keys[asked.text[query]], self.texts.keys[self.nodes[node]])
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
