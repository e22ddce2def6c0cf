"""The vocabulary: the words of ``word.csv``, then one word for each text that the ranking data give as a vector.

It makes tables ``vocab`` (row, id, vector) and ``texts`` (row, key, vector), whose rows follow those of ``vocab``.
"""

from __future__ import annotations

from bench.data.writer import WORD_DIM
from bench.datasets.mmsession.staging import Staging
from bench.errors import BenchError

_UNREADABLE = (
    "vector IS NULL OR len(vector) = 0 OR list_count(vector) < len(vector) OR NOT isfinite(list_sum(vector::DOUBLE[]))"
)


def stage_words(staging: Staging) -> int:
    """Makes both tables.

    All word vectors of a corpus have one width: that of ``word.csv``, or without it that of the query texts. Texts of
    another width are left out and counted.

    Returns:
        the width.

    Raises:
        BenchError: a word's id or vector cannot be read, a word is there twice, or the widths of a file differ.
    """
    width = _vocabulary(staging)
    _text_vectors(staging)
    for kind in ("query_table", "click_table"):
        text_width = staging.one_width(f"(FROM text_vectors WHERE kind = '{kind}')", "vector", "n", kind)
        width = width or text_width
    width = width or WORD_DIM
    staging.count(
        "texts_of_another_width", f"SELECT count(DISTINCT key) FROM text_vectors WHERE len(vector) <> {width}"
    )
    staging.run(
        f"""CREATE TABLE texts AS
            SELECT (SELECT count(*) FROM vocab) + row_number() OVER (ORDER BY key) - 1 AS row, key,
                   arg_min(vector, (kind, n)) AS vector
            FROM text_vectors WHERE len(vector) = {width} GROUP BY key"""
    )
    staging.count(
        "steps_without_text_vector",
        "SELECT count(*) FROM step WHERE text IS NOT NULL AND text NOT IN (SELECT key FROM texts)",
    )
    return width


def _vocabulary(staging: Staging) -> int | None:
    """Makes ``vocab``, and returns the width of its vectors; None without ``word.csv``."""
    if "word" not in staging.tables:
        staging.run("CREATE TABLE vocab (row BIGINT, id BIGINT, vector FLOAT[])")
        return None
    staging.load("word", unique=("word_id",))
    staging.run(
        """CREATE TABLE vocab AS
           SELECT row_number() OVER (ORDER BY rowid) - 1 AS row, TRY_CAST(word_id AS BIGINT) AS id,
                  vector(embedding) AS vector FROM word"""
    )
    for what, condition in (
        ("word_id is not a number", "id IS NULL"),
        ("embedding is not a list of numbers", _UNREADABLE),
    ):
        first, count = staging.rows(f"SELECT min(row), count(*) FROM vocab WHERE {condition}")[0]
        if count:
            more = f" ({count} such rows)" if count > 1 else ""
            raise BenchError(what + more, where=staging.where("word", first), fix="the line may be cut off: copy again")
    repeated = staging.rows("SELECT id, max(row) FROM vocab GROUP BY id HAVING count(*) > 1 ORDER BY 2 LIMIT 1")
    for word, row in repeated:
        raise BenchError(f"word {word} is there again", where=staging.where("word", row), fix="keep one of the rows")
    # The released code looks a word up by its line in the file, although the column gives it an id.
    staging.count("words_not_at_the_place_of_their_id", "SELECT count(*) FROM vocab WHERE id <> row")
    return staging.one_width("vocab", "vector", "row", "word")


def _text_vectors(staging: Staging) -> None:
    """Makes table ``text_vectors`` (key, kind, n, vector): the texts of steps and items, n their row in the file."""
    staging.run("CREATE TABLE text_vectors (key VARCHAR, kind VARCHAR, n BIGINT, vector FLOAT[])")
    if "query_table" in staging.tables:
        staging.run(
            """INSERT INTO text_vectors
               WITH used AS (
                   SELECT text, min(n) AS n FROM q2 WHERE text IN (SELECT text FROM step WHERE text IS NOT NULL)
                   GROUP BY text)
               SELECT text, 'query_table', n, vector(query_emb)
               FROM query_table JOIN used ON query_table.rowid = used.n"""
        )
        staging.run(
            """INSERT INTO text_vectors
               WITH used AS (
                   SELECT text, min(n) AS n FROM clicks WHERE text IN (SELECT text FROM items WHERE text IS NOT NULL)
                   GROUP BY text)
               SELECT text, 'click_table', n, vector(title_emb)
               FROM click_table JOIN used ON click_table.rowid = used.n"""
        )
        staging.run("DROP TABLE query_table")
        staging.run("DROP TABLE click_table")
    staging.count("texts_unreadable", f"SELECT count(DISTINCT key) FROM text_vectors WHERE {_UNREADABLE}")
    staging.run(f"DELETE FROM text_vectors WHERE {_UNREADABLE}")
