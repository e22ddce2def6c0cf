"""The query-item click graph across sessions, and what it says about a query: similar queries and their clicks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.hscm.query_texts import QueryTexts, mix, similarity
from bench.data.csr import Integers, Scalar, offsets_of, take_rows

_CELLS = 2**24  # similarities held at a time


@dataclass(frozen=True)
class Sampling:
    """How queries are sampled from the graph.

    Attributes:
        similar: semantic neighbours of a query, from which the walk starts.
        pool: most similar queries among those reached that one is drawn from.
        threshold: least cosine of a query in the pool; none is there with a cosine of 0 or less.
        queries: drawn for each query.
        items: clicked items of each drawn query.
    """

    similar: int = 3
    pool: int = 20
    threshold: float = 0.8
    queries: int = 1
    items: int = 10


@dataclass(frozen=True)
class CrossSession:
    """What m queries get from other sessions; -1 where there is none.

    Attributes:
        texts: (m, queries) text of each drawn query.
        items: (m, queries, items) what was clicked there, clicked by most sessions first.
    """

    texts: NDArray[np.int64]
    items: NDArray[np.int64]


class ClickGraph:
    """Query texts and the items that were clicked under them, in training sessions.

    A query of one of those sessions must not find its own click again, nor what its session does later. So every edge
    knows its sessions, and all that is asked on behalf of a session is answered as if that session were not in the
    graph: its clicks are no edges, and a text that it alone brought in is no node.

    Args:
        texts: the texts that ids refer to.
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
        self.node_clicks = clicks[:, 1:]  # item, session
        order = np.lexsort((clicks[:, 2], node, clicks[:, 1]))
        self.item_offsets = offsets_of(np.bincount(clicks[:, 1], minlength=items))
        self.item_clicks = np.stack([node, clicks[:, 2]], axis=1)[order]  # node, session

        support = np.unique(np.stack([node, clicks[:, 2]], axis=1), axis=0)  # node, session
        sole = support[np.bincount(support[:, 0], minlength=len(self.nodes))[support[:, 0]] == 1]
        sole = sole[np.argsort(sole[:, 1], kind="stable")]
        self._sole_sessions, self._sole_nodes = sole[:, 1], sole[:, 0]
        self._node_of = np.full(len(texts), -1, dtype=np.int64)
        self._node_of[self.nodes] = np.arange(len(self.nodes))

    def sample(self, text: NDArray[np.int64], session: NDArray[np.int64], sampling: Sampling) -> CrossSession:
        """Cross-session queries and clicks for m queries.

        A query reaches its own text and its most similar texts, and from these, through a clicked item, the texts that
        led to the same item. Of the most similar ones reached some are drawn, in proportion to their similarity. The
        draw hangs on the two texts alone, so the same query always gets the same answer.

        Args:
            text: (m,) text of each query.
            session: (m,) the session on whose behalf it is asked, which is left out; -1 for none.
            sampling: how many of what.
        """
        texts = np.full((len(text), sampling.queries), -1, dtype=np.int64)
        items = np.full((len(text), sampling.queries, sampling.items), -1, dtype=np.int64)
        if len(self.nodes):
            node_directions = torch.from_numpy(self.directions[self.nodes]).T.contiguous()  # (d, N)
            for rows in _chunks(len(text), max(1, _CELLS // len(self.nodes))):
                products = torch.from_numpy(self.directions[text[rows]]) @ node_directions  # (b, N)
                query, node = self._drawn(products, text[rows], session[rows], sampling)
                slot = _place(query)
                texts[rows[query], slot] = self.nodes[node]
                pair, item, rank = self._clicked(node, session[rows[query]])
                kept = rank < sampling.items
                items[rows[query[pair[kept]]], slot[pair[kept]], rank[kept]] = item[kept]
        return CrossSession(texts, items)

    def reached(
        self, products: torch.Tensor, text: NDArray[np.int64], session: NDArray[np.int64], similar: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a query and a node in its reach, ascending.

        Args:
            products: (b, N) inner products of the directions of queries and nodes; overwritten where a node does not
                exist for a session.
            text, session: (b,), as in :meth:`sample`.
            similar: semantic neighbours.
        """
        first = np.searchsorted(self._sole_sessions, session, side="left")
        last = np.searchsorted(self._sole_sessions, session, side="right")
        absent, owner = take_rows_between(self._sole_nodes, first, last)
        products[torch.from_numpy(owner), torch.from_numpy(absent)] = -1.0

        own = self._node_of[text]
        itself = np.flatnonzero(own >= 0)
        itself = itself[products.numpy()[itself, own[itself]] > 0]  # not where the session alone brought it in
        query, node = self._most_similar(products, similar, own)
        query, node = np.concatenate([itself, query]), np.concatenate([own[itself], node])

        seed, clicks = _take(self.node_offsets, self.node_clicks, node)  # clicks: item, session
        query_of, others = query[seed], clicks[:, 1] != session[query[seed]]
        pairs = _unique_pairs(query_of[others], clicks[others, 0], len(self.item_offsets))
        via, back = _take(self.item_offsets, self.item_clicks, pairs[1])  # back: node, session
        query_of = pairs[0][via]
        others = back[:, 1] != session[query_of]
        return _unique_pairs(
            np.concatenate([query, query_of[others]]), np.concatenate([node, back[others, 0]]), len(self.nodes)
        )

    def _most_similar(
        self, products: torch.Tensor, similar: int, own: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of a query and each of its ``similar`` nearest nodes other than its own text; equals by their keys."""
        width = min(similar + 1, products.shape[1])
        least = products.topk(width, dim=1).values[:, -1:]  # unlike the places of equals, their value is certain
        found = (products >= least.clamp(min=1.0)).nonzero().numpy()  # products are whole numbers
        query, node = found[:, 0], found[:, 1]
        other = node != own[query]
        query, node = query[other], node[other]
        order = np.lexsort((node, -products.numpy()[query, node], query))
        query, node = query[order], node[order]
        kept = _place(query) < similar
        return query[kept], node[kept]

    def _drawn(
        self, products: torch.Tensor, text: NDArray[np.int64], session: NDArray[np.int64], sampling: Sampling
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        query, node = self.reached(products, text, session, sampling.similar)
        cosine = similarity(products.numpy()[query, node])
        near = (cosine >= sampling.threshold) & (cosine > 0)
        query, node, cosine = query[near], node[near], cosine[near]
        order = np.lexsort((node, -cosine, query))
        order = order[_place(query[order]) < sampling.pool]
        query, node, cosine = query[order], node[order], cosine[order]
        drawn = np.log(cosine) + _gumbel(self.texts.keys[text[query]], self.texts.keys[self.nodes[node]])
        order = np.lexsort((-drawn, query))
        order = order[_place(query[order]) < sampling.queries]
        return query[order], node[order]

    def _clicked(
        self, node: NDArray[np.int64], session: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(pair, item, rank) of what was clicked under each node (n,), but not in the session beside it (n,)."""
        pair, clicks = _take(self.node_offsets, self.node_clicks, node)
        others = clicks[:, 1] != session[pair]
        found, count = np.unique(np.stack([pair[others], clicks[others, 0]], axis=1), axis=0, return_counts=True)
        order = np.lexsort((found[:, 1], -count, found[:, 0]))
        found = found[order]
        return found[:, 0], found[:, 1], _place(found[:, 0])


def take_rows_between(
    values: NDArray[Scalar], first: Integers, last: Integers
) -> tuple[NDArray[Scalar], NDArray[np.int64]]:
    """``values[first[i]:last[i]]`` one after the other, and the ``i`` of each."""
    offsets = np.stack([first, last], axis=1).reshape(-1)
    return take_rows(offsets, values, 2 * np.arange(len(first)))


def _take(offsets: Integers, values: NDArray[Scalar], rows: Integers) -> tuple[NDArray[np.int64], NDArray[Scalar]]:
    found, owner = take_rows(offsets, values, rows)
    return owner, found


def _place(sorted_groups: Integers) -> NDArray[np.int64]:
    """(n,) place of each entry within its group, where equal groups stand together."""
    new = np.flatnonzero(np.diff(sorted_groups, prepend=-1))
    lengths = np.diff(np.append(new, len(sorted_groups)))
    return np.arange(len(sorted_groups)) - np.repeat(new, lengths)


def _unique_pairs(left: Integers, right: Integers, bound: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = np.unique(left * np.int64(bound) + right)
    return found // bound, found % bound


def _gumbel(query: NDArray[np.uint64], node: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(n,) Gumbel noise that follows from the two keys: the largest sums with log weights are a weighted sample."""
    uniform = ((mix(query ^ mix(node)) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
    return -np.log(-np.log(uniform))


def _chunks(total: int, size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, total, size):
        yield np.arange(start, min(start + size, total))
