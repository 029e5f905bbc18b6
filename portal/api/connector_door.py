"""The door for connector processes on customers' machines: `/connector/…`, apart from the API and smaller.

    POST wait                      is there work? Held open for some seconds while there is none
    POST take                      take requests to make
    POST answers/<run>/<request>   hand in what came of one
    POST leave                     the process stops
    GET  connector_process.py      the connector itself, open to all

A key shows which integration it is for, and nothing of another is ever looked at. A question that is held open takes
nothing, so one whose asker has died meanwhile does no harm, and it holds no transaction.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt

from portal.actions.connector_keys import integration_of
from portal.api import limits
from portal.api.errors import WireError
from portal.keys import secret_of
from syncengine import connector_process
from syncengine.actions.relaying import Introduction, NobodyWaits, answer, is_waiting, leave, show, take
from syncengine.models import Integration
from syncengine.outbound.frames import MAX_HEAD_BYTES, BadFrame

PROGRAM = "connector_process.py"
MAX_ASKED_BYTES = 16 * 1024
SOON_SECONDS = 1.0  # until a connector that found no place to wait asks again
_SHORTEST_LOOK, _LONGEST_LOOK = 0.02, 0.25
_log = logging.getLogger("headrace.connectors")
_Text = Annotated[str, msgspec.Meta(max_length=300)]


class _Asked(msgspec.Struct):
    """What a connector says with every question."""

    run: UUID
    machine: _Text = ""
    version: _Text = ""
    platforms: Annotated[list[_Text], msgspec.Meta(max_length=50)] = []
    hold: bool = False
    count: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1

    @property
    def introduction(self) -> Introduction:
        return Introduction(self.run, self.machine, self.version, self.platforms)


class _Refusal(Exception):
    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status, self.headers = status, headers


@csrf_exempt
def connector_door(request: HttpRequest, what: str) -> HttpResponse:
    """Answer one request of a connector, in JSON whatever happens."""
    try:
        response = _program(request) if what == PROGRAM else _work(request, what)
    except _Refusal as refusal:
        response = _json({"error": str(refusal)}, refusal.status)
        for name, value in refusal.headers.items():
            response[name.replace("_", "-")] = value
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django would say it once more, as a warning
    except Exception:
        _log.exception("connector door fault at %r", what)
        response = _json({"error": "Something broke on our side."}, 500)
        response._has_been_logged = True  # type: ignore[attr-defined]
    add_never_cache_headers(response)
    return response


def _work(request: HttpRequest, what: str) -> HttpResponse:
    integration = _let_in(request)
    found = _DESKS.get(what.partition("/")[0])
    if found is None:
        raise _Refusal(404, "There is no such place here.")
    if request.method != "POST":
        raise _Refusal(405, "This is asked with POST.", Allow="POST")
    return found(request, integration, what)


def _let_in(request: HttpRequest) -> Integration:
    """Return whom the shown key is for. Raises: _Refusal."""
    try:
        limits.check_address(request)
    except WireError as error:
        raise _Refusal(429, str(error), Retry_After="60") from None
    integration = integration_of(secret_of(request.headers.get("Authorization", "")))
    if integration is None:
        raise _Refusal(401, "This key opens nothing here.", WWW_Authenticate='Bearer realm="connector"')
    if not integration.is_offline:
        raise _Refusal(403, "This integration is not marked as offline, so it needs no connector.")
    per_minute = settings.HEADRACE_CONNECTOR_PER_MINUTE
    minute_ends = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if per_minute and not limits.quota.take(f"connector:{integration.pk}", per_minute, minute_ends).granted:
        seconds = max(1, math.ceil((minute_ends - datetime.now(UTC)).total_seconds()))
        raise _Refusal(429, "Too many requests within this minute.", Retry_After=str(seconds))
    return integration


# --- desks


def _wait(request: HttpRequest, integration: Integration, what: str) -> HttpResponse:
    asked = _asked(request)
    show(integration, asked.introduction)
    if is_waiting(integration):
        return _json({"waiting": True})
    if not asked.hold:
        return _json({"waiting": False, "ask_again_seconds": SOON_SECONDS})
    places = _holds()
    if not places.acquire(blocking=False):
        return _json({"waiting": False, "ask_again_seconds": SOON_SECONDS})
    try:
        return _json({"waiting": _comes(integration), "ask_again_seconds": 0})
    finally:
        places.release()


def _take(request: HttpRequest, integration: Integration, what: str) -> HttpResponse:
    asked = _asked(request)
    taken = take(integration, show(integration, asked.introduction), asked.count)
    rows = [{"id": request_id, **msgspec.structs.asdict(question)} for request_id, question in taken]
    return _json({"requests": rows})


def _answer(request: HttpRequest, integration: Integration, what: str) -> HttpResponse:
    try:
        _, run, request_id = what.split("/")
        ids = UUID(run), UUID(request_id)
    except ValueError:
        raise _Refusal(404, "There is no such place here.") from None
    frame = _body(request, settings.HEADRACE_CONNECTOR_MAX_BYTES + MAX_HEAD_BYTES)
    try:
        answer(integration, *ids, frame)
    except BadFrame as error:
        raise _Refusal(400, str(error)) from None
    except NobodyWaits as refusal:
        raise _Refusal(409, refusal.message) from None
    return HttpResponse(status=204)


def _leave(request: HttpRequest, integration: Integration, what: str) -> HttpResponse:
    leave(integration, _asked(request).run)
    return HttpResponse(status=204)


_DESKS: dict[str, Callable[[HttpRequest, Integration, str], HttpResponse]] = {
    "wait": _wait,
    "take": _take,
    "answers": _answer,
    "leave": _leave,
}


def _program(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        raise _Refusal(405, "This is asked with GET.", Allow="GET")
    return HttpResponse(_program_text(), content_type="text/x-python; charset=utf-8")


# --- parts


@cache
def _program_text() -> bytes:
    return Path(connector_process.__file__).read_bytes()


@cache
def _holds() -> threading.BoundedSemaphore:
    """As many threads of this process as may be given to waiting connectors."""
    return threading.BoundedSemaphore(max(1, settings.HEADRACE_CONNECTOR_HOLDS))


def _comes(integration: Integration) -> bool:
    """Wait for a request to be laid down; look often at first, for work comes in runs."""
    ends_at, look = time.monotonic() + settings.HEADRACE_CONNECTOR_HOLD_SECONDS, _SHORTEST_LOOK
    while time.monotonic() < ends_at:
        time.sleep(look)
        if is_waiting(integration):
            return True
        look = min(look * 1.05, _LONGEST_LOOK)
    return False


def _asked(request: HttpRequest) -> _Asked:
    try:
        return msgspec.json.decode(_body(request, MAX_ASKED_BYTES), type=_Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _Refusal(400, f"This question does not hold: {error}") from None


def _body(request: HttpRequest, most: int) -> bytes:
    """Read a body of at most so many bytes, whatever the usual limit is."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length[:20]) > most:
        raise _Refusal(413, f"The body must be no longer than {most:,} bytes.")
    try:
        return request.read(int(length))
    except (OSError, RequestDataTooBig):
        raise _Refusal(400, "The body was cut off.") from None


def _json(body: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
