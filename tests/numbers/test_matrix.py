"""What becomes of odd numbers, and which test shows it: each circumstance by the place where it enters.

NaN, infinity
    statistics: no test, p = 1 (tests/numbers/test_statistics.py); rankings: NaN is the worst score
    (tests/numbers/test_rankings.py); classes: the lowest one (tests/numbers/test_statistics.py); a corpus or a log that
    has them: refused (tests/numbers/test_odd_corpora.py, tests/bench/datasets/test_ingest_errors.py); out of a plugin:
    a failed cell (tests/bench/runs/engines/test_misbehaving.py)
a number too large for 32 bits
    a log: refused (tests/numbers/test_odd_logs.py); statistics: no test (tests/numbers/test_statistics.py)
constant scores
    rankings: what drawing gives on average (tests/bench/metrics/test_ranking.py); statistics: p = 1
    (tests/numbers/test_statistics.py); constant vectors: a table (tests/numbers/test_odd_corpora.py)
empty candidate lists
    rankings: 0, or NaN by name (tests/numbers/test_rankings.py); a corpus: such queries count nowhere
    (tests/numbers/test_odd_corpora.py)
one user
    statistics: p = 1 (tests/numbers/test_statistics.py); a log: a corpus (tests/numbers/test_odd_logs.py); a run: a
    table without tests (tests/numbers/test_odd_corpora.py); split by user: refused
    (tests/bench/datasets/test_ingest_splits.py)
one session, one class
    a run: refused (tests/numbers/test_odd_corpora.py); AUC: NaN (tests/numbers/test_statistics.py)
all clicked, none clicked
    rankings (tests/numbers/test_rankings.py); a log (tests/numbers/test_odd_logs.py,
    tests/bench/datasets/test_ingest_errors.py); a run: a table, or refused with what is lacking
    (tests/bench/cli/test_cli_lacking_corpora.py)
a word never seen
    a vocabulary (tests/numbers/test_rankings.py); a run (tests/numbers/test_odd_corpora.py); an exported encoder
    (tests/bench/serving/test_export.py)
an image missing
    a log: refused, or dropped and counted (tests/numbers/test_odd_logs.py,
    tests/bench/datasets/test_ingest_errors.py); every component (tests/encoders/test_conformance_encoders.py,
    tests/baselines/test_conformance_baselines.py)
time going backwards
    a log: sorted, and clicks before their query refused (tests/numbers/test_odd_logs.py); a corpus: refused
    (tests/numbers/test_odd_corpora.py); all at one time: a table (tests/numbers/test_odd_corpora.py), and no split by
    time (tests/bench/datasets/test_ingest_splits.py)
options of absurd value
    of components (tests/bench/plugins/test_ranges.py); seeds, corpora, processes, limits
    (tests/bench/runs/engines/test_misbehaving.py); seeds and processes of pretrain and embed
    (tests/numbers/test_odd_corpora.py); cut-offs (tests/numbers/test_rankings.py)
a count that is lacking
    corpus.toml: refused (tests/fuzz/test_parsers.py)
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_matrix_names_exists_and_every_circumstance_has_one() -> None:
    rows = re.findall(r"^(\S[^\n]*)\n((?:    [^\n]*\n)+)", (__doc__ or "").partition("\n\n")[2], re.MULTILINE)
    assert len(rows) == 12
    for circumstance, places in rows:
        named = re.findall(r"tests/[\w/]+\.py", places)
        assert named, circumstance
        assert [file for file in named if not (ROOT / file).is_file()] == [], circumstance


def test_every_test_of_this_folder_is_in_the_matrix() -> None:
    here = {f"tests/numbers/{file.name}" for file in Path(__file__).parent.glob("test_*.py")}
    assert here - {"tests/numbers/test_matrix.py"} <= set(re.findall(r"tests/[\w/]+\.py", __doc__ or ""))
