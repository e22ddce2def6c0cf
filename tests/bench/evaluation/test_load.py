"""Experiment files are read strictly: what is wrong is said with file and key, before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.evaluation.experiment import Experiment
from bench.evaluation.load import experiment_names, load_experiment
from bench.plugins.registry import registry
from bench.stats.family import STRONGEST

GOOD = """
title = "Ours"
seeds = 2
champion = "random"
[settings]
sessions = 200
downstream = 100
ctr.epochs = 1
[labels]
random = "Untrained"
[claims]
X1 = "it helps"
[[part]]
id = "ours"
title = "Clicks"
task = "ctr"
datasets = ["beauty"]
baselines = ["transearch", "popularity"]
encoders = ["vanilla", "lstm", "random"]
controls = ["meanpool"]
metrics = ["mrr@10", "ndcg@10"]
settings = { transearch = { dropout = 0.25 } }
[[family]]
name = "X1"
part = "ours"
claim = "X1"
hypotheses = [{ encoder = "random", reference = "strongest", alternative = "greater", metric = "mrr@10" }]
[[published]]
part = "ours"
where = "Table 9"
dataset = "beauty"
metrics = ["ndcg@10"]
[published.values.transearch]
vanilla = [0.5]
"""


def load(folder: Path, text: str) -> Experiment:
    file = folder / "ours.toml"
    file.write_text(text)
    return load_experiment(str(file), registry())


def test_a_file_becomes_an_experiment(tmp_path: Path) -> None:
    experiment = load(tmp_path, GOOD)
    part = experiment.part("ours")
    assert (experiment.name, experiment.seeds, experiment.settings) == (
        "ours",
        2,
        ("sessions=200", "downstream=100", "ctr.epochs=1"),
    )
    assert part.settings == ("transearch.dropout=0.25",)
    assert part.metrics == ("ndcg@10", "mrr@10"), "the task's primary metric first"
    assert part.columns == ("mrr@10", "ndcg@10")
    assert part.encoders == ("vanilla", "lstm", "random", "meanpool")
    assert experiment.label("random") == "Untrained"
    families = {family.name: family for family in experiment.families}
    assert list(families) == ["ours primary", "ours secondary", "X1"]
    assert {h.metric for h in families["ours secondary"].hypotheses} == {"mrr@10"}
    (claim,) = families["X1"].hypotheses
    assert (claim.reference, claim.metric, claim.claim, claim.baseline) == (STRONGEST, "mrr@10", "X1", "transearch")
    assert experiment.numbers[0].value == 0.5


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("seeds = 2", "seed = 2", "ours.toml: unknown key 'seed' (did you mean seeds?)"),
        ("seeds = 2", 'seeds = "two"', "ours.toml: seeds: 'two' is not a whole number"),
        ("seeds = 2", "seeds = 0", "ours.toml: seeds: 0 seeds"),
        ("seeds = 2", "seeds = 2\ncorpus_seeds = 1", "ours.toml: corpus_seeds: 1 corpus (2 to 100"),
        ("seeds = 2", "seeds = 2\ncorpus_seeds = true", "ours.toml: corpus_seeds: True is not a whole number"),
        ('title = "Ours"', "", "the key 'title' is missing"),
        ('title = "Ours"', "title = ", "not TOML"),
        (
            'metrics = ["mrr@10"',
            'metric = ["mrr@10"',
            "ours.toml: part[1]: unknown key 'metric' (did you mean metrics?)",
        ),
        (
            '"ndcg@10"]\nsettings',
            '"ndgc@10"]\nsettings',
            "part[1].metrics: ctr has no metric 'ndgc@10' (did you mean ndcg@10",
        ),
        ('task = "ctr"', 'task = "crt"', "part[1].task: no task is called 'crt' (did you mean ctr?)"),
        ('"lstm", "random"]', '"lstn", "random"]', "part[1].encoders: no encoder is called 'lstn' (did you mean lstm"),
        ('"lstm", "random"]', '"lstm", "lstm"]', "part[1].encoders: holds a name twice"),
        ('"lstm", "random"]', '"lstm[width=3]", "random"]', "no such option"),
        ('"transearch", "popularity"]', '"transaerch"]', "part[1].baselines: no baseline is called 'transaerch'"),
        ('"transearch", "popularity"]', '"ffn"]', "part[1].baselines: ffn is a baseline of suggest, not of ctr"),
        ('["beauty"]\nbaselines', '["beuaty"]\nbaselines', "part[1].datasets: no dataset is called 'beuaty'"),
        ("ctr.epochs = 1", "ctr.epohcs = 1", "ours.toml: settings: ctr.epohcs: no such option (did you mean epochs?)"),
        ("ctr.epochs = 1", "ctr.epochs = 1.5", "settings: ctr.epochs: '1.5' is not a whole number"),
        ("ctr.epochs = 1", "bert.steps = 1", "settings: bert.steps is an option of no component"),
        ("ctr.epochs = 1", "ctr.epochs = [1]", "settings.ctr.epochs: [1] is no value of an option"),
        ("dropout = 0.25", "dropuot = 0.25", "part[1].settings: transearch.dropuot: no such option"),
        ('part = "ours"\nclaim', 'part = "our"\nclaim', "family[1].part: 'our' takes no part (did you mean ours?)"),
        (
            'encoder = "random", ref',
            'encoder = "randm", ref',
            "hypotheses[1].encoder: 'randm' takes no part (did you mean random?)",
        ),
        ('"greater"', '"more"', "family[1].hypotheses[1]: unknown alternative 'more'"),
        ('"greater"', '"equivalent"', "family[1].hypotheses[1]: equivalence needs a margin"),
        ('reference = "strongest"', 'reference = "random"', "an encoder is compared with itself"),
        ('metric = "mrr@10" }', 'metric = "hr@10" }', "hypotheses[1].metric: 'hr@10' takes no part"),
        ('name = "X1"', 'name = "ours primary"', "family: 'ours primary' stands twice"),
        ('X1 = "it helps"', 'X2 = "it helps"', "claims: the claim 'X1' of family X1 has no text"),
        (
            "vanilla = [0.5]",
            "vanilla = [0.5, 0.6]",
            "published[1].values.transearch.vanilla: is not a list of 1 numbers",
        ),
        ("vanilla = [0.5]", "gat = [0.5]", "published[1].values.transearch: unknown key 'gat'"),
        ('title = "Ours"', 'title = "Ours"\nextends = "kdd2"', "no experiment is called 'kdd2' (did you mean kdd22?"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_line_with_file_and_key(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in GOOD
    with pytest.raises(BenchError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert line in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_an_experiment_can_change_another_one(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(GOOD)
    experiment = load(tmp_path, 'extends = "base.toml"\nseeds = 3\n[settings]\nctr.patience = 2\nsessions = 300\n')
    assert experiment.seeds == 3
    assert experiment.title == "Ours"
    assert set(experiment.settings) == {"sessions=300", "downstream=100", "ctr.epochs=1", "ctr.patience=2"}
    with pytest.raises(BenchError, match="extends itself"):
        load(tmp_path, 'extends = "ours.toml"\n')


def test_what_comes_with_the_harness_loads_and_claims_everything() -> None:
    assert experiment_names() == ["fashioniq", "kdd22", "quick"]
    claimed = {}
    for name in experiment_names():
        experiment = load_experiment(name, registry())
        claimed[name] = {h.claim for family in experiment.families for h in family.hypotheses} - {""}
        assert claimed[name] == {f"C{number}" for number in range(1, 10)} == set(experiment.claims)
        assert [part.id for part in experiment.parts] == ["table2", "figure4", "figure5", "table3", "table4"]


def test_published_numbers_give_the_improvements_that_the_paper_prints() -> None:
    """Table 2's Improv. rows, recomputed from the numbers above them: a slip in one of them would show."""
    experiment = load_experiment("kdd22", registry())
    value = {(n.part, n.dataset, n.baseline, n.encoder, n.metric): n.value for n in experiment.numbers}
    assert len(value) == 108 + 72 + 15
    printed = {
        "transearch": "7.4 8.9 6.6 11.0 7.7 13.1 5.3 4.4 6.0",
        "alstp": "37.2 26.1 43.7 25.9 10.7 36.4 106.2 79.9 125.1",
        "hscm": "12.0 16.7 9.4 3.3 1.3 5.2 7.2 11.4 5.1",
    }
    for baseline, improvements in printed.items():
        places = [(d, m) for d in ("beauty", "clothes", "digital") for m in ("ndcg@10", "hr@10", "mrr@10")]
        for (dataset, metric), text in zip(places, improvements.split(), strict=True):
            lead, base = (value["table2", dataset, baseline, e, metric] for e in ("muvcog-m", "vanilla"))
            assert 100 * (lead / base - 1) == pytest.approx(float(text), abs=0.11), (baseline, dataset, metric)
    assert value["table3", "clothes", "ffn", "transformer-iq", "avg_sim"] == 0.8360
    assert value["table4", "pooled", "xgboost", "bert", "recall"] == 0.9738


def test_every_published_number_says_where_it_stands() -> None:
    experiment = load_experiment("kdd22", registry())
    assert all(re.fullmatch(r"Table \d, section 4\.\d", number.where) for number in experiment.numbers)
    assert {ordering.where for ordering in experiment.orderings} == {"Figure 4, section 4.3", "Figure 5, section 4.3"}


def test_corpora_are_replicates_where_the_file_says_so(tmp_path: Path) -> None:
    experiment = load(tmp_path, GOOD.replace("seeds = 2", "seeds = 2\ncorpus_seeds = 5"))
    assert (experiment.corpus_seeds, experiment.models, experiment.design) == (5, 10, "5 corpora × 2 seeds")
    plain = load(tmp_path, GOOD)
    assert (plain.corpus_seeds, plain.models, plain.design) == (None, 2, "2 seeds")


def test_corpora_of_a_log_cannot_be_drawn_again(tmp_path: Path) -> None:
    text = GOOD.replace("seeds = 2", "seeds = 2\ncorpus_seeds = 5").replace('"beauty"', '"fashioniq"')
    text = text.replace("sessions = 200\ndownstream = 100\n", "")
    with pytest.raises(BenchError, match=r"part\[1\].datasets: fashioniq is not simulated"):
        load(tmp_path, text)
