"""From a stored pretraining to one file: what ``bench export`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from bench.data.corpus import Corpus
from bench.errors import BenchError
from bench.plugins.variants import base_of
from bench.runs.embed import stored_encoder
from bench.runs.store import RECORDS, Store
from bench.serving.card import model_card
from bench.serving.encoder_file import ELSEWHERE, ExportedEncoder


def exported(key: str, store: Store) -> ExportedEncoder:
    """The stored encoder with this key, with the vocabulary of its corpus and its model card.

    Raises:
        BenchError: there is none, its pretraining failed, its corpus is gone or another one, or it reads a model that
            stands elsewhere.
    """
    record = store.read("encoders", key)
    folder = store.folder("encoders", key)
    if record is None:
        raise BenchError("holds no encoder that can be believed", where=str(folder / RECORDS["encoders"]))
    encoder = stored_encoder(folder)
    part = record["config"]["encoder"]
    if part["options"].get(ELSEWHERE):
        what = f"{part['name']} with {ELSEWHERE} set reads a model that stands elsewhere, which one file cannot hold"
        raise BenchError(what, where=str(folder), fix=f"pretrain it without {ELSEWHERE}")
    corpus = Corpus(record["provenance"]["corpus_folder"])
    corpus.verify()
    if corpus.info.fingerprint != record["config"]["corpus"]["fingerprint"]:
        raise BenchError("the corpus has changed since the encoder was pretrained", where=str(corpus.folder))
    words = corpus.strings("vocabulary", "word").to_pylist()
    vectors = torch.from_numpy(np.array(corpus.word_vectors, dtype=np.float32))  # (V, dims.words)
    card = model_card(record, corpus, store)
    return ExportedEncoder(encoder, base_of(part["name"]), part["options"], words, vectors, card)


def stored_key(name: str | Path, store: Store) -> str:
    """The key of the one stored encoder whose key begins so.

    Raises:
        BenchError: none does, or several do.
    """
    kept = store.root / "encoders"
    found = [path.name for path in sorted(kept.glob(f"{name}*")) if "." not in path.name]
    if len(found) != 1:
        what = f"{len(found)} stored encoders begin like {name!r}" if found else f"no stored encoder is called {name!r}"
        raise BenchError(what, where=str(kept), fix="bench pretrain prints keys; or name an encoder and --dataset")
    return found[0]
