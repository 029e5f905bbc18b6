"""What the API says of itself: OpenAPI 3.1, made from the routers, with an example for every body."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.conf import settings
from pydantic.alias_generators import to_camel

from portal.api.examples import example_of
from portal.api.root import api, dialect_of, dialects, routes

_METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"{(\w+)}")

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "ErrorMessage",
    "description": "Every refusal and every fault has this form.",
    "required": ["statusCode", "service", "error", "correlationId", "canBeRetried", "detailedErrorCode"],
    "properties": {
        "statusCode": {"type": "integer", "description": "The answer's status."},
        "service": {"type": "string", "description": "The part that refused: ours, or a platform's connector."},
        "error": {"type": "string", "description": "What is wrong, for a person to read."},
        "correlationId": {"type": "string", "description": "The log knows the request by this."},
        "validation": {
            "anyOf": [{"$ref": "#/components/schemas/ValidationMessages"}, {"type": "null"}],
            "description": "What is wrong with which member of the request, when it can be told.",
        },
        "canBeRetried": {"type": "string", "description": "Whether the same request may be sent again."},
        "detailedErrorCode": {"type": "integer", "description": "0 when there is none."},
    },
}
VALIDATION: dict[str, Any] = {
    "type": "object",
    "title": "ValidationMessages",
    "properties": {
        side: {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "itemId": {"type": "string", "description": "The member's path."},
                    "message": {"type": "string"},
                    "validatorName": {"type": "string"},
                },
            },
        }
        for side in ("errors", "warnings")
    },
}
# What the door may answer to any request, whatever the operation.
# status: (name, an example of `error`, what it means)
_REFUSALS = {
    "400": (
        "NotValid",
        "Error processing request - not valid.",
        "The request cannot be read, or a member is not valid; `validation` names it.",
    ),
    "401": ("Unauthorized", "Unauthorized", "There is no key, or it is not known, revoked or expired."),
    "402": (
        "NotAllowedHere",
        "SyncSettingsValidationException: Sync schedule not allowed",
        "This deployment does not allow what is asked for.",
    ),
    "403": (
        "Forbidden",
        "Forbidden: this API key does not hold the right companies.create.",
        "The key does not hold the right that is needed.",
    ),
    "404": (
        "NotFound",
        "No company was found with ID 8a210b68-6988-11ed-a1eb-0242ac120002",
        "There is no such thing, or the key may not see it; the two look the same.",
    ),
    "405": ("WrongMethod", "Method PUT is not allowed here.", "The path knows other methods; `Allow` names them."),
    "409": (
        "NotNow",
        "The data set has not been requested.",
        "It is being worked on, was not read yet, or there are as many as may be.",
    ),
    "413": ("TooLarge", "The request's body is too large.", "The body is too large."),
    "422": (
        "KeyUsed",
        "This Idempotency-Key was already used for another request.",
        "The Idempotency-Key was already used for another request.",
    ),
    "429": (
        "TooOften",
        "Rate limit of 100000 requests reached. Try again in 60 s.",
        "Asked too often. `Retry-After` says for how many seconds to wait.",
    ),
    "500": (
        "Fault",
        "Something broke on our side. The log knows it by the correlation id.",
        "A fault of ours. The log knows it by the correlation id.",
    ),
    "503": ("Unavailable", "The service is being maintained.", "The service is being maintained."),
}
_HEADERS = {
    "X-Correlation-Id": ("string", "The log knows the request by this."),
    "X-Rate-Limit-Limit": ("integer", "Requests that the key may send in a day."),
    "X-Rate-Limit-Remaining": ("integer", "How many of them are left."),
    "X-Rate-Limit-Reset": ("string", "When the next day begins (UTC)."),
}
_INTRODUCTION = """
Companies, their connections to accounting, commerce and banking platforms, and the data read from them.

**Sign in** with an API key, made on the portal's page *API keys*: `Authorization: Basic <base64 of the key alone>` or
`Authorization: Bearer <key>`.

**Lists** take `page` (from 1), `pageSize` (up to 5,000), `query` and `orderBy`. A query joins clauses such as
`status=Paid` or `totalAmount>=100` by `&&` and `||`, grouped by `{ }`; `orderBy=-modifiedDate` sorts the newest first.

**Repeat safely**: send an `Idempotency-Key` with POST and PATCH, and the same request again within 90 minutes gets the
same answer without being done twice.

**Ask only for what is new**: data carries an `ETag`; send it back as `If-None-Match`, and what did not
change is answered by an empty 304.
""".strip()


@cache
def description() -> dict[str, Any]:
    """Return the OpenAPI document. Its servers are relative: the document holds wherever the API is mounted."""
    routes()  # the routers must be complete
    made: dict[str, Any] = dict(api().get_openapi_schema(path_prefix=""))
    schemas = {**made["components"].get("schemas", {}), "ErrorMessage": PROBLEM, "ValidationMessages": VALIDATION}
    refusals = {name: _refusal(status, error, words) for status, (name, error, words) in _REFUSALS.items()}
    for dialect in dialects():
        schemas.update(dialect.schemas)
        refusals.update({name: {**told, "headers": _header_links()} for name, told in dialect.refusals.values()})
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Headrace", "version": settings.HEADRACE_VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/api"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": _tags(made["paths"]),
        "paths": {_camel_path(path): _operations(path, item) for path, item in sorted(made["paths"].items())},
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": refusals,
            "headers": {
                name: {"description": words, "schema": {"type": kind}} for name, (kind, words) in _HEADERS.items()
            },
            "securitySchemes": {
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Basic ` and the base64 of the key alone: no user name, no colon.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "description": "The key as it is."},
            },
        },
    }
    _add_examples(document)
    return document


def _operations(path: str, item: dict[str, Any]) -> dict[str, Any]:
    refusals = {status: name for status, (name, _) in dialect_of(path).refusals.items()}
    return {method: _operation(method, details, refusals) for method, details in item.items() if method in _METHODS}


def _operation(method: str, details: dict[str, Any], refusals: dict[str, str]) -> dict[str, Any]:
    operation = {name: value for name, value in details.items() if name not in ("security", "responses")}
    operation["parameters"] = [_parameter(parameter) for parameter in details.get("parameters", ())]
    if method in ("post", "patch"):
        operation["parameters"].append(
            {
                "in": "header",
                "name": "Idempotency-Key",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                "description": "A GUID of yours: the same request with the same key is done once.",
            }
        )
    told = refusals or {
        status: name for status, (name, _, _) in _REFUSALS.items() if status != "422" or method in ("post", "patch")
    }
    responses: dict[str, Any] = {status: {"$ref": f"#/components/responses/{name}"} for status, name in told.items()}
    for status, answer in details.get("responses", {}).items():
        responses[str(status)] = {**answer, "headers": {**_header_links(), **answer.get("headers", {})}}
    operation["responses"] = dict(sorted(responses.items()))
    return operation


def _refusal(status: str, error: str, words: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ErrorMessage"}
    example = {**example_of(PROBLEM, {}, status=int(status)), "error": error}
    return {
        "description": words,
        "headers": _header_links(),
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _header_links() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    if parameter["in"] != "path":
        return parameter
    return {**parameter, "name": to_camel(parameter["name"])}


def _camel_path(path: str) -> str:
    return _PARAMETER.sub(lambda found: f"{{{to_camel(found[1])}}}", path)


def _tags(paths: dict[str, Any]) -> list[dict[str, str]]:
    names = {tag for item in paths.values() for details in item.values() for tag in details.get("tags", ())}
    return [{"name": name} for name in sorted(names)]


def _add_examples(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        for operation in item.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            answers = [(status, answer) for status, answer in operation["responses"].items()]
            for media in (media for body in bodies for media in body.get("content", {}).values()):
                media.setdefault("example", example_of(media.get("schema", {}), schemas))
            for status, answer in answers:
                for kind, media in answer.get("content", {}).items():
                    if "schema" in media and kind == "application/json":
                        media.setdefault("example", example_of(media["schema"], schemas, status=int(status)))
