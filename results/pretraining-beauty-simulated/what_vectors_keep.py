"""What frozen vectors keep of a session: R² of linear maps to its mean words and mean image, and the vectors' effective
rank.

    python what_vectors_keep.py RUNS KEY [KEY …]

RUNS is the folder of `bench run`, a KEY that of a result under RUNS/embeddings. Three quarters of the prefixes fit the
maps, the rest, of other sessions, is what R² is taken on. Images are also taken along their 14 strongest directions
only, which in the simulated world hold their signal (8 dimensions of the category, 6 of the item). Prints a Markdown
table row per key.
"""

from __future__ import annotations

import sys

import numpy as np

from bench.data.batch import SessionBatch
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.runs.store import Store

SIGNAL_DIRECTIONS = 14


def r2(vectors: np.ndarray, target: np.ndarray, fit: np.ndarray) -> float:
    """Share of the variance of ``target`` (n, t) that a linear map of ``vectors`` (n, d) explains, outside ``fit``."""
    inputs = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1)
    weights = np.linalg.lstsq(inputs[fit], target[fit], rcond=None)[0]
    residual = target[~fit] - inputs[~fit] @ weights
    return 1 - float((residual**2).sum() / ((target[~fit] - target[~fit].mean(0)) ** 2).sum())


def effective_rank(vectors: np.ndarray) -> float:
    """Exponential of the entropy of the spectrum (Roy & Vetterli, 2007), of standardised vectors."""
    power = np.linalg.svd(vectors, compute_uv=False) ** 2
    share = power / power.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def main(runs: str, keys: list[str]) -> None:
    """Prints the table."""
    store = Store(runs)
    print("| encoder | seed | options | words | image | image, signal | effective rank |")
    print("|---|---|---|---|---|---|---|")
    for key in keys:
        record = store.read("embeddings", key)
        assert record is not None, key
        corpus = Corpus(record["provenance"]["corpus_folder"])
        features = Features.of(corpus)
        queries = np.load(store.folder("embeddings", key) / "queries.npy")
        vectors = np.load(store.folder("embeddings", key) / "vectors.npy").astype(np.float64)
        vectors = (vectors - vectors.mean(0)) / np.maximum(vectors.std(0), 1e-9)
        batch = SessionBatch.from_prefixes(corpus, queries, features)
        words, images = batch.mean_text().double().numpy(), batch.mean_images().double().numpy()
        some = np.array(corpus.image_vectors[:8000], dtype=np.float64) / 127
        signal = np.linalg.svd(some - some.mean(0), full_matrices=False)[2][:SIGNAL_DIRECTIONS]
        fit = corpus.columns.query_session[queries] % 4 != 0
        encoder = record["config"]["encoder"]
        options = ", ".join(f"{k}={encoder['options'][k]}" for k in ("steps",) if k in encoder["options"])
        shares = " | ".join(f"{r2(vectors, target, fit):.2f}" for target in (words, images, images @ signal.T))
        print(
            f"| {encoder['name']} | {record['config']['seed']} | {options} | {shares} | {effective_rank(vectors):.1f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
