"""Experiment files: strict TOML, every name in it checked against the registry before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.errors import BenchError, did_you_mean, system_error
from bench.evaluation.declare import FAMILY_KEYS, declared_family, one_of, protocol_families
from bench.evaluation.experiment import Experiment, Part, PublishedNumber, PublishedOrdering
from bench.evaluation.grid import applying, components
from bench.files import StrictTable, read_toml, settings_of
from bench.plugins.registry import Registry
from bench.plugins.settings import resolve_options
from bench.plugins.specs import REFERENCE, BaselineSpec
from bench.plugins.variants import base_of, variant_of, variant_options
from bench.printable import one_line
from bench.runs.corpora import dataset_spec
from bench.runs.replicates import MOST_SEEDS, check_replicable, corpus_seeds
from bench.stats.family import Family

LAYOUTS = ("table2", "table3", "table4", "bars", "plain")
KEYS = (
    *("title", "extends", "source", "seeds", "corpus_seeds", "champion", "settings", "labels", "claims"),
    *("part", "family", "published", "ordering"),
)
"""Keys of an experiment file."""
PART_KEYS = (
    *("id", "title", "task", "datasets", "baselines", "encoders", "controls"),
    *("metrics", "primary", "layout", "groups", "settings"),
)
_PUBLISHED_KEYS = ("part", "where", "dataset", "metrics", "values")
_ORDERING_KEYS = ("part", "where", "encoders")
_MERGED = ("settings", "labels", "claims")
T = TypeVar("T")

EXPERIMENTS = Path(__file__).parents[1] / "paper"
"""Folder of the experiments that come with the harness."""


def experiment_names() -> list[str]:
    """Names of the experiments that come with the harness."""
    return sorted(file.stem for file in EXPERIMENTS.glob("*.toml"))


def load_experiment(name: str, registry: Registry) -> Experiment:
    """The experiment of this name, or in this file.

    Args:
        name: one of :func:`experiment_names`, or a path that ends with ``.toml``.
        registry: of components.

    Raises:
        BenchError: no such file, or something in it is wrong; names the file and the key.
    """
    file = _file_of(name)
    top = StrictTable(_parsed(file, ()), file.name, KEYS)
    settings = settings_of(top.values.get("settings", {}), top.at("settings"))
    parts = [_part(table, registry) for table in top.tables("part", PART_KEYS)]
    if not parts:
        raise BenchError("declares no part", where=file.name, fix="write [[part]], or extends = NAME")
    _distinct([part.id for part in parts], top.at("part"))
    tables = top.tables("part", PART_KEYS)
    used: set[str] = set()
    for part, table in zip(parts, tables, strict=True):
        mine = applying(settings, part, registry)
        used |= set(mine)
        _check_options(part, mine, registry, top.at("settings"), together=False)
        _check_options(part, [*mine, *part.settings], registry, table.at("settings"))
    for text in settings:
        if text not in used:
            known = {spec.name for part in parts for spec in components(part, registry)}
            known |= {key for part in parts for spec in components(part, registry) for key in spec.settable}
            lead = text.partition("=")[0].partition(".")[0]
            raise BenchError(
                f"{text.partition('=')[0]} is an option of no component",
                where=top.at("settings"),
                fix=did_you_mean(lead, known),
            )
    champion = top.text("champion", "muvcog-m")
    measured = [replace(part, baselines=_measured(part, registry)) for part in parts]
    families = [(family, part.id) for part in measured for family in protocol_families(part, champion)]
    families += [declared_family(table, measured) for table in top.tables("family", FAMILY_KEYS)]
    _distinct([family.name for family, _ in families], top.at("family"))
    claims = top.mapping("claims")
    _check_claims(claims, [family for family, _ in families], top)
    seeds = top.whole("seeds", 5)
    if not 1 <= seeds <= MOST_SEEDS:
        fix = f"1 to {MOST_SEEDS:,}; 5 or more for a test over seeds"
        raise BenchError(f"{seeds:,} seeds", where=top.at("seeds"), fix=fix)
    corpora = top.whole("corpus_seeds") if "corpus_seeds" in top.values else None
    if corpora is not None:
        _check_corpora(corpora, parts, tables, top, registry)
    return Experiment(
        name=file.stem,
        title=top.text("title"),
        seeds=seeds,
        parts=tuple(parts),
        settings=settings,
        families=tuple(family for family, _ in families),
        numbers=tuple(n for t in top.tables("published", _PUBLISHED_KEYS) for n in _numbers(t, parts)),
        orderings=tuple(_ordering(table, parts) for table in top.tables("ordering", _ORDERING_KEYS)),
        source=top.text("source", ""),
        champion=champion,
        claims=claims,
        family_parts={family.name: part for family, part in families},
        labels={name: one_line(label) for name, label in top.mapping("labels").items()},
        corpus_seeds=corpora,
    )


def _check_corpora(
    number: int, parts: Sequence[Part], tables: Sequence[StrictTable], top: StrictTable, registry: Registry
) -> None:
    """Raises where corpora cannot be replicates: a wrong number of them, or a dataset that is not simulated."""
    try:
        corpus_seeds(number)
    except BenchError as error:
        raise BenchError(error.what, where=top.at("corpus_seeds"), fix=error.fix) from None
    for part, table in zip(parts, tables, strict=True):
        for name in part.datasets:
            check_replicable(name, dataset_spec(name, registry), table.at("datasets"))


def _file_of(name: str) -> Path:
    if name.endswith(".toml"):
        return Path(name)
    if name not in experiment_names():
        raise BenchError(
            f"no experiment is called {name!r}",
            fix=f"{did_you_mean(name, experiment_names())}; a file's name ends with .toml",
        )
    return EXPERIMENTS / f"{name}.toml"


def _parsed(file: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The file's values on top of those that it extends."""
    if file in above:
        raise BenchError("extends itself", where=file.name)
    try:
        values = read_toml(file)
    except FileNotFoundError:
        raise BenchError("no such file", where=str(file), fix="give a name or the path of a TOML file") from None
    except OSError as error:
        raise system_error(error) from None
    if "extends" not in values:
        return values
    StrictTable(values, file.name, KEYS)
    below = _file_of(StrictTable(values, file.name, KEYS).text("extends"))
    if below.suffix == ".toml" and not below.is_absolute() and below.parent != EXPERIMENTS:
        below = file.parent / below
    base = _parsed(below, (*above, file))
    merged = {key: _merge(base.get(key, {}), values.get(key, {})) for key in _MERGED}
    return {**base, **values, **merged}


def _merge(base: Any, above: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(above, dict):
        return above
    return {**base, **{key: _merge(base.get(key), value) for key, value in above.items()}}


def _part(table: StrictTable, registry: Registry) -> Part:
    task = _found(table, "task", lambda: registry.get("task", table.text("task")))
    datasets, baselines = table.texts("datasets"), table.texts("baselines")
    encoders, metrics = table.texts("encoders"), table.texts("metrics")
    controls = table.texts("controls", ())
    named = {text: _found(table, "encoders", partial(_encoder_name, text, registry)) for text in (*encoders, *controls)}
    encoders, controls = (tuple(named[text] for text in texts) for texts in (encoders, controls))
    for name in baselines:
        spec = _found(table, "baselines", partial(_baseline, name, registry))
        if spec.task != task.name:
            raise BenchError(f"{name} is a baseline of {spec.task}, not of {task.name}", where=table.at("baselines"))
    for metric in metrics:
        if task.metrics and metric not in task.metrics:
            fix = did_you_mean(metric, task.metrics)
            raise BenchError(f"{task.name} has no metric {metric!r}", where=table.at("metrics"), fix=fix)
    primary = table.text("primary", task.primary if task.primary in metrics else metrics[0])
    one_of(table, "primary", primary, metrics)
    layout = one_of(table, "layout", table.text("layout", "plain"), LAYOUTS)
    part = Part(
        id=table.text("id"),
        title=table.text("title"),
        task=task.name,
        datasets=datasets,
        baselines=baselines,
        encoders=(*encoders, *(name for name in controls if name not in encoders)),
        metrics=(primary, *(metric for metric in metrics if metric != primary)),
        settings=settings_of(table.values.get("settings", {}), table.at("settings")),
        layout=layout,
        controls=controls,
        columns=metrics,
        groups=_groups(table, encoders),
        vector_files={name: text for text, name in named.items() if name != text},
    )
    if not part.id or not all(letter.isalnum() or letter in "-_" for letter in part.id):
        raise BenchError(f"{part.id!r} is no id", where=table.at("id"), fix="letters, digits, - and _: it names files")
    _found(table, "datasets", lambda: components(part, registry))
    return part


def _encoder_name(text: str, registry: Registry) -> str:
    """The name of an encoder in tables, from what stands in the file."""
    return variant_of(text, registry)[0].name


def _baseline(name: str, registry: Registry) -> BaselineSpec:
    return registry.get("baseline", name)


def _measured(part: Part, registry: Registry) -> tuple[str, ...]:
    """The baselines that encoders are measured with: those that are no reference."""
    return tuple(name for name in part.baselines if not registry.get("baseline", name).reference)


def _groups(table: StrictTable, encoders: Sequence[str]) -> dict[str, str]:
    """The group of each encoder, from a table of lists."""
    found = table.values.get("groups", {})
    groups = StrictTable(found, table.at("groups"), found)
    return {one_of(groups, name, encoder, encoders): name for name in found for encoder in groups.texts(name)}


def _check_options(part: Part, settings: Sequence[str], registry: Registry, where: str, together: bool = True) -> None:
    """Raises for an option that does not exist, or a value that is not allowed; in an encoder's brackets as well.

    Args:
        part: whose components have the options.
        settings: ``KEY=VALUE``.
        registry: where the components are.
        where: for errors: the settings' place in the file.
        together: these are all settings of the part: their values must go together.
    """
    try:
        options = resolve_options(components(part, registry), settings, together=together)
        for name in part.encoders if together else ():
            if name not in part.vector_files:
                spec, changes = variant_of(name, registry)
                variant_options(spec, changes, options["encoder", base_of(name)])
    except BenchError as error:
        said = (error.where or "").replace("--set", "").strip()
        raise BenchError(f"{said}: {error.what}" if said else error.what, where=where, fix=error.fix) from None


def _found(table: StrictTable, key: str, get: Callable[[], T]) -> T:
    """What ``get`` gives; its error with the place in the file."""
    try:
        return get()
    except BenchError as error:
        raise BenchError(error.what, where=table.at(key), fix=error.fix) from None


def _check_claims(claims: dict[str, str], families: Sequence[Family], top: StrictTable) -> None:
    for family in families:
        for hypothesis in family.hypotheses:
            if hypothesis.claim and hypothesis.claim not in claims:
                raise BenchError(
                    f"the claim {hypothesis.claim!r} of family {family.name} has no text",
                    where=top.at("claims"),
                    fix=did_you_mean(hypothesis.claim, claims),
                )


def _numbers(table: StrictTable, parts: Sequence[Part]) -> list[PublishedNumber]:
    by_name = {part.id: part for part in parts}
    part = by_name[one_of(table, "part", table.text("part"), by_name)]
    dataset = one_of(table, "dataset", table.text("dataset"), part.datasets)
    metrics = [one_of(table, "metrics", metric, part.metrics) for metric in table.texts("metrics")]
    rows = StrictTable(table.values.get("values", {}), table.at("values"), part.baselines)
    numbers = []
    for baseline, of_baseline in rows.values.items():
        systems = StrictTable(of_baseline, rows.at(baseline), (REFERENCE, *part.encoders))
        for encoder, printed in systems.values.items():
            if not isinstance(printed, list) or len(printed) != len(metrics):
                raise BenchError(f"is not a list of {len(metrics)} numbers", where=systems.at(encoder))
            for metric, value in zip(metrics, printed, strict=True):
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise BenchError(f"{value!r} is not a number", where=systems.at(encoder))
                numbers.append(
                    PublishedNumber(part.id, table.text("where"), dataset, baseline, encoder, metric, float(value))
                )
    return numbers


def _ordering(table: StrictTable, parts: Sequence[Part]) -> PublishedOrdering:
    by_name = {part.id: part for part in parts}
    part = by_name[one_of(table, "part", table.text("part"), by_name)]
    known = (REFERENCE, *part.encoders)
    encoders = tuple(one_of(table, "encoders", name, known) for name in table.texts("encoders"))
    return PublishedOrdering(part.id, table.text("where"), encoders)


def _distinct(names: Sequence[str], where: str) -> None:
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise BenchError(f"{twice[0]!r} stands twice", where=where, fix="rename one of them")
