"""What the API refuses, and the one body that says so (codat contract, sections 1.2 and 1.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, UnreadablePostError
from ninja.errors import HttpError, ValidationError

from syncengine.exceptions import (
    AuthExpired,
    ConnectorError,
    DatasetInProgress,
    NotLinked,
    NotSupported,
    PermissionMissing,
    RateLimited,
    Refused,
    SourceUnavailable,
    StaleState,
    UnknownDataType,
)

INVALID_REQUEST = "Error processing request - not valid."


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with what was sent. `item` is the member's path, e.g. "settings[2].syncSchedule"."""

    item: str
    message: str
    validator: str = "Request"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal, before it becomes bytes.

    retry:   whether the same request may be sent again; text on the wire, for a JSON boolean breaks the official SDKs.
    extra:   headers that go with it, e.g. Retry-After.
    """

    status: int
    message: str
    issues: tuple[Issue, ...] = ()
    service: str = "PublicApi"
    retry: str = "Unknown"
    code: int = 0
    extra: tuple[tuple[str, str], ...] = ()


class WireError(Exception):
    """Raised by a router to answer with this problem."""

    def __init__(self, status: int, message: str, **members: Any) -> None:
        super().__init__(message)
        self.problem = Problem(status, message, **members)


def company_not_found(company_id: object) -> WireError:
    return WireError(404, f"No company was found with ID {company_id}")


def connection_not_found(connection_id: object) -> WireError:
    return WireError(404, f"Data connection {connection_id} not found")


def platform_error(error: ConnectorError, platform_name: str) -> WireError:
    """Return how a platform's refusal or silence is told to a request that waited for it."""
    told = partial(WireError, service=platform_name.replace(" ", ""))
    wait: float | None = getattr(error, "retry_after", None)
    extra = (("Retry-After", str(max(1, round(wait)))),) if wait else ()
    described: tuple[tuple[type[ConnectorError], Callable[[], WireError]], ...] = (
        (NotSupported, lambda: told(404, error.headline)),
        (AuthExpired, lambda: told(409, error.headline)),
        (PermissionMissing, lambda: told(403, error.headline)),
        (RateLimited, lambda: told(429, error.headline, retry="True", extra=extra)),
        (SourceUnavailable, lambda: told(503, error.headline, retry="True", extra=extra)),
    )
    found = next((describe() for kind, describe in described if isinstance(error, kind)), None)
    return found or told(503, error.headline, retry="False")


def problem_of(error: Exception) -> Problem | None:
    """Return how this error is told, or None when it is none of those we raise on purpose."""
    for kind, describe in _DESCRIBED:
        if isinstance(error, kind):
            return describe(error)
    return None


def codat_body(problem: Problem, correlation_id: str) -> dict[str, Any]:
    """Return the error body of the Codat dialect."""
    validation = None
    if problem.issues:
        errors = [
            {"itemId": issue.item, "message": issue.message, "validatorName": issue.validator}
            for issue in problem.issues
        ]
        validation = {"errors": errors, "warnings": []}
    return {
        "statusCode": problem.status,
        "service": problem.service,
        "error": problem.message,
        "correlationId": correlation_id,
        "validation": validation,
        "canBeRetried": problem.retry,
        "detailedErrorCode": problem.code,
    }


def _invalid(error: ValidationError) -> Problem:
    # pydantic names where: ("query", "pageSize") or ("body", "payload", "settings", 2, "syncSchedule").
    issues = tuple(Issue(_path(found["loc"]), str(found["msg"])) for found in error.errors)
    first = issues[0] if issues else Issue("", "")
    return Problem(400, f"{INVALID_REQUEST} {first.item}: {first.message}" if issues else INVALID_REQUEST, issues)


def _path(location: tuple[str | int, ...]) -> str:
    source, *rest = location
    named = rest[1:] if source == "body" and len(rest) > 1 else rest
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named)
    return path.removeprefix(".") or str(source)


def _refused(error: Refused) -> Problem:
    return Problem(400, error.message, (Issue(error.field, error.message),) if error.field else ())


_DESCRIBED: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (WireError, lambda error: error.problem),
    (ValidationError, _invalid),
    (
        DatasetInProgress,
        lambda error: Problem(409, f"DatasetAlreadyInProgressException: {error.message}", retry="True"),
    ),
    (UnknownDataType, lambda error: Problem(404, f"Datatype {error.data_type} not supported")),
    (NotLinked, _refused),
    (Refused, _refused),
    (StaleState, lambda error: Problem(409, str(error), retry="True")),
    (Http404, lambda error: Problem(404, "Not found.")),
    (PermissionDenied, lambda error: Problem(403, "Forbidden: this API key does not hold the right that is needed.")),
    (RequestDataTooBig, lambda error: Problem(413, "The request's body is too large.")),
    (UnreadablePostError, lambda error: Problem(400, "The request's body could not be read.")),
    (HttpError, lambda error: Problem(error.status_code, f"{INVALID_REQUEST} {error}")),
)
