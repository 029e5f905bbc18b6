"""One press of a button, one push: a page that is sent twice finds what it made the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from portal.models import IdempotentAnswer
from pushops.actions.pushing import edit_and_retry
from pushops.exceptions import OperationEnded
from pushops.models import PushOperation
from pushops.queries.retrying import chain_of, live_try

KEPT_FOR = timedelta(hours=24)
_DONE = 303


def once(actor: str, nonce: str, make: Callable[[], PushOperation]) -> UUID:
    """Return the id of the operation that `make` writes down, or of the one that this page made before.

    nonce:  what the page carries; another page has another one.
    Raises: whatever `make` refuses; the page may then be sent again.
    """
    key = hashlib.sha256(f"push page\n{actor}\n{nonce}".encode()).hexdigest()
    try:
        with transaction.atomic():
            note = IdempotentAnswer.objects.create(
                key_hash=key,
                fingerprint="push page",
                status_code=_DONE,
                held_until=now(),
                expires_at=now() + KEPT_FOR,
            )
            made = make()
            IdempotentAnswer.objects.filter(pk=note.pk).update(begun=str(made.pk))
            return made.pk
    except IntegrityError:
        earlier = IdempotentAnswer.objects.filter(pk=key).first()
        if earlier is None or not earlier.begun:
            raise
        return UUID(earlier.begun)


@transaction.atomic
def try_again(operation: PushOperation, body: Any, *, actor: str) -> PushOperation:
    """Ask for a failed write once more, unless another try of it succeeded or is under way.

    Raises: OperationEnded, and whatever `edit_and_retry` refuses.
    """
    # Of two people who press at once, the second finds what the first one made.
    PushOperation.objects.select_for_update(of=("self",)).only("pk").get(pk=chain_of(operation)[0].pk)
    other = live_try(operation)
    if other is not None:
        raise OperationEnded(f"This was tried again already, and that try is {other.status}. Nothing was pushed.")
    return edit_and_retry(operation, body, actor=actor)
