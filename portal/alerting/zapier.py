"""The key that Zapier's integration shows us. There is one; asking for another revokes it."""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction
from django.utils.crypto import constant_time_compare

from portal.models.webhook import ZapierKey
from syncengine.events import record_event

PREFIX = "sk_integ_"


@transaction.atomic
def rotate_zapier_key(*, actor: str) -> str:
    """Make a new key and return it; it is shown this once. The one before is worth nothing from now on."""
    key = PREFIX + secrets.token_urlsafe(32)
    ZapierKey.objects.update_or_create(pk=1, defaults={"key_hash": _hash(key), "created_by": actor})
    record_event("webhook.zapier_key_rotated", actor=actor)
    return key


def is_zapier_key(text: str) -> bool:
    """Say whether this is the key in force."""
    if not text.startswith(PREFIX):
        return False
    stored = ZapierKey.objects.values_list("key_hash", flat=True).first()
    return stored is not None and constant_time_compare(stored, _hash(text))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
