"""What the API's description says of custom data types: what may be sent, and what records look like."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Path
from pydantic import WithJsonSchema

from customdata.actions.custom_data_types import MAX_IDENTIFIER
from customdata.configuration import MAX_NAME, MAX_NAMES, MAX_PATHS, MAX_SOURCE
from portal.api.data_described import PAGE_PARAMETERS, answers

Identifier = Annotated[
    str,
    Path(),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$",
            "maxLength": MAX_IDENTIFIER,
            "description": "Found whatever its case.",
        }
    ),
]

_PATH = {"type": "string", "maxLength": MAX_SOURCE}
_EXAMPLE = {
    "dataSource": "/expenses",
    "requiredData": {"myExpenseId": "$.expenseId", "myExpenseDetails": "$.expenseDetails.notes"},
    "keyBy": ["$.expenseId", "$.accountId"],
    "sourceModifiedDate": ["$.modifiedDate", "$.createdDate", "$.lines[*].modifiedDate"],
}
_CONFIGURATION: dict[str, Any] = {
    "title": "CustomDataTypeConfiguration",
    "type": "object",
    "required": ["dataSource", "requiredData", "keyBy"],
    "properties": {
        "dataSource": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_SOURCE,
            "description": "One endpoint of the platform with its whole route, perhaps with a query.",
        },
        "requiredData": {
            "type": "object",
            "maxProperties": MAX_NAMES,
            "propertyNames": {"minLength": 1, "maxLength": MAX_NAME},
            "additionalProperties": _PATH,
            "description": "Our names, and the JSONPath of what each holds.",
        },
        "keyBy": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_PATHS,
            "items": _PATH,
            "description": "The paths whose values make a record's id together.",
        },
        "sourceModifiedDate": {
            "type": ["array", "null"],
            "maxItems": MAX_PATHS,
            "items": _PATH,
            "description": "The paths of dates, the latest of which is the record's.",
        },
        "optionalData": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": "Names of `requiredData` that a platform may leave out of all records.",
        },
    },
    "examples": [_EXAMPLE],
}
CONFIGURATION: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _CONFIGURATION}}}
}

_RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "content", "modifiedDate"],
    "properties": {
        "id": {"type": "string", "description": "The values of `keyBy`, joined by colons."},
        "content": {"type": "object", "description": "A value, or several, for each name of `requiredData`."},
        "modifiedDate": {"type": "string", "format": "date-time", "description": "When it was last written here."},
    },
}
RECORDS = answers(
    {
        "type": "object",
        "required": ["results", "pageNumber", "pageSize", "totalResults"],
        "properties": {
            "results": {"type": "array", "items": _RECORD},
            "pageNumber": {"type": "integer"},
            "pageSize": {"type": "integer"},
            "totalResults": {"type": "integer"},
        },
    },
    PAGE_PARAMETERS,
)
