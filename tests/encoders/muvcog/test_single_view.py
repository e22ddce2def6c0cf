"""The encoders of Figure 4: one view of the graph alone, and graph attention as PyTorch Geometric defines it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from muvcog_equations import Restatement
from small_corpora import random_corpus
from test_muvcog_equations import plain_sessions, restated

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Dims, Features
from bench.errors import BenchError
from encoders.muvcog.discriminators import Discriminator
from encoders.muvcog.edges import neighbour_edges
from encoders.muvcog.graph import SessionGraphs
from encoders.muvcog.model import Muvcog
from encoders.muvcog.views.gat import HomogeneousAttention

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("c") / "corpus", sessions=40, image_share=0.5)


@pytest.fixture
def graphs(corpus: Corpus) -> SessionGraphs:
    return SessionGraphs.of(SessionBatch.from_sessions(corpus, np.arange(40), Features.of(corpus)))


def plain_edges(graphs: SessionGraphs) -> set[tuple[tuple, tuple]]:
    """Pairs (neighbour, node) of nodes (session, type, id), by loops over steps."""
    found: set[tuple[tuple, tuple]] = set()
    for session, steps in enumerate(plain_sessions(graphs.batch)):
        before: set[tuple] = set()
        for step in steps:
            now = {(session, *node) for node in Restatement.members(step)}
            found |= {(a, b) for a in before | now for b in now}
            before = now
    return found


def test_edges_are_those_of_a_plain_walk_over_the_steps(graphs: SessionGraphs) -> None:
    types = ("KQ", "PQ", "IQ")
    row = torch.cat([graphs.word_rows, graphs.image_rows])[graphs.node_source]
    names = [
        (session, types[kind], row)
        for session, kind, row in zip(
            graphs.node_session.tolist(), graphs.node_type.tolist(), row.tolist(), strict=True
        )
    ]
    found = [(names[a], names[b]) for a, b in neighbour_edges(graphs).T.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == plain_edges(graphs)


def test_attention_is_that_of_gatconv_with_its_gradients(graphs: SessionGraphs) -> None:
    torch.manual_seed(0)
    encoder = Muvcog(graphs.batch.features.dims, views="gat", view_dim=6)
    view = encoder.encoders["gat"]
    assert isinstance(view, HomogeneousAttention)
    results = []
    for attend in (view, view.by_edges):
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
    both = Muvcog(features.dims, view_dim=5)
    agv, hlv = (Muvcog(features.dims, views=views, view_dim=5) for views in ("agv", "hlv"))
    for alone in (agv, hlv):
        own = {k: v for k, v in both.state_dict().items() if k in alone.state_dict() and not k.startswith("discr")}
        alone.load_state_dict({**alone.state_dict(), **own})
    plain = restated(both, features, corpus)
    batch = SessionBatch.from_sessions(corpus, np.arange(40), features)
    sessions = plain_sessions(batch)
    with torch.no_grad():
        np.testing.assert_allclose(agv(batch).numpy(), [plain.agv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_allclose(hlv(batch).numpy(), [plain.hlv(s) for s in sessions], atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize("views", ["agv", "hlv", "gat"])
def test_one_view_is_contrasted_with_itself(views: str, corpus: Corpus) -> None:
    features = Features.of(corpus)
    encoder = Muvcog(features.dims, views=views, view_dim=5)
    assert encoder.output_dim == 5
    ((discriminator, anchor, positive, whole),) = encoder._directions(
        SessionBatch.from_sessions(corpus, np.arange(40), features), torch.Generator().manual_seed(0)
    )
    assert isinstance(discriminator, Discriminator)
    assert torch.equal(anchor, whole)
    assert positive.shape == anchor.shape
    assert not torch.equal(positive, anchor)


def test_without_torch_geometric_gat_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    with pytest.raises(BenchError, match="pip install torch-geometric"):
        Muvcog(Dims(), views="gat")
