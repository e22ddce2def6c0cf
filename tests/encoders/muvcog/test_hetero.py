"""The graphs that PyTorch Geometric gets have the nodes, vectors and edges of MUVCOG's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from muvcog_equations import Restatement
from small_corpora import random_corpus
from test_muvcog_equations import plain_sessions

from bench.data.batch import SessionBatch
from bench.data.features import Features
from encoders.muvcog.edges import neighbour_edges
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.hetero import NODE_TYPES, session_graph

SHORT = dict(zip(NODE_TYPES, ("KQ", "PQ", "IQ"), strict=True))
Node = tuple[int, str, int]


def test_nodes_vectors_and_edges_are_those_of_the_sessions(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", sessions=40, image_share=0.5)
    features, chosen = Features.of(corpus), [3, 7, 8, 30]
    data = session_graph(corpus, chosen, features)
    graphs = SessionGraphs.of(SessionBatch.from_sessions(corpus, np.array(chosen), features))

    names: dict[str, list[Node]] = {}
    for kind, short in SHORT.items():
        of_kind = zip(data[kind].session.tolist(), data[kind].row.tolist(), strict=True)
        names[kind] = [(session, short, row) for session, row in of_kind]
        look_up = features.images if short == "IQ" else features.words
        torch.testing.assert_close(data[kind].x, look_up(data[kind].row), atol=0, rtol=0)
    found: dict[str, list[tuple[Node, Node]]] = {"together": [], "next": []}
    for (source, relation, target), edges in data.edge_index_dict.items():
        found[relation] += [(names[source][a], names[target][b]) for a, b in edges.T.tolist()]

    plain: dict[str, set[tuple[Node, Node]]] = {"together": set(), "next": set()}
    for session, steps in enumerate(plain_sessions(graphs.batch)):
        before: set[Node] = set()
        for step in steps:
            now = {(session, *node) for node in Restatement.members(step)}
            plain["together"] |= {(a, b) for a in now for b in now if a != b}
            plain["next"] |= {(a, b) for a in before for b in now}
            before = now
    for relation, edges in found.items():
        assert len(edges) == len(set(edges))
        assert set(edges) == plain[relation]
    own = len(graphs.node_session)
    assert len(plain["together"] | plain["next"] | {(n, n) for of in names.values() for n in of}) == len(
        neighbour_edges(graphs).T
    )
    assert own == data.num_nodes
    assert data.validate()
