"""The hidden intents of a simulated corpus as finished session vectors: those of one who knows what was wanted.

With them in place of an encoder (``--encoder intents.parquet[name=true-intents]``) a baseline shows what it can make of
a session vector at all. That is a ceiling and never a claim: the file says so, and every cell that reads it warns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np

from bench.data.corpus import Corpus
from bench.data.truth import read_truth
from bench.data.vector_file import CORPUS, TRUTH
from bench.data.vector_scan import QUERY
from bench.data.vector_writer import vector_table, write_vector_table
from bench.files import written_whole

Half = Literal["text", "visual", "both"]
HALVES: tuple[Half, ...] = get_args(Half)


def write_true_intents(corpus: Corpus, file: Path, half: Half = "both") -> int:
    """Writes query_id and vector, the intent [textual ; visual] or a half of it, of every query; returns how many.

    Raises:
        BenchError: the corpus has no known truth.
    """
    truth = read_truth(corpus)
    start, end = {"text": (0, truth.text_dim), "visual": (truth.text_dim, None), "both": (0, None)}[half]
    about = {TRUTH: f"intents, {half}", CORPUS: corpus.info.fingerprint}
    table = vector_table({QUERY: corpus.strings("queries", QUERY)}, np.asarray(truth.intents)[:, start:end], about)
    with written_whole(file) as writing:
        write_vector_table(table, writing)
    return len(truth.intents)
