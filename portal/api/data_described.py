"""What the API's description says of cached data: parameters, freshness headers, bodies."""

from __future__ import annotations

from typing import Any

from portal.api.paging import DEFAULT_SIZE, LARGEST_SIZE

FRESHNESS: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "description": "Moves when a record of the type was written."},
    "X-Data-As-Of": {
        "schema": {"type": "string", "format": "date-time"},
        "description": "When the last good read began (UTC); what changed at the source later is not in.",
    },
    "X-Data-Stale": {
        "schema": {"type": "string", "enum": ["true", "false"]},
        "description": "Whether the data may be older than it should be.",
    },
    "X-Data-Stale-Reason": {
        "schema": {"type": "string", "enum": ["not-linked", "read-failed", "overdue"]},
        "description": "Only when it may be: the connection is not Linked, a read since the last good one failed, or "
        "the data is older than its schedule's interval and a tenth of it, at least an hour.",
    },
}

_RECORD: dict[str, Any] = {
    "type": "object",
    "description": "A record of the standard model. Its other members depend on the data type.",
    "properties": {
        "id": {"type": "string"},
        "modifiedDate": {"type": "string", "format": "date-time"},
        "sourceModifiedDate": {"type": "string", "format": "date-time"},
        "metadata": {"type": "object", "properties": {"isDeleted": {"type": "boolean"}}},
        "custom_fields": {"type": "object", "description": "Only when asked for: the custom fields by name."},
        "raw_data": {"description": "Only when asked for: the record as the platform sent it."},
    },
}
_LINK: dict[str, Any] = {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}}
_PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["results", "pageNumber", "pageSize", "totalResults", "_links"],
    "properties": {
        "results": {"type": "array", "items": _RECORD},
        "pageNumber": {"type": "integer"},
        "pageSize": {"type": "integer"},
        "totalResults": {"type": "integer"},
        "_links": {
            "type": "object",
            "required": ["self", "current"],
            "properties": dict.fromkeys(("self", "current", "next", "previous"), _LINK),
        },
    },
}
_STATEMENT: dict[str, Any] = {
    "type": "object",
    "required": ["reports"],
    "properties": {
        "currency": {"type": "string"},
        "reports": {"type": "array", "items": {"type": "object"}},
        "mostRecentAvailableMonth": {"type": "string"},
        "earliestAvailableMonth": {"type": "string"},
    },
}


def _parameter(name: str, schema: dict[str, Any], description: str, *, required: bool = False) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": schema, "required": required, "description": description}


_PARAMETERS = [
    _parameter("page", {"type": "integer", "minimum": 1, "default": 1}, "Which page, from 1."),
    _parameter(
        "pageSize",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE, "default": DEFAULT_SIZE},
        "Records in a page.",
    ),
    _parameter("query", {"type": "string", "maxLength": 2048}, "Clauses such as `status=Paid&&totalAmount>100`."),
    _parameter("orderBy", {"type": "string"}, "A property; `-` before it turns the order round."),
]
PAGE_PARAMETERS = _PARAMETERS[:2]
_INCLUDES = [
    _parameter(
        "include_custom_fields",
        {"type": "string", "enum": ["false", "true", "verbose"], "default": "false"},
        "Set `custom_fields` beside each record; `verbose` adds `custom_fields_meta`, which says how each was found.",
    ),
    _parameter(
        "include_raw_data",
        {"type": "string", "enum": ["false", "true"], "default": "false"},
        "Set `raw_data` beside each record: what the platform sent, or null where that is not kept. Needs the right "
        "raw_data.read.",
    ),
]
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The `ETag` of the answer at hand: when it still holds, the answer is an empty 304.",
}


def answers(schema: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is said of an operation that answers with cached data."""
    return {
        "parameters": [*parameters, _IF_NONE_MATCH],
        "responses": {
            200: {
                "description": "The data as it was read last.",
                "headers": FRESHNESS,
                "content": {"application/json": {"schema": schema}},
            },
            304: {"description": "Unchanged: the data at hand still holds.", "headers": FRESHNESS},
        },
    }


LISTED = answers(_PAGE, [*_PARAMETERS, *_INCLUDES])
RECORD = answers(_RECORD, _INCLUDES)
STATEMENT = answers(_STATEMENT, _INCLUDES)


def file(content_type: str) -> dict[str, Any]:
    content = {content_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"responses": {200: {"description": "The file.", "content": content}}}
