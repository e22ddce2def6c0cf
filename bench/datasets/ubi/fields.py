"""The fields that are read of a UBI document, and where each of them stands; whatever is not named here stays out."""

from __future__ import annotations

from bench.datasets.ingest.options import NULLS
from bench.datasets.ingest.words_sql import trimmed
from bench.datasets.sql_text import literals

_ATTRIBUTES, _OBJECT, _POSITION = "/event_attributes", "/event_attributes/object", "/event_attributes/position"

FIELDS: dict[str, tuple[str, ...]] = {
    "application": ("/application",),
    "query_id": ("/query_id",),
    "client": ("/client_id",),
    "user": ("/user_id", f"{_ATTRIBUTES}/user_id", "/event_attributes.user_id", "/query_attributes/user_id"),
    "session": (
        "/session_id",
        f"{_ATTRIBUTES}/session_id",
        "/event_attributes.session_id",
        "/query_attributes/session_id",
    ),
    "asked": ("/user_query",),
    "timestamp": ("/timestamp", "/@timestamp"),
    "action": ("/action_name",),
    "message_type": ("/message_type",),
    "message": ("/message",),
    "object": (f"{_OBJECT}/object_id", "/event_attributes.object.object_id", "/object/object_id", "/object_id"),
    "object_field": (
        f"{_OBJECT}/object_id_field",
        "/event_attributes.object.object_id_field",
        "/object_id_field",
    ),
    "description": (f"{_OBJECT}/description", "/event_attributes.object.description", "/description"),
    "ordinal": (f"{_POSITION}/ordinal", "/event_attributes.position.ordinal", "/position/ordinal", "/ordinal"),
    "hits": ("/query_response_hit_ids",),
}
"""JSON pointers of each field, the first that has a value counts. A key with dots is one of a flattened export."""

_IDS = ("query_id", "client", "user", "session", "object")
_SHORT = ("application", "action", "message_type", "timestamp", "ordinal", "object_field")
_ABSENT = (*NULLS, "undefined")
EVENT_MARKS = (_ATTRIBUTES, "/message_type", "/message", "/event_attributes.object.object_id")
"""What an event has and a query has not."""
QUERY_MARKS = ("/user_query", "/query_id", "/query_response_hit_ids", "/query_response_id", "/query_attributes")


def first_texts(found: str) -> dict[str, str]:
    """The SQL of each field's first text that is not empty.

    Args:
        found: SQL of the list of texts at :func:`pointers`, in their order.
    """
    firsts, number = {}, 0
    for name, places in FIELDS.items():
        ways = [f"nullif({found}[{number + way}], '')" for way in range(1, len(places) + 1)]
        number += len(places)
        firsts[name] = ways[0] if len(ways) == 1 else f"coalesce({', '.join(ways)})"
    return firsts


def clean(name: str) -> str:
    """The SQL of a field's value from its text: without white space around it, null where it says null in words."""
    if name in _IDS:
        return _given(trimmed(name if name != "user" else '"user"'))
    return _given(f"trim({name})") if name in _SHORT else f"CASE WHEN trim({name}) <> '' THEN {name} END"


def pointers() -> tuple[str, ...]:
    """Every place that is looked at, field by field."""
    return tuple(place for places in FIELDS.values() for place in places)


def _given(text: str) -> str:
    """A text, null where it is empty or says null in words; longer ones are not looked at again."""
    longest = max(map(len, _ABSENT))
    absent = f"strlen({text}) <= {longest} AND {text} IN ({literals(('', *_ABSENT))})"
    return f"CASE WHEN {absent} THEN NULL ELSE {text} END"
