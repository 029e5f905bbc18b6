"""Secrets at rest: AES-256-GCM under a ring of keys, each ciphertext bound to the row and column it belongs to."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models


class SecretUnreadable(Exception):
    """No key of the ring opens this ciphertext, or it was moved here from another row."""


def _ring() -> list[tuple[bytes, AESGCM]]:
    ring = []
    for text in settings.HEADRACE_ENCRYPTION_KEYS:
        raw = base64.urlsafe_b64decode(text)
        if len(raw) != 32:
            raise ValueError("HEADRACE_ENCRYPTION_KEYS: each key is 32 bytes in URL-safe base64.")
        ring.append((hashlib.sha256(b"headrace key id" + raw).digest()[:4], AESGCM(raw)))
    return ring


def encrypt(plain: bytes, *, bound_to: str) -> bytes:
    """Return key id (4) + nonce (12) + ciphertext, readable only together with the same `bound_to`."""
    key_id, key = _ring()[0]
    nonce = os.urandom(12)
    return key_id + nonce + key.encrypt(nonce, plain, bound_to.encode())


def decrypt(stored: bytes, *, bound_to: str) -> bytes:
    """Return the plain bytes.

    Raises: SecretUnreadable.
    """
    key_id, nonce, sealed = stored[:4], stored[4:16], stored[16:]
    for candidate_id, key in _ring():
        if candidate_id == key_id:
            try:
                return key.decrypt(nonce, sealed, bound_to.encode())
            except InvalidTag:
                break
    raise SecretUnreadable(f"The secret of {bound_to} cannot be read with the configured keys.")


def seal(row: models.Model, column: str, secret: Mapping[str, str]) -> bytes:
    """Return the ciphertext of `secret` for that row's column; moved to another row or column it opens no more."""
    return encrypt(msgspec.json.encode(secret), bound_to=_place(row, column))


def unseal(row: models.Model, column: str) -> dict[str, str]:
    """Return what the row's column holds, {} when it is empty.

    Raises: SecretUnreadable.
    """
    stored = getattr(row, column)
    if not stored:
        return {}
    return msgspec.json.decode(decrypt(bytes(stored), bound_to=_place(row, column)), type=dict[str, str])


def seal_bytes(row: models.Model, column: str, plain: bytes) -> bytes:
    """As `seal`, for what is no mapping of texts."""
    return encrypt(plain, bound_to=_place(row, column))


def unseal_bytes(row: models.Model, column: str) -> bytes:
    """Raises: SecretUnreadable."""
    return decrypt(bytes(getattr(row, column)), bound_to=_place(row, column))


def is_under_newest_key(stored: bytes) -> bool:
    """True when the first key of the ring made this ciphertext (used when keys are rotated)."""
    return bytes(stored)[:4] == _ring()[0][0]


def _place(row: models.Model, column: str) -> str:
    return f"{row._meta.label_lower}:{row.pk}:{column}"
