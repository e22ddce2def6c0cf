"""A UBI log of any size, to the schema of 1.3.0: the body of a bulk request, written by a database without a loop."""

from __future__ import annotations

from pathlib import Path

import duckdb

LIST = 10
"""Items that a query shows; the events of a query are these impressions, and a click on every third query."""

_DOCUMENTS = """
WITH asked AS (
    SELECT range AS q, 'q-' || range AS query_id, 'client-' || range // 12 AS client_id,
           's-' || range // 4 AS session_id,
           'word' || hash(range) % 5000 || ' word' || hash(range + 1) % 300 AS user_query,
           1733788800000 + (range // 12) * {apart} + (range % 12) * 60000 + (range % 12) // 4 * 7200000 AS time
    FROM range({queries})
), acts AS (
    SELECT asked.*, place, action FROM asked, (
        SELECT range AS place, 'impression' AS action FROM range({list}) UNION ALL SELECT 3, 'click'
    ) WHERE action = 'impression' OR q % 3 = 0
), documents AS (
    SELECT q, 0 AS part, 'ubi_queries' AS index_name, to_json({{
        application: 'shop', query_id: query_id, client_id: client_id, user_query: user_query,
        timestamp: strftime(make_timestamp_ms(time), '%Y-%m-%dT%H:%M:%S.%gZ'), query_attributes: {{page: 1}}
    }}) AS document FROM asked
    UNION ALL
    SELECT q, 1 + place, 'ubi_events', to_json({{
        application: 'shop', action_name: action, query_id: query_id, client_id: client_id, session_id: session_id,
        user_id: '', timestamp: strftime(make_timestamp_ms(time + 500 + place), '%Y-%m-%dT%H:%M:%S.%g+0000'),
        user_query: user_query, message_type: upper(action), message: 'made on position ' || place,
        event_attributes: {{
            object: {{
                object_id: 'B' || hash(q * 100 + place) % 50000, object_id_field: 'asin',
                description: 'Item of word' || hash(q * 100 + place) % 50000 % 5000 || ' and more words'
            }},
            position: {{ordinal: place}}
        }}
    }}) FROM acts
)
SELECT line FROM (
    SELECT q, part, to_json({{index: {{_index: index_name}}}})::VARCHAR || chr(10) || {document} AS line FROM documents
) ORDER BY q, part
"""
_BROKEN = """
CASE hash(q * 31 + part) % {one_in} WHEN 0 THEN CASE hash(q + part) % 5
    WHEN 0 THEN (document::VARCHAR)[:40]
    WHEN 1 THEN regexp_replace(document::VARCHAR, '"timestamp":"2', '"timestamp":"9')
    WHEN 2 THEN replace(document::VARCHAR, '"query_id":', '"no_id":')
    WHEN 3 THEN regexp_replace(document::VARCHAR, '"object_id":"[^"]*"', '"object_id":[1]')
    ELSE regexp_replace(document::VARCHAR, '"timestamp":"[^"]*"', '"timestamp":{{}}') END
ELSE document::VARCHAR END
"""


def write_log(path: Path, events: int, one_broken_in: int = 0, apart: int = 100) -> Path:
    """Writes a log of about so many events.

    Args:
        path: the file.
        events: impressions and clicks.
        one_broken_in: of so many documents one is cut off, or has a time, an id or an object that cannot be.
        apart: milliseconds between two clients' first queries.
    """
    document = _BROKEN.format(one_in=one_broken_in) if one_broken_in else "document::VARCHAR"
    sql = _DOCUMENTS.format(queries=events * 3 // (LIST * 3 + 1), list=LIST, document=document, apart=apart)
    with duckdb.connect(config={"threads": 2}) as db:
        db.execute(f"COPY ({sql}) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIM '\x01')")
    return path
