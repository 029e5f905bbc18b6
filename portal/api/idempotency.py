"""One key, one effect: the answer to a POST or PATCH is kept and given again (codat contract, section 1.5).

What a request does and the note of its answer are one transaction, so that a process that dies leaves either both or
neither. Only operations that speak to a platform while they run stand outside it. They note what they began, in the
transaction that makes it, so that a request with the key of one that was killed goes on with that and begins nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.timezone import now

from portal.api.errors import Issue, WireError
from portal.models import IdempotentAnswer
from syncengine.secrets import decrypt, encrypt

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(minutes=90)
# A request that runs longer than this was killed; the next one with its key may try again.
HELD_FOR = timedelta(seconds=120)
_METHODS = {"POST", "PATCH"}
_HELD = "idempotent_answer"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class _InFlight(WireError):
    def __init__(self) -> None:
        super().__init__(409, f"A request with this {HEADER} is still being worked on.", retry="True")


def once(
    request: HttpRequest,
    run: Callable[[], HttpResponseBase],
    refuse: Callable[[Exception], HttpResponse],
    *,
    in_transaction: bool = True,
) -> HttpResponseBase:
    """Run the request, or give again what it was answered when it came before.

    run:     does it, or raises.
    refuse:  turns what `run` raised into the answer.
    Raises:  WireError 422 when the key came with another request, 409 while that one runs, 400 for an unusable key.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method not in _METHODS:
        return run()
    if not _KEY.fullmatch(key):
        words = "must be 1 to 255 visible ASCII characters, such as a GUID."
        raise WireError(400, f"{HEADER} {words}", issues=(Issue(HEADER, words),))
    answer = _hold(request, key)
    if answer.status_code:
        return _again(answer)
    setattr(request, _HELD, answer)
    try:
        if not in_transaction:
            response = run()
            _keep(answer, response)
            return response
        with transaction.atomic():
            response = run()
            _keep(answer, response)
            return response
    except _InFlight as error:
        return refuse(error)  # the answer is for the other run to keep
    except Exception as error:
        response = refuse(error)
        _keep(answer, response)
        return response


def begun(request: HttpRequest) -> str:
    """Return what an earlier run with this request's key noted by `note_begun`; "" when there was none."""
    held: IdempotentAnswer | None = getattr(request, _HELD, None)
    return held.begun if held is not None else ""


def note_begun(request: HttpRequest, reference: str) -> None:
    """Note what this request begins, in the transaction that begins it. Nothing to do for a request without a key.

    Raises: WireError 409 when another run with the key began something meanwhile.
    """
    held: IdempotentAnswer | None = getattr(request, _HELD, None)
    if held is not None and not IdempotentAnswer.objects.filter(pk=held.pk, begun="").update(begun=reference):
        raise _InFlight


def _hold(request: HttpRequest, key: str) -> IdempotentAnswer:
    """Return the answer's row: ours to fill, or one that is filled already."""
    caller = request.principal.key_id  # type: ignore[attr-defined]
    key_hash = hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()
    fingerprint = _fingerprint(request)
    moment = now()
    for _ in range(3):
        IdempotentAnswer.objects.filter(expires_at__lt=moment).delete()
        try:
            with transaction.atomic():
                return IdempotentAnswer.objects.create(
                    key_hash=key_hash,
                    fingerprint=fingerprint,
                    held_until=moment + HELD_FOR,
                    expires_at=moment + KEPT_FOR,
                )
        except IntegrityError:
            held = IdempotentAnswer.objects.filter(pk=key_hash).first()
        if held is None:
            continue  # it was freed this moment
        if held.fingerprint != fingerprint:
            raise WireError(422, f"This {HEADER} was already used for another request.")
        if held.status_code:
            return held
        stale = IdempotentAnswer.objects.filter(pk=key_hash, status_code=0, held_until__lt=moment)
        if stale.update(held_until=moment + HELD_FOR):
            held.refresh_from_db()
            return held
        break
    raise _InFlight


def _keep(answer: IdempotentAnswer, response: HttpResponseBase) -> None:
    row = IdempotentAnswer.objects.filter(pk=answer.pk)
    if response.status_code == 429 or not isinstance(response, HttpResponse):
        row.delete()
        return
    row.update(
        status_code=response.status_code,
        content_type=response.headers.get("Content-Type", ""),
        body=encrypt(response.content, bound_to=_place(answer)),
    )


def _again(answer: IdempotentAnswer) -> HttpResponse:
    response = HttpResponse(
        decrypt(bytes(answer.body), bound_to=_place(answer)),
        status=answer.status_code,
        content_type=answer.content_type or "application/json",
    )
    if not answer.content_type:
        del response["Content-Type"]
    response["Idempotency-Replayed"] = "true"
    return response


def _place(answer: IdempotentAnswer) -> str:
    return f"idempotent answer:{answer.pk}"


def _fingerprint(request: HttpRequest) -> str:
    told = f"{request.method}\n{request.path_info.rstrip('/').lower()}\n{request.META.get('QUERY_STRING', '')}\n"
    return hashlib.sha256(told.encode() + request.body).hexdigest()
