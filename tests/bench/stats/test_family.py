"""Families say beforehand what is tested; the paper's claims can be said in them."""

from __future__ import annotations

import math

import pytest

from bench.errors import BenchError
from bench.stats.family import (
    STRONGEST,
    Family,
    Hypothesis,
    chosen_validation,
    declare_families,
    strongest_on_validation,
)

DATASETS, BASELINES = ("beauty", "clothes", "digital"), ("transearch", "alstp", "hscm")


def ctr(encoder: str, reference: str = "vanilla", **more: object) -> Hypothesis:
    return Hypothesis("ctr", "beauty", "alstp", encoder, reference, "ndcg@10", **more)  # type: ignore[arg-type]


def test_the_family_of_table_2_is_27_contrasts_and_9_to_the_strongest_other() -> None:
    encoders = ["vanilla", "lstm", "muvcog-t", "muvcog-m"]
    primary, secondary = declare_families("ctr", DATASETS, BASELINES, encoders, "ndcg@10", ["hr@10", "mrr@10"])
    to_vanilla = [h for h in primary.hypotheses if h.reference == "vanilla"]
    to_strongest = [h for h in primary.hypotheses if h.reference == STRONGEST]
    assert (len(to_vanilla), len(to_strongest), len(primary), len(secondary)) == (27, 9, 36, 72)
    assert {h.encoder for h in to_strongest} == {"muvcog-m"}
    assert {h.metric for h in primary.hypotheses} == {"ndcg@10"}
    assert {h.metric for h in secondary.hypotheses} == {"hr@10", "mrr@10"}
    assert len(set(primary.hypotheses)) == 36


def test_without_the_champion_or_without_others_nothing_is_compared_to_the_strongest() -> None:
    for encoders in (["vanilla", "lstm", "agv"], ["vanilla", "muvcog-m"]):
        primary, _ = declare_families("ctr", ["beauty"], ["alstp"], encoders, "ndcg@10")
        assert all(h.reference == "vanilla" for h in primary.hypotheses)
        assert len(primary) == len(encoders) - 1


def test_the_strongest_other_is_named_by_validation_per_dataset_and_baseline() -> None:
    primary, _ = declare_families("ctr", ["beauty", "digital"], ["alstp"], ["lstm", "muvcog-t", "muvcog-m"], "ndcg@10")
    resolved = primary.resolve({("ctr", "beauty", "alstp"): "lstm", ("ctr", "digital", "alstp"): "muvcog-t"})
    champions = [(h.dataset, h.reference) for h in resolved.hypotheses if h.encoder == "muvcog-m"]
    assert champions == [("beauty", "vanilla"), ("beauty", "lstm"), ("digital", "vanilla"), ("digital", "muvcog-t")]
    assert len(primary.resolve({})) == len(primary), "what could not be chosen still counts"


def test_the_best_mean_over_seeds_is_chosen_and_neither_champion_nor_vanilla() -> None:
    validation = {"vanilla": [0.9], "muvcog-m": [0.8, 0.8], "lstm": [0.2, 0.5], "agv": [0.3, 0.3], "hlv": [0.4, 0.2]}
    assert strongest_on_validation(validation) == "lstm"
    assert strongest_on_validation({"hlv": [0.3], "agv": [0.3]}) == "agv", "ties by name, not by luck"
    assert strongest_on_validation(validation, champion="lstm", reference="vanilla") == "muvcog-m"


@pytest.mark.parametrize(
    "validation",
    [{}, {"vanilla": [0.1], "muvcog-m": [0.1]}, {"a": [], "b": []}, {"a": [0.1, 0.2], "b": [0.3]}, {"a": [math.nan]}],
)
def test_nothing_is_chosen_from_an_incomplete_field(validation: dict[str, list[float]]) -> None:
    assert strongest_on_validation(validation) is None


def test_the_chosen_epoch_is_the_best_of_the_curve() -> None:
    assert chosen_validation([0.2, math.nan, 0.5, 0.4]) == 0.5
    assert math.isnan(chosen_validation([]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ctr("lstm", alternative="grater"), "did you mean greater"),
        (lambda: ctr("vanilla"), "compared with itself"),
        (lambda: ctr("agv", "gat", alternative="equivalent"), "needs a margin"),
        (lambda: ctr("agv", "gat", margin=0.01), "nothing else has one"),
        (lambda: ctr("agv", "gat", alternative="equivalent", margin=0.0), "above 0"),
        (lambda: Family("C1", (ctr("lstm"), ctr("agv"), ctr("lstm", claim="C5"))), "declared twice"),
    ],
)
def test_what_makes_no_sense_is_an_error(make: object, message: str) -> None:
    with pytest.raises(BenchError, match=message):
        make()  # type: ignore[operator]


def test_the_nine_claims_of_the_paper_can_be_declared() -> None:
    def claim(
        name: str, *contrasts: tuple[str, str], task: str = "ctr", baselines: tuple[str, ...] = ("alstp",)
    ) -> list:
        metric = {"ctr": "ndcg@10", "suggest": "ndcg@10", "intent": "macro-f1"}[task]
        return [
            Hypothesis(task, dataset, baseline, left, right, metric, "greater", claim=name)
            for dataset in DATASETS
            for baseline in baselines
            for left, right in contrasts
        ]

    encoders = ("agv", "gat", "hlv", "muvcog-t")
    hypotheses = [
        *claim("C1", ("muvcog-m", "vanilla"), baselines=BASELINES),
        *claim("C3", ("muvcog-t", "lstm"), ("muvcog-m", "lstm"), baselines=BASELINES),
        *claim("C4", ("muvcog-m", "muvcog-t"), baselines=BASELINES),
        *claim("C5", ("muvcog-m", "agv"), ("muvcog-m", "hlv"), *((e, "vanilla") for e in encoders)),
        *claim("C6", ("hlv", "agv"), ("hlv", "gat")),
        *(
            Hypothesis("ctr", d, "alstp", "agv", "gat", "ndcg@10", "equivalent", margin=0.01, claim="C6")
            for d in DATASETS
        ),
        *claim("C7", ("muvcog-m", "muvcog-m[negatives=random]")),
        *claim(
            "C8",
            *(("muvcog-m", "transformer"), ("transformer", "lstm"), ("lstm", "lstm[images=false]")),
            task="suggest",
            baselines=("ffn",),
        ),
        *claim("C9", ("muvcog-m", "bert"), ("bert", "word2vec"), task="intent", baselines=("xgboost",)),
    ]
    family = Family("claims", tuple(hypotheses))
    c2 = [h for h in family.hypotheses if h.claim == "C1" and h.baseline in ("alstp", "hscm")]
    assert len(c2) == 6, "C2 asks no new question: it is C1 on two of the baselines"
    assert str(family.hypotheses[0]) == "ctr beauty transearch: muvcog-m > vanilla on ndcg@10"
    assert any(str(h) == "ctr beauty alstp: agv ≈ gat on ndcg@10" for h in family.hypotheses)
