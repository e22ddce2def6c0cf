"""TranSearch agrees with its equations in float64 and with torch's triplet loss, and learns what is there to learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.transearch.model import TranSearch
from bench.contracts import ClickBatch, ClickDims
from bench.data.features import Dims
from bench.errors import BenchError
from bench.testing.click_corpora import GivenInputs, altered
from bench.testing.sessions import batch_of, random_features, random_steps

QUERIES, WIDTH, USERS, D = 9, 6, 4, 5
DIMS = ClickDims(Dims(8, 12), USERS)


def batch(seed: int = 0, queries: int = QUERIES, width: int = WIDTH) -> ClickBatch:
    """Random queries; some rows are filled up, every one shows a clicked and an unclicked item."""
    draws = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draws)

    shown = torch.arange(width) < torch.randint(2, width + 1, (queries, 1), generator=draws)
    clicks = torch.zeros(queries, width)
    clicks[:, 0] = 1
    clicks[::3, 2] = 1
    sessions = batch_of(random_features(DIMS.features), [random_steps(2, seed=at) for at in range(queries)])
    return ClickBatch(
        queries=torch.arange(queries),
        users=torch.randint(USERS, (queries,), generator=draws),
        items=torch.randint(50, (queries, width), generator=draws),
        shown=shown,
        clicks=clicks * shown,
        lookup=GivenInputs(
            sessions=sessions,
            query_text=normal(queries, DIMS.features.words),
            item_text=normal(queries, width, DIMS.features.words),
            item_images=normal(queries, width, DIMS.features.images),
        ),
    )


def model(mode: str = "end", **options: float) -> TranSearch:
    torch.manual_seed(1)
    made = TranSearch(DIMS, mode=mode, embed_size=D, **options)  # type: ignore[arg-type]
    for parameter in made.parameters():  # biases too must count
        torch.nn.init.uniform_(parameter, -0.8, 0.8)
    return made.eval()


def elu(x: NDArray) -> NDArray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


@pytest.mark.parametrize("mode", ["end", "double", "text", "vis"])
def test_scores_are_those_of_the_equations(mode: str) -> None:
    made, data = model(mode), batch()
    weights = {name: value.double().numpy() for name, value in made.state_dict().items()}

    def layer(name: str, x: NDArray) -> NDArray:
        return elu(weights[f"{name}.weight"] @ x + weights[f"{name}.bias"])

    def of_query(q: int) -> NDArray:
        user = layer("translation.0", elu(weights["user.weight"][data.users[q]]))
        return user + layer("translation.0", layer("query.0", data.query_text[q].double().numpy()))

    def of_item(q: int, k: int) -> NDArray:
        image, title = data.item_images[q, k].double().numpy(), data.item_text[q, k].double().numpy()
        parts = []
        if mode != "text":
            parts.append(layer("visual.3", layer("visual.0", image)))
        if mode != "vis":
            parts.append(layer("textual.3", layer("textual.0", title)))
        item = layer("item.0", np.concatenate(parts))
        return layer("translation.0", item if mode in ("end", "double") else layer("item.2", item))

    expected = [[-np.linalg.norm(of_query(q) - of_item(q, k)) for k in range(WIDTH)] for q in range(QUERIES)]
    with torch.no_grad():
        context, items = made.context(data), made.items(data)
        scores = made.match(context, items)
    assert context.shape == (QUERIES, made.context_dim)
    assert items.shape[:2] == (QUERIES, WIDTH)
    np.testing.assert_allclose(scores.numpy(), expected, atol=1e-5)


def test_a_mode_reads_only_what_it_says() -> None:
    data = batch()
    without_image = altered(data, item_images=torch.zeros_like(data.item_images))
    without_text = altered(data, item_text=torch.zeros_like(data.item_text))
    changes = {"end": (True, True), "double": (True, True), "text": (False, True), "vis": (True, False)}
    for mode, expected in changes.items():
        made = model(mode)
        scores = [made.match(made.context(d), made.items(d)) for d in (data, without_image, without_text)]
        assert tuple(not torch.equal(scores[0], other) for other in scores[1:]) == expected


def test_options_out_of_range_are_clear_errors() -> None:
    with pytest.raises(BenchError, match="mode must be end, double, text, vis or linear, not 'both'"):
        TranSearch(DIMS, mode="both")
    with pytest.raises(BenchError, match="transearch: pretraining_negatives must be from 1 to 10,000, not 0"):
        TranSearch(DIMS, mode="double", pretraining_negatives=0)


def test_the_loss_of_single_pairs_is_the_triplet_margin_loss() -> None:
    made = model(margin=1.0)
    anchors, positive, negative = (torch.randn(40, D, generator=torch.Generator().manual_seed(s)) for s in range(3))
    scores = made.match(anchors, torch.stack([positive, negative], 1))
    clicks, shown = torch.tensor([[1.0, 0.0]]).repeat(40, 1), torch.ones(40, 2, dtype=torch.bool)
    expected = F.triplet_margin_loss(anchors, positive, negative, margin=1.0)
    torch.testing.assert_close(made.loss(scores, clicks, shown), expected)


@pytest.mark.parametrize("margin", [0.3, 2.0])
def test_the_loss_is_the_mean_over_all_pairs(margin: float) -> None:
    made, data = model(margin=margin), batch()
    context, items = made.context(data), made.items(data)
    pairs = [
        F.triplet_margin_loss(context[q : q + 1], items[q, i : i + 1], items[q, j : j + 1], margin=margin)
        for q in range(QUERIES)
        for i in range(WIDTH)
        for j in range(WIDTH)
        if data.shown[q, i] and data.shown[q, j] and data.clicks[q, i] == 1 and data.clicks[q, j] == 0
    ]
    assert len(pairs) > QUERIES
    loss = made.loss(made.match(context, items), data.clicks, data.shown)
    torch.testing.assert_close(loss, torch.stack(pairs).mean())


def test_no_pair_is_no_loss() -> None:
    data = batch()
    loss = model().loss(torch.randn(QUERIES, WIDTH), torch.ones(QUERIES, WIDTH), data.shown)
    assert float(loss) == 0


def test_weight_decay_is_that_of_the_optimiser() -> None:
    """The public code sets it on Adam."""
    data, weights = batch(), []
    for by_loss in (True, False):
        made = model(weight_decay=0.03 if by_loss else 0.0)
        optimizer = torch.optim.Adam(made.parameters(), weight_decay=0.0 if by_loss else 0.03)
        for _ in range(3):
            loss = made.loss(made.match(made.context(data), made.items(data)), data.clicks, data.shown)
            penalty = made.auxiliary_loss(data)
            assert (penalty is not None) == by_loss
            optimizer.zero_grad()
            (loss if penalty is None else loss + penalty).backward()
            optimizer.step()
        weights.append(made.state_dict())
    torch.testing.assert_close(weights[0], weights[1])


def test_order_filling_and_batch_mates_do_not_matter() -> None:
    made, data = model(), batch()

    def scores_and_loss(of: ClickBatch) -> tuple[Tensor, Tensor]:
        scores = made.match(made.context(of), made.items(of))
        return scores, made.loss(scores, of.clicks, of.shown)

    scores, loss = scores_and_loss(data)
    order = torch.randperm(WIDTH, generator=torch.Generator().manual_seed(2))
    by_item = ("items", "item_text", "item_images", "shown", "clicks")
    moved_scores, moved_loss = scores_and_loss(altered(data, **{n: getattr(data, n)[:, order] for n in by_item}))
    torch.testing.assert_close(moved_scores, scores[:, order])
    torch.testing.assert_close(moved_loss, loss)

    hidden = ~data.shown.unsqueeze(2)
    junk = altered(
        data, item_text=data.item_text + 9.0 * hidden, item_images=data.item_images - 9.0 * hidden, items=data.items * 0
    )
    junk_scores, junk_loss = scores_and_loss(junk)
    torch.testing.assert_close(junk_scores[data.shown], scores[data.shown])
    torch.testing.assert_close(junk_loss, loss)

    by_query = ("users", "query_text", *by_item)
    alone, _ = scores_and_loss(altered(data, **{n: getattr(data, n)[3:4] for n in by_query}))
    torch.testing.assert_close(alone, scores[3:4])


def test_gradients_reach_every_parameter_and_stay_finite_at_distance_0() -> None:
    made, data = model(), batch()
    made.loss(made.match(made.context(data), made.items(data)), data.clicks, data.shown).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    context = torch.zeros(1, D, requires_grad=True)
    made.match(context, torch.zeros(1, 2, D)).sum().backward()
    assert context.grad is not None
    assert context.grad.isfinite().all()


def test_it_learns_that_titles_match_queries() -> None:
    """The clicked item's title is the query's text."""
    torch.manual_seed(0)
    made = TranSearch(DIMS, embed_size=16, dropout=0.0)
    optimizer = torch.optim.Adam(made.parameters(), lr=5e-3)
    losses, above = [], 0.0
    for step in range(150):
        data = batch(seed=step, queries=64, width=4)
        data.item_text[:, 0] = data.query_text
        data = altered(data, clicks=(torch.arange(4) == 0).float().repeat(64, 1), shown=torch.ones(64, 4).bool())
        scores = made.match(made.context(data), made.items(data))
        loss = made.loss(scores, data.clicks, data.shown)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        above = float((scores.argmax(1) == 0).float().mean())
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert above > 0.4, "chance is 0.25"
