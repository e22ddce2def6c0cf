"""The grid of an experiment: cells of two parts once, settings where they belong, removing only what is the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_corpora import random_corpus

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.evaluation.grid import ExperimentPlan, applying, estimate_seconds, plan_experiment, remove_results
from bench.evaluation.load import load_experiment
from bench.plugins.registry import registry
from bench.runs.jobs import Job
from bench.runs.store import Store, write_record

FILE = """
title = "Ours"
seeds = 2
champion = "random"
[settings]
ctr.epochs = 1
random.view_dim = 8
intent.label = "leaf"
[[part]]
id = "clicks"
title = "Clicks"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["transearch", "alstp"]
encoders = ["vanilla", "lstm", "random"]
metrics = ["ndcg@10"]
[[part]]
id = "again"
title = "Some of them again"
task = "ctr"
datasets = ["FOLDER"]
baselines = ["alstp"]
encoders = ["random", "random[beta=sum]"]
metrics = ["ndcg@10"]
[[part]]
id = "intents"
title = "Intents"
task = "intent"
datasets = ["FOLDER"]
baselines = ["xgboost"]
encoders = ["random"]
metrics = ["f1"]
[[published]]
part = "clicks"
where = "Table 9"
dataset = "FOLDER"
metrics = ["ndcg@10"]
[published.values.alstp]
vanilla = [0.5]
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return random_corpus(tmp_path_factory.mktemp("corpora") / "folder", sessions=20)


def plan(corpus: Corpus, root: Path, text: str = FILE, parts: tuple[str, ...] = ()) -> ExperimentPlan:
    file = root / "ours.toml"
    file.write_text(text.replace("FOLDER", str(corpus.folder)))
    experiment = load_experiment(str(file), registry())
    return plan_experiment(experiment, registry(), Store(root / "runs"), parts, "cpu")


def test_cells_of_two_parts_are_one(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path)
    assert {part: len(cells) for part, cells in made.cells.items()} == {"clicks": 12, "again": 6, "intents": 4}
    shared = {c.key for c in made.cells["clicks"]} & {c.key for c in made.cells["again"]}
    assert len(shared) == 4, "vanilla and random with alstp, two seeds each"
    assert len(made.all_cells) == 12 + 6 + 4 - 4
    pretrained = [job for job in made.jobs if job.kind == "encoders"]
    assert len(pretrained) == 4, "random and its variant, two seeds each, whatever the task"


def test_settings_of_the_whole_go_where_the_component_is(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path)
    for cells in made.cells.values():
        for cell in cells:
            config = cell.jobs[-1].config
            if cell.task == "ctr":
                assert config["task"]["options"]["epochs"] == 1
            else:
                assert config["task"]["options"]["label"] == "leaf"
            if cell.encoder.startswith("random"):
                assert config["encoder"]["options"]["view_dim"] == 8
    experiment = load_experiment(str(tmp_path / "ours.toml"), registry())
    assert applying(experiment.settings, experiment.part("intents"), registry()) == [
        "random.view_dim=8",
        "intent.label=leaf",
    ]


def test_a_folder_is_called_by_its_corpus_everywhere(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path)
    assert list(made.corpora) == ["small"]
    assert all(part.datasets == ("small",) for part in made.experiment.parts)
    assert {h.dataset for family in made.experiment.families for h in family.hypotheses} == {"small"}
    assert [number.dataset for number in made.experiment.numbers] == ["small"]


def test_a_part_can_be_asked_for_alone(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path, parts=("intents",))
    assert list(made.cells) == ["intents"]
    assert [family.name for family in made.experiment.families] == ["intents primary"]
    assert made.experiment.numbers == ()
    with pytest.raises(BenchError, match=r"--part: ours has no part 'intent' \(did you mean intents"):
        plan(corpus, tmp_path, parts=("intent",))


def test_a_dataset_that_changes_between_parts_is_refused(tmp_path: Path) -> None:
    text = FILE.replace('["FOLDER"]', '["beauty"]').replace('dataset = "FOLDER"', 'dataset = "beauty"')
    small = "[settings]\nsessions = 100\ndownstream = 50\nshown = 10\n"
    text = text.replace("[settings]\n", small).replace(
        'id = "intents"\n', 'id = "intents"\nsettings = { beauty = { drift = 0.3 } }\n'
    )
    with pytest.raises(BenchError, match="ours, part intents: the dataset 'beauty' is another one here"):
        plan(random_corpus(tmp_path / "unused", sessions=5), tmp_path, text)


def test_removing_takes_this_plans_cells_only(corpus: Corpus, tmp_path: Path) -> None:
    made, store = plan(corpus, tmp_path, parts=("intents",)), Store(tmp_path / "runs")
    keys = [cell.key for cell in made.all_cells]
    for kind, key in [("cells", keys[0]), ("cells", keys[1]), ("cells", "another"), ("encoders", keys[0])]:
        with store.publish(kind, key) as folder:
            write_record(folder, kind, {"status": "done"})
    assert remove_results(made, store) == 2
    left = {path.relative_to(store.root).as_posix() for path in store.root.glob("*/*")}
    assert left == {"cells/another", f"encoders/{keys[0]}"}
    assert remove_results(made, store) == 0


def test_the_estimate_is_that_of_the_jobs_most_alike(corpus: Corpus, tmp_path: Path) -> None:
    made, store = plan(corpus, tmp_path), Store(tmp_path / "runs")
    rough = estimate_seconds(made.jobs, store)
    assert rough > 0

    def finish(job_title: str, seconds: float) -> None:
        (job,) = [job for job in made.jobs if job.title == job_title]
        with store.publish(job.kind, job.key) as folder:
            write_record(folder, job.kind, {"status": "done", "config": job.config, "seconds": seconds})

    finish("ctr small alstp lstm seed 0", 7.0)
    finish("ctr small alstp vanilla seed 0", 3.0)
    by_title = {job.title: job for job in made.jobs}
    assert estimate_seconds([by_title["ctr small alstp lstm seed 1"]], store) == 7.0
    assert estimate_seconds([by_title["ctr small alstp random seed 1"]], store) == 5.0, "any of the baseline"
    assert estimate_seconds([by_title["intent small xgboost vanilla seed 1"]], store) == 5.0, "any cell"
    left = made.missing(store)
    assert len(left) == len(made.jobs) - 2


def test_results_of_a_plan_are_missing_before_it_is_run(corpus: Corpus, tmp_path: Path) -> None:
    made = plan(corpus, tmp_path)
    results = made.results(Store(tmp_path / "runs"))
    assert results.status("clicks", "small", "alstp", "lstm").state == "missing"
    assert all(o.verdict() == "not tested" for outcomes in results.outcomes().values() for o in outcomes)
    assert results.corpora["small"].info.fingerprint == corpus.info.fingerprint


def test_pretraining_is_estimated_by_its_steps(tmp_path: Path) -> None:
    """And not by encoders that take none, however many of these are done."""
    store = Store(tmp_path / "runs")

    def job(encoder: str, key: str, **options: int) -> Job:
        config = {"corpus": {"fingerprint": "c"}, "encoder": {"name": encoder, "options": options}}
        return Job("encoders", key, config, "", (), key)

    for done, seconds in ((job("muvcog-m", "a", steps=100), 2.0), (job("random", "b"), 0.5)):
        with store.publish("encoders", done.key) as folder:
            write_record(folder, "encoders", {"status": "done", "config": done.config, "seconds": seconds})
    assert estimate_seconds([job("muvcog-m", "c", steps=1000)], store) == pytest.approx(20.0)
    assert estimate_seconds([job("hlv", "d", steps=500)], store) == pytest.approx(10.0)
    assert estimate_seconds([job("meanpool", "e")], store) == pytest.approx(0.5)
