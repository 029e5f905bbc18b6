"""One press of a button, one push: a page that is sent twice finds what it made the first time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from portal.models import IdempotentAnswer
from pushops.models import PushOperation

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
