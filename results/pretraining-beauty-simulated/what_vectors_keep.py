"""Linear probes of frozen session vectors: R² for the session's mean words and mean image, and effective rank.

    python what_vectors_keep.py RUNS KEY [KEY …]

RUNS is the folder of results of `bench run`, and a KEY that of a result under RUNS/embeddings. The maps are fitted on
three quarters of the prefixes, and R² is measured on the rest, which are of other sessions. Images are also projected
to their 14 strongest directions, which in the simulated world have their signal (8 dimensions of the category, 6 of
the item). It prints a Markdown table with a row per key.
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
    """R² of the linear map from ``vectors`` (n, d) to ``target`` (n, t), fitted on rows ``fit`` (n,), on the rest."""
    inputs = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1)
    weights = np.linalg.lstsq(inputs[fit], target[fit], rcond=None)[0]
    residual = target[~fit] - inputs[~fit] @ weights
    return 1 - float((residual**2).sum() / ((target[~fit] - target[~fit].mean(0)) ** 2).sum())


def effective_rank(vectors: np.ndarray) -> float:
    """Effective rank of standardised ``vectors`` (n, d): exp of their spectrum's entropy (Roy & Vetterli, 2007)."""
    power = np.linalg.svd(vectors, compute_uv=False) ** 2
    share = power / power.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def main(runs: str, keys: list[str]) -> None:
    """Prints the table of the results ``keys`` in the folder ``runs``."""
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
        sample = np.array(corpus.image_vectors[:8000], dtype=np.float64) / 127
        signal = np.linalg.svd(sample - sample.mean(0), full_matrices=False)[2][:SIGNAL_DIRECTIONS]
        fit = corpus.columns.query_session[queries] % 4 != 0
        encoder = record["config"]["encoder"]
        options = ", ".join(f"{k}={encoder['options'][k]}" for k in ("steps",) if k in encoder["options"])
        shares = " | ".join(f"{r2(vectors, target, fit):.2f}" for target in (words, images, images @ signal.T))
        print(
            f"| {encoder['name']} | {record['config']['seed']} | {options} | {shares} | {effective_rank(vectors):.1f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
