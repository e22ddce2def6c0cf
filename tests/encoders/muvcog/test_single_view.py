"""The encoders of Figure 4: one view of the graph alone, and graph attention as PyTorch Geometric defines it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from muvcog_equations import Restatement
from small_corpora import random_corpus
from test_muvcog_equations import plain_sessions, restated

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from encoders.muvcog.contrast import Discriminator
from encoders.muvcog.edges import co_edges, hetero_data, neighbour_edges, rf_edges
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.model import MuvcogM
from encoders.muvcog.single_view import Agv, Gat, Hlv

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=40, image_share=0.5)


@pytest.fixture
def graphs(corpus: Corpus) -> SessionGraphs:
    return SessionGraphs.of(SessionBatch.from_sessions(corpus, np.arange(40), Features.of(corpus)))


def plain_edges(graphs: SessionGraphs, corpus: Corpus) -> dict[str, set[tuple[tuple, tuple]]]:
    """CO, RF and neighbour pairs (source, target) of nodes (session, type, id), by loops over steps."""
    found: dict[str, set[tuple[tuple, tuple]]] = {"co": set(), "rf": set(), "neighbour": set()}
    for session, steps in enumerate(plain_sessions(graphs.batch)):
        before: set[tuple] = set()
        for step in steps:
            now = {(session, *node) for node in Restatement.members(step)}
            found["co"] |= {(a, b) for a in now for b in now if a != b}
            found["rf"] |= {(a, b) for a in before for b in now if a != b}
            found["neighbour"] |= {(a, b) for a in before | now for b in now}
            before = now
    return found


@pytest.mark.parametrize("kind", ["co", "rf", "neighbour"])
def test_edges_are_those_of_a_plain_walk_over_the_steps(graphs: SessionGraphs, corpus: Corpus, kind: str) -> None:
    edges = {"co": co_edges, "rf": rf_edges, "neighbour": neighbour_edges}[kind](graphs)
    types = ("KQ", "PQ", "IQ")
    row = torch.cat([graphs.word_rows, graphs.image_rows])[graphs.node_source]
    names = [
        (session, types[kind], row)
        for session, kind, row in zip(
            graphs.node_session.tolist(), graphs.node_type.tolist(), row.tolist(), strict=True
        )
    ]
    found = [(names[a], names[b]) for a, b in edges.T.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == plain_edges(graphs, corpus)[kind]


def test_attention_is_that_of_gatconv_with_its_gradients(graphs: SessionGraphs) -> None:
    torch.manual_seed(0)
    encoder = Gat(graphs.batch.features.dims, view_dim=6)
    results = []
    for attend in (encoder.attention, encoder.attention.by_edges):
        encoder.zero_grad()
        attended = attend(graphs, encoder.sources(graphs))
        (attended * torch.linspace(-1, 1, attended.numel()).view(attended.shape)).sum().backward()
        results.append([attended.detach(), *(p.grad.clone() for p in encoder.parameters() if p.grad is not None)])
    assert len(results[0]) == len(results[1]) == 6
    for kernel, geometric in zip(*results, strict=True):
        torch.testing.assert_close(kernel, geometric, atol=1e-4, rtol=1e-4)


def test_one_view_alone_is_that_view_of_muvcog(corpus: Corpus) -> None:
    torch.manual_seed(1)
    features = Features.of(corpus)
    both = MuvcogM(features.dims, view_dim=5)
    agv, hlv = Agv(features.dims, view_dim=5), Hlv(features.dims, view_dim=5)
    for alone in (agv, hlv):
        own = {k: v for k, v in both.state_dict().items() if k in alone.state_dict() and not k.startswith("discr")}
        alone.load_state_dict({**alone.state_dict(), **own})
    plain = restated(both, features, corpus)
    batch = SessionBatch.from_sessions(corpus, np.arange(40), features)
    sessions = plain_sessions(batch)
    with torch.no_grad():
        np.testing.assert_allclose(agv(batch).numpy(), [plain.agv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_allclose(hlv(batch).numpy(), [plain.hlv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("kind", [Agv, Hlv, Gat])
def test_one_view_is_contrasted_with_itself(kind: type[Agv] | type[Hlv] | type[Gat], corpus: Corpus) -> None:
    features = Features.of(corpus)
    encoder = kind(features.dims, view_dim=5)
    assert encoder.output_dim == 5
    ((discriminator, anchor, positive, whole),) = encoder._directions(
        SessionBatch.from_sessions(corpus, np.arange(40), features), torch.Generator().manual_seed(0)
    )
    assert isinstance(discriminator, Discriminator)
    assert torch.equal(anchor, whole)
    assert positive.shape == anchor.shape
    assert not torch.equal(positive, anchor)


def test_hetero_data_holds_every_node_and_edge(graphs: SessionGraphs) -> None:
    data = hetero_data(graphs)
    data.validate()
    assert set(data.node_types) == {"keyword_word", "product_word", "image"}
    assert data.num_nodes == len(graphs.node_session)
    for relation, edges in (("co", co_edges(graphs)), ("rf", rf_edges(graphs))):
        held = sum(data[kind].edge_index.shape[1] for kind in data.edge_types if kind[1] == relation)
        assert held == edges.shape[1] > 0
    assert data["image"].x.shape[1] == graphs.batch.features.dims.images
    assert torch.equal(data["keyword_word"].x, graphs.batch.features.words(data["keyword_word"].row))
    for source, _, target in data.edge_types:
        ends = data[source, _, target].edge_index
        assert torch.equal(data[source].batch[ends[0]], data[target].batch[ends[1]]), "no edge leaves its session"
