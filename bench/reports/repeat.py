"""The command that repeats a stored result, built from its configuration."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.registry import Registry
from bench.plugins.variants import base_of, variant_of, variant_options
from bench.runs.corpora import corpus_folder
from bench.runs.plan import RunRequest
from bench.runs.replicates import MOST_SEEDS, OPTION, of_model_seed
from bench.runs.store import Store

DEFAULT_OUT = Path("runs")


def repeat_command(record: Mapping[str, Any], registry: Registry, store: Store) -> str:
    """The ``bench run`` of a cell, or the ``bench pretrain`` of an encoder, with every option that is not the default.

    With the same sources, libraries and corpus, the command gives a result of the same key. A cell of seed s is the
    last of s + 1 seeds; on one of several corpora (:mod:`bench.runs.replicates`) the last of the last corpus.

    Args:
        record: the result's record.
        registry: gives the defaults of its components.
        store: where the result is; the command has ``--out`` unless that is the default.

    Raises:
        BenchError: the result is of embeddings, which no command computes alone; or a component, an option or the
            corpus no longer exists.
    """
    config = record["config"]
    is_cell = "baseline" in config
    if "task" in config and not is_cell:
        what = "embeddings are made on the way to a cell"
        raise BenchError(what, where=record["key"], fix="repeat a cell that uses them")
    words = ["bench", "run"] if is_cell else ["bench", "pretrain"]
    settings: list[str] = []
    for kind in ("task", "baseline") if is_cell else ():
        words += [f"--{kind}", config[kind]["name"]]
        settings += _settings(
            config[kind]["name"], config[kind]["options"], registry.get(kind, config[kind]["name"]).defaults
        )
    file = (record.get("provenance") or {}).get("vectors")
    words += ["--encoder", config["encoder"]["name"] if file is None else f"{file}[name={config['encoder']['name']}]"]
    settings += _encoder_settings(config["encoder"], registry) if file is None else []
    if "start" in config and config["start"]["name"] != config["encoder"]["name"]:  # the baseline starts from it
        words[-1] += f",{config['start']['name']}"
        settings += _encoder_settings(config["start"], registry)
    dataset, its_settings = _dataset(record, registry, store)
    words += ["--dataset", dataset]
    if not is_cell:
        words += ["--seed", str(config["seed"])]
    elif config["seed"] < MOST_SEEDS:
        words += ["--seeds", str(config["seed"] + 1)]
    else:  # of a corpus that is one of several
        corpus_seed, before = of_model_seed(config["seed"])
        its_settings = _without_seed(dataset, corpus_seed, its_settings, record["key"])
        words += ["--corpus-seeds", str(corpus_seed), "--seeds", str(before + 1)]
    words += ["--device", config["device"]]
    for setting in settings + its_settings:
        words += ["--set", setting]
    if store.root != DEFAULT_OUT:
        words += ["--out", str(store.root)]
    return shlex.join(words)


def run_command(request: RunRequest) -> list[str]:
    """The words after ``bench`` of a run request, with all names spelt out, since defaults depend on the version."""
    words = ["run", "--task", request.task]
    for option, names in (
        ("--baseline", request.baselines),
        ("--encoder", request.encoders),
        ("--dataset", request.datasets),
    ):
        words += [option, ",".join(names)]
    words += ["--seeds", str(request.seeds), "--device", request.device]
    words += ["--corpus-seeds", str(request.corpus_seeds)] if request.corpus_seeds is not None else []
    for setting in request.settings:
        words += ["--set", setting]
    return words


def _without_seed(dataset: str, corpus_seed: int, settings: list[str], key: str) -> list[str]:
    """The settings of a dataset without the seed of its corpus, which ``--corpus-seeds`` stands for."""
    seed = f"{dataset}.{OPTION}={corpus_seed}"
    if seed not in settings:
        raise BenchError(f"no corpus of seed {corpus_seed} has this cell", where=key, fix="its corpus has moved")
    return [setting for setting in settings if setting != seed]


def _settings(name: str, options: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """``NAME.KEY=VALUE`` of every option that is not the default."""
    for key in options:
        if key not in defaults:
            raise BenchError(f"{name} has no option {key!r} any more", fix="its plugin has changed since")
    return [f"{name}.{key}={_text(value)}" for key, value in options.items() if value != defaults[key]]


def _encoder_settings(encoder: Mapping[str, Any], registry: Registry) -> list[str]:
    """The settings of the base encoder that, with the brackets of its variant, give the stored options."""
    spec, brackets = variant_of(encoder["name"], registry)
    in_brackets = {text.partition("=")[0].strip().rpartition(".")[2] for text in brackets}
    plain = {key: value for key, value in encoder["options"].items() if key not in in_brackets}
    settings = _settings(base_of(spec.name), plain, spec.defaults)
    if variant_options(spec, brackets, {**spec.defaults, **plain}) != encoder["options"]:
        raise BenchError(f"the brackets of {spec.name} mean something else now", fix="its plugin has changed since")
    return settings


def _dataset(record: Mapping[str, Any], registry: Registry, store: Store) -> tuple[str, list[str]]:
    """The dataset's name and settings where the corpus is known to come from them; else the corpus folder."""
    name = record["config"]["corpus"]["dataset"]
    folder = Path((record.get("provenance") or {}).get("corpus_folder") or store.corpora / name)
    if not folder.exists():  # a relative path of another working directory, or the store has moved
        folder = store.corpora / folder.name
    if name not in registry.names("dataset"):
        return str(folder), []
    spec = registry.get("dataset", name)
    if (folder / "corpus.toml").exists():
        made_with = Corpus(folder).info.source.get("options", {})
        options = {**spec.defaults, **{k: v for k, v in made_with.items() if k in spec.defaults}}
        if corpus_folder(spec, options, store).name == folder.name:
            return name, _settings(name, options, spec.defaults)
        return str(folder), []
    if corpus_folder(spec, dict(spec.defaults), store).name == folder.name:
        return name, []
    raise BenchError(
        "the corpus is gone, and its options are not known", where=str(folder), fix="make it again with bench data make"
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
