"""Neighbour lists are the edges that are listed elsewhere, for short sessions, long ones and empty ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from small_corpora import random_corpus

from bench.data.batch import SessionBatch
from bench.data.features import Features
from encoders.kernels import TYPES
from encoders.kernels.neighbours import Neighbourhoods
from encoders.muvcog.edges import neighbour_edges
from encoders.muvcog.graph import SessionGraphs

SHAPES = {"short": (40, 6, 40), "long, few words": (6, 200, 40), "long, many words": (4, 150, 3000)}


def graphs_of(folder: Path, sessions: int, longest: int, vocabulary: int) -> SessionGraphs:
    corpus = random_corpus(folder / "corpus", sessions, longest=longest, vocabulary=vocabulary, image_share=0.7)
    batch = SessionBatch.from_sessions(corpus, np.arange(sessions), Features.of(corpus))
    masked = torch.zeros(len(batch.step_kind), dtype=torch.bool)
    masked[batch.step_session == 1] = True  # a session without steps
    return SessionGraphs.of(batch.without_steps(masked))


def pairs_of(found: Neighbourhoods) -> NDArray[np.int64]:
    """(2, e) sender and receiver of all pairs, in the order of ``neighbour_edges``."""
    pairs = []
    for group in range(len(found.first_receiver) - 1):
        senders = found.senders[found.first_sender[TYPES * group] : found.first_sender[TYPES * (group + 1)]]
        for receiver in found.receivers[found.first_receiver[group] : found.first_receiver[group + 1]]:
            pairs += [(int(receiver), int(sender)) for sender in senders]
    return np.array(sorted(pairs)).T[::-1]


@pytest.mark.parametrize("shape", list(SHAPES), ids=list(SHAPES))
def test_lists_are_the_neighbour_edges(tmp_path: Path, shape: str) -> None:
    graphs = graphs_of(tmp_path, *SHAPES[shape])
    found = Neighbourhoods.of(graphs.layout())
    if shape != "short":
        assert int(graphs.batch.num_steps.max()) > 64, "more steps than bits of a word"
    if shape == "long, many words":
        assert int(graphs.num_nodes.max()) > 200, "several words of bits"
    np.testing.assert_array_equal(pairs_of(found), neighbour_edges(graphs).numpy())
    assert sorted(found.receivers) == list(range(len(graphs.node_session)))
    assert len(found.first_receiver) - 1 < len(found.receivers), "some nodes share their lists"
    session = graphs.node_session.numpy()
    for row in range(len(graphs.batch)):
        first, last = found.first_receiver[found.groups[row : row + 2]]
        assert (session[found.receivers[first:last]] == row).all()
    kind = np.repeat(np.arange(len(found.first_sender) - 1) % TYPES, np.diff(found.first_sender))
    np.testing.assert_array_equal(graphs.node_type.numpy()[found.senders], kind)


def test_nodes_of_the_same_steps_share_a_list_and_others_do_not(tmp_path: Path) -> None:
    graphs = graphs_of(tmp_path, *SHAPES["short"])
    found = Neighbourhoods.of(graphs.layout())
    steps: dict[int, set[int]] = {}
    for node, step in zip(graphs.member_node.tolist(), graphs.member_step.tolist(), strict=True):
        steps.setdefault(node, set()).add(step)
    groups = [
        {frozenset(steps[node]) for node in found.receivers[first:last].tolist()}
        for first, last in zip(found.first_receiver[:-1], found.first_receiver[1:], strict=True)
    ]
    assert all(len(shared) == 1 for shared in groups)
    assert len(set.union(*groups)) == len(groups)
    assert any(len(next(iter(shared))) > 1 for shared in groups), "some stand in several steps"


def test_without_types_all_are_of_the_first(tmp_path: Path) -> None:
    graphs = graphs_of(tmp_path, *SHAPES["short"])
    found = Neighbourhoods.of(graphs.layout(typed=False))
    np.testing.assert_array_equal(pairs_of(found), neighbour_edges(graphs).numpy())
    assert not np.diff(found.first_sender).reshape(-1, TYPES)[:, 1:].any()
