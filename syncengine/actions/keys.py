"""Rotating the encryption key: everything sealed with an older key is sealed again with the newest."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import models

from syncengine.models import Connection, Integration, LinkAttempt
from syncengine.secrets import is_under_newest_key, seal, unseal

_SEALED: dict[str, tuple[type[models.Model], str]] = {}


def register_sealed(model: type[models.Model], column: str) -> None:
    """Have this column's secrets sealed anew as well, when the encryption key is rotated."""
    _SEALED[f"{model._meta.label_lower}:{column}"] = (model, column)


register_sealed(Integration, "client")
register_sealed(Connection, "credentials")
register_sealed(LinkAttempt, "pending")


def reseal_all() -> int:
    """Seal every secret with the newest key; safe to repeat, and while workers run. Returns how many were resealed.

    Raises: SecretUnreadable when a secret's key is no longer configured; those before it are done.
    """
    return sum(_reseal(row, column) for model, column in _SEALED.values() for row in _under_older_keys(model, column))


def _under_older_keys(model: type[models.Model], column: str) -> Iterator[models.Model]:
    for row in model._default_manager.exclude(**{column: b""}).iterator(chunk_size=500):
        if not is_under_newest_key(getattr(row, column)):
            yield row


def _reseal(row: models.Model, column: str) -> bool:
    # Only if it still is what was read: a token refreshed meanwhile is under the newest key already.
    stored = getattr(row, column)
    fresh = seal(row, column, unseal(row, column))
    return bool(type(row)._default_manager.filter(pk=row.pk, **{column: stored}).update(**{column: fresh}))
