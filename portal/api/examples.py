"""Examples for the API's description: made from a schema, with values that a reader would meet."""

from __future__ import annotations

from typing import Any

_COMPANY = "8a210b68-6988-11ed-a1eb-0242ac120002"
_CONNECTION = "2e9d2c44-f675-40ba-8049-353bfcb5e171"
_DATASET = "21a8d1be-1c0d-4c3a-9d2b-0f4b6a6f7d61"
_WHEN = "2026-11-20T09:15:00Z"

# By member's name, whatever the schema.
_VALUES: dict[str, Any] = {
    "id": _COMPANY,
    "companyId": _COMPANY,
    "connectionId": _CONNECTION,
    "dataConnectionKey": _CONNECTION,
    "datasetId": _DATASET,
    "latestSyncId": _DATASET,
    "latestSuccessfulSyncId": _DATASET,
    "correlationId": "3ec43c3f32b7427aa836e7ef712cb430",
    "service": "PublicApi",
    "statusCode": "401",
    "statusText": "Unauthorized",
    "erroredOnUtc": _WHEN,
    "resolvedOnUtc": _WHEN,
    "created": _WHEN,
    "lastSync": _WHEN,
    "modifiedDate": _WHEN,
    "requested": _WHEN,
    "completed": _WHEN,
    "lastSuccessfulSync": _WHEN,
    "createdDate": _WHEN,
    "createdByUserName": "ana@example.com",
    "error": "No company was found with ID 8a210b68-6988-11ed-a1eb-0242ac120002",
    "canBeRetried": "Unknown",
    "detailedErrorCode": 0,
    "validation": None,
    "name": "Acme Trading",
    "description": "Wholesale, two shops",
    "platformName": "Sandbox",
    "integrationKey": "mqjo",
    "platformKey": "mqjo",
    "key": "mqjo",
    "sourceType": "Accounting",
    "status": "Linked",
    "dataType": "invoices",
    "datatype": "invoices",
    "currentStatus": "Complete",
    "pageNumber": 1,
    "pageSize": 100,
    "totalResults": 1,
    "progress": 100,
    "href": "/companies?page=1&pageSize=100",
    "redirect": "https://hub.example.com/s/IjhhMjEwYjY4",
    "linkUrl": "https://hub.example.com/s/IjhhMjEwYjY4",
    "syncSchedule": 24,
    "syncOrder": 0,
    "monthsToSync": 24,
    "syncFromWindow": 12,
    "tags": {"region": "uk"},
    "platform": "",
    "connector_token": _CONNECTION,
    "integration_slug": "mqjo",
    "slug": "mqjo",
    "model": "customers",
    "json_path": "person",
    "expiresIn": 86400,
    "tokenType": "Bearer",
}
_DEEPEST = 14


def example_of(schema: dict[str, Any], schemas: dict[str, Any], *, status: int = 200) -> Any:
    """Return a value that fits the schema.

    status:  the answer's, which an error body repeats.
    """
    return _example(schema, schemas, "", {"statusCode": status}, 0)


def _example(schema: dict[str, Any], schemas: dict[str, Any], name: str, given: dict[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas, name, given, depth + 1)
    if schema.get("examples"):
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if name in given and schema.get("type") == "integer":
        return given[name]
    if "enum" in schema:
        return _VALUES[name] if _VALUES.get(name) in schema["enum"] else schema["enum"][0]
    for joint in ("anyOf", "oneOf", "allOf"):
        if joint in schema:
            return _of_choices(schema[joint], schemas, name, given, depth)
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if name in _VALUES and _fits(_VALUES[name], kind):
        return _VALUES[name]
    return _of_kind(kind, schema, schemas, name, given, depth)


def _of_choices(
    choices: list[dict[str, Any]], schemas: dict[str, Any], name: str, given: dict[str, Any], depth: int
) -> Any:
    if name in _VALUES and _VALUES[name] is None and {"type": "null"} in choices:
        return None
    real = [choice for choice in choices if choice.get("type") != "null"]
    return _example(real[0], schemas, name, given, depth) if real and depth < _DEEPEST else None


def _of_kind(
    kind: str, schema: dict[str, Any], schemas: dict[str, Any], name: str, given: dict[str, Any], depth: int
) -> Any:
    match kind:
        case "object" if depth < _DEEPEST:
            members = schema.get("properties", {})
            return {key: _example(member, schemas, key, given, depth + 1) for key, member in members.items()}
        case "array":
            item = schema.get("items")
            return [_example(item, schemas, name, given, depth + 1)] if item and depth < _DEEPEST else []
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return bool(schema.get("default", True))
        case "string":
            return _text(schema)
        case "null":
            return None
    return {}


def _text(schema: dict[str, Any]) -> str:
    match schema.get("format"):
        case "uuid":
            return _COMPANY
        case "date-time":
            return _WHEN
        case "uri":
            return "https://hub.example.com/"
    return str(schema.get("default") or _WHEN if schema.get("title", "").lower().endswith("date") else "text")


def _fits(value: Any, kind: str) -> bool:
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}
    return isinstance(value, kinds.get(kind, object)) if value is not None else kind == "null"  # type: ignore[arg-type]
