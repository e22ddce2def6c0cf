"""Words of Chinese texts: bigrams of neighbouring characters in SQL, or the words of a segmenter."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets.sql_text import literal
from bench.errors import BenchError

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー"
_RUN = r"[\p{L}\p{M}\p{N}]+"
_WIDE, _NARROW = "".join(map(chr, range(0xFF01, 0xFF5F))), "".join(map(chr, range(0x21, 0x7F)))
_BATCH = 8_192


def bigrams(text: str) -> str:
    """The SQL of a text's words: each two neighbours of a run of Chinese characters, and each run of other letters.

    A run of one character is a word. Letters are put in lower case, full-width ones are ASCII; what is neither a letter
    nor a digit separates. Japanese and Korean letters are characters like Chinese ones.

    Args:
        text: SQL of the text; null gives null.
    """
    apart = f"regexp_replace({_plain(text)}, '([{_UNSPACED}]+)', ' \\1 ', 'g')"
    pairs = "list_transform(range(1, length(run)), lambda i: substr(run, i, 2))"
    unspaced = f"length(run) > 1 AND regexp_full_match(run, '[{_UNSPACED}]+')"
    cut = f"lambda run: CASE WHEN {unspaced} THEN {pairs} ELSE [run] END"
    return f"flatten(list_transform(regexp_extract_all({apart}, '{_RUN}'), {cut}))"


def segment(db: duckdb.DuckDBPyConnection, texts: str, work: Path) -> str:
    """Segments texts with jieba, and makes a table ``segmented`` (text, words) of them.

    The segmenter takes one text a call, so that each distinct text is given to it once: the only loop over texts here.

    Args:
        db: the database.
        texts: SQL that selects a column ``text``.
        work: a folder for files on the way; the segmenter's cache goes there too, so that none is read that others
            may have written.

    Raises:
        BenchError: jieba is not installed.
    """
    segmenter = _segmenter(work)
    file = work / "segmented.parquet"
    schema = pa.schema([("text", pa.string()), ("words", pa.list_(pa.string()))])
    distinct = db.sql(f"SELECT DISTINCT {_plain('text')} AS text FROM ({texts}) WHERE text IS NOT NULL")
    with pq.ParquetWriter(file, schema) as writer:
        for batch in distinct.to_arrow_reader(_BATCH):
            words = [segmenter.lcut(text) for text in batch["text"].to_pylist()]
            writer.write_table(pa.table([batch["text"].cast(pa.string()), words], schema=schema))
    kept = f"list_filter(words, lambda word: regexp_matches(word, '{_RUN}'))"
    db.execute(f"CREATE TABLE segmented AS SELECT text, {kept} AS words FROM read_parquet({literal(str(file))})")
    return "segmented"


def segmented(text: str) -> str:
    """The SQL of a text's words, after :func:`segment` has seen the text."""
    return f"(SELECT words FROM segmented WHERE segmented.text = {_plain(text)})"


def _plain(text: str) -> str:
    return f"translate(lower(nfc_normalize({text}::VARCHAR)), '{_WIDE}', {literal(_NARROW)})"


def _segmenter(work: Path) -> Any:
    try:
        import jieba
    except ImportError:
        fix = 'pip install "session-bench[chinese]", or words=bigrams'
        raise BenchError("words=jieba needs jieba", where="words", fix=fix) from None
    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    segmenter.tmp_dir = str(work)
    segmenter.cache_file = "jieba.cache"
    return segmenter
