"""Where the corpus of a dataset is: a folder of one's own, one made earlier, or one made now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.data.corpus import Corpus
from bench.data.making import to_be_made
from bench.data.truth import FOLDER, check_truth, damaged_truth
from bench.errors import BenchError
from bench.files import is_there
from bench.plugins.registry import Registry
from bench.plugins.specs import DatasetSpec
from bench.progress import Progress
from bench.runs.keys import component_config, key_of
from bench.runs.store import Store


def dataset_spec(name: str, registry: Registry) -> DatasetSpec | None:
    """The registered dataset called ``name``; None when it is the folder of a corpus instead.

    Raises:
        BenchError: it is neither.
    """
    if name in registry.names("dataset"):
        return registry.get("dataset", name)
    if is_there(Path(name, "corpus.toml")) or "/" in name:
        return None
    registry.get("dataset", name)  # says what comes near
    return None


def corpus_folder(spec: DatasetSpec, options: dict[str, Any], store: Store) -> Path:
    """Where the corpus of a dataset with these options belongs: its name, and a key of what decides its contents.

    The corpus of a fetched dataset is called by its name alone, with the key of options other than the defaults.
    """
    if spec.fetched:
        changed = _changed(spec, options)
        return store.corpora / (f"{spec.name}-{key_of(changed)[:8]}" if changed else spec.name)
    return store.corpora / f"{spec.name}-{key_of(component_config(spec, options))[:8]}"


def open_corpus(
    name: str, spec: DatasetSpec | None, options: dict[str, Any], store: Store, progress: Progress
) -> Corpus:
    """The corpus of a dataset, made first if it isn't there, or the one in the folder ``name``.

    All its files are read and compared with their checksums. One that is damaged is set aside and made again where it
    follows from its options alone.

    Raises:
        BenchError: it needs files that only the user can provide, or those of the user's are damaged.
    """
    store.hold()
    if spec is None:
        return checked(Corpus(name))
    folder = corpus_folder(spec, options, store)
    if spec.fetched and not folder.exists():
        changed = [f" --set {key}={value}" for key, value in _changed(spec, options).items()]
        raise BenchError(
            f"{name} is not here yet",
            where=str(folder),
            fix=f"bench data fetch {name} --from PATH|URL{''.join(changed)}; the files: {spec.where}",
        )
    if not spec.fetched:
        with to_be_made(folder, lambda: damage_of(folder)) as missing:
            if missing:
                spec.load()(folder, name=name, progress=progress, **options)
            store.hold()  # where there was no folder before
    return checked(Corpus(folder))


def checked(corpus: Corpus) -> Corpus:
    """The corpus, after all its files were compared with their checksums, those of its truth when that is opened.

    Raises:
        BenchError: a file was changed.
    """
    corpus.verify()
    check_truth(corpus)
    return corpus


def damage_of(folder: Path) -> str:
    """What is wrong with the files of a corpus; empty for nothing."""
    try:
        corpus = checked(Corpus(folder))
        damaged = damaged_truth(corpus.folder)
    except BenchError as error:
        return f"{error.where}: {error.what}"
    return f"{folder / FOLDER / damaged[0]}: not as it was written" if damaged else ""


def is_made_with(corpus: Corpus, name: str, options: dict[str, Any]) -> bool:
    """Whether a corpus is that of this dataset with these options, as far as its ``corpus.toml`` says.

    A reader of logs records more than its options, how ``ingest`` reads, and leaves out what decides no contents.
    """
    stated = {key: value for key, value in options.items() if value is not None}  # TOML has no null
    recorded = corpus.info.source.get("options", stated)
    if "reader" in corpus.info.source:
        stated = {key: value for key, value in stated.items() if key != "memory_limit"}
        recorded = {key: value for key, value in recorded.items() if key in stated}
    return corpus.info.name == name and recorded == stated


def _changed(spec: DatasetSpec, options: dict[str, Any]) -> dict[str, Any]:
    """The options that are not the defaults."""
    return {key: value for key, value in options.items() if value != spec.defaults[key]}
