"""How custom fields speak below `/v1`: two error bodies, 422 for what is not valid, and their own rate headers.

Plain:       {"detail": "text"}, for 401, 403, 404, 409, 429 and whatever else is no fault of one member.
Validation:  {"detail": [{"loc": [...], "msg": "...", "type": "...", "input": ..., "ctx": {...}}]}, for 422.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponseBase
from ninja.errors import HttpError, ValidationError

from customdata.exceptions import Conflict, ExpressionRefused, NotFound
from portal.api.dialects import Dialect
from portal.api.errors import Problem, WireError, problem_of
from portal.api.quota import Allowance
from syncengine.exceptions import Refused

PREFIX = "/v1"
CONFLICT = 409  # of a name or a target that is taken; the contract names none
INVALID = 422
RATE_LIMIT_EXCEEDED = "Rate limit exceeded"
LARGEST_INPUT = 2048  # bytes of what was given, as the answer shows it again
_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_encode = msgspec.json.Encoder(decimal_format="number").encode

type Fault = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invalid(Problem):
    """A refusal that names what is wrong where."""

    detail: tuple[Fault, ...] = ()


class Unprocessable(Exception):
    """Raised by an operation for what is well formed and still not valid."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(faults[0]["msg"])
        self.faults = faults


def fault(
    where: Sequence[str | int], message: str, kind: str = "value_error", ctx: Mapping[str, Any] | None = None
) -> Fault:
    """Return one entry of `detail`. where: `("body", "json_path")` and the like."""
    found: Fault = {"loc": list(where), "msg": message, "type": kind}
    return {**found, "ctx": dict(ctx)} if ctx else found


def expression_fault(refusal: ExpressionRefused, where: Sequence[str | int] = ("body", "json_path")) -> Fault:
    """The parser's words, and the character at fault, counted from 0."""
    ctx = {"error": refusal.reason}
    return fault(
        where,
        refusal.message,
        "json_path_invalid",
        ctx if refusal.position is None else {**ctx, "position": refusal.position},
    )


def _problem_of(error: Exception) -> Problem | None:
    match error:
        case Unprocessable():
            return _invalid(error.faults)
        case ValidationError():
            return _invalid([_fault_of(found) for found in error.errors])
        case Conflict():
            return Problem(CONFLICT, error.message)
        case NotFound():
            return Problem(404, error.message)
        case HttpError():
            return _invalid([fault(("body",), str(error.__cause__ or error), "json_invalid")])
        case Refused():
            return _invalid([fault(("body", error.field) if error.field else ("body",), error.message)])
    problem = problem_of(error)
    if problem is None:
        return None
    if problem.status in (400, INVALID):
        return _invalid([_fault_of_header(problem)])
    if isinstance(error, WireError) and problem.status == 429:
        return replace(problem, message=RATE_LIMIT_EXCEEDED)
    return problem


def _invalid(faults: Sequence[Fault]) -> Invalid:
    return Invalid(INVALID, faults[0]["msg"] if faults else "", detail=tuple(faults))


def _fault_of(found: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors. The framework names its own parameter behind `body` and `query`."""
    source, *rest = found["loc"]
    told: Fault = {
        "loc": [source, *(rest[1:] if source == "body" else rest)],
        "msg": found["msg"],
        "type": found["type"],
    }
    if "input" in found and _is_small(found["input"]):
        told["input"] = found["input"]
    if found.get("ctx"):
        told["ctx"] = {name: value if _is_small(value) else str(value) for name, value in found["ctx"].items()}
    return told


def _is_small(value: Any) -> bool:
    try:
        return len(_encode(value)) <= LARGEST_INPUT
    except (TypeError, ValueError, RecursionError):
        return False


def _fault_of_header(problem: Problem) -> Fault:
    where = ("header", problem.issues[0].item) if problem.issues else ("header",)
    return fault(where, problem.message)


def _body(problem: Problem, correlation_id: str) -> dict[str, Any]:
    return {"detail": list(problem.detail) if isinstance(problem, Invalid) else problem.message}


def _stamp(request: HttpRequest, response: HttpResponseBase) -> None:
    if response.status_code == 401:
        response["WWW-Authenticate"] = "Bearer"
    allowance: Allowance | None = getattr(request, "allowance", None)
    if allowance is not None:
        told = (allowance.limit, allowance.remaining, int(allowance.ends_at.timestamp()))
        for name, value in zip(_HEADERS, told, strict=True):
            response[name] = str(value)


# --- what the API's description says of it

_ERROR: dict[str, Any] = {
    "title": "ErrorResponse",
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string", "description": "What is wrong, for a person to read."}},
}
_VALIDATION_ERROR: dict[str, Any] = {
    "title": "HTTPValidationError",
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "title": "ValidationError",
                "type": "object",
                "required": ["loc", "msg", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                    "input": {"description": "What was given."},
                    "ctx": {"type": "object"},
                },
            },
        }
    },
}
_INVALID_EXAMPLE = fault(("body", "name"), "A name has 2 to 128 characters.")
_WORDS = {
    "401": ("There is no key, or it is not known, revoked or expired.", "Unauthorized"),
    "403": (
        "The key does not hold the right that is needed.",
        "Forbidden: this API key does not hold the right custom_fields.edit.",
    ),
    "404": ("There is no such thing, or the key may not see it; the two look the same.", "Not found."),
    "405": ("The path knows other methods; `Allow` names them.", "Method PUT is not allowed here."),
    "409": ("It contradicts what is there.", "customers has a custom field vat_note already."),
    "413": ("The body is too large.", "The request's body is too large."),
    "429": ("Asked too often. `Retry-After` says for how many seconds to wait.", RATE_LIMIT_EXCEEDED),
    "500": ("A fault of ours.", "Something broke on our side. The log knows it by the correlation id."),
    "503": ("The service is being maintained.", "The service is being maintained."),
}


def _response(words: str, schema: str, example: Any) -> dict[str, Any]:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": {"detail": example}}
    return {"description": words, "content": {"application/json": content}}


DIALECT = Dialect(
    PREFIX,
    problem_of=_problem_of,
    body=_body,
    stamp=_stamp,
    refusals={
        **{
            status: (f"V1Refusal{status}", _response(words, "ErrorResponse", example))
            for status, (words, example) in _WORDS.items()
        },
        "422": ("V1Invalid", _response("A member is not valid.", "HTTPValidationError", [_INVALID_EXAMPLE])),
    },
    schemas={"ErrorResponse": _ERROR, "HTTPValidationError": _VALIDATION_ERROR},
)
