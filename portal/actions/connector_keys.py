"""Keys of connector processes: made, rotated, revoked. Each is for one integration and opens nothing but its door."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from portal.keys import CONNECTOR_PREFIX, hash_of, hint_of, is_well_formed, new_secret
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import ConnectorKey, Integration

OVERLAP = timedelta(hours=24)


@transaction.atomic
def make_connector_key(integration: Integration, *, actor: str) -> str:
    """Return a new key, which is known now and never again.

    The one in use works on for OVERLAP; one that was on its way out ends now.

    Raises: Refused while the integration is not marked as offline.
    """
    integration = Integration.objects.select_for_update().get(pk=integration.pk)
    if not integration.is_offline:
        raise Refused(f"{integration.name} is not marked as offline, so it needs no connector.")
    integration.connector_keys.filter(ends_at__isnull=False).delete()
    ended = integration.connector_keys.update(ends_at=now() + OVERLAP)
    secret = new_secret(CONNECTOR_PREFIX)
    ConnectorKey.objects.create(integration=integration, hash=hash_of(secret), hint=hint_of(secret), created_by=actor)
    kind = "connector_key.rotated" if ended else "connector_key.created"
    record_event(kind, actor=actor, platform=integration.key, hint=hint_of(secret))
    return secret


@transaction.atomic
def revoke_connector_keys(integration: Integration, *, actor: str) -> None:
    """End all keys of the integration at once: its connectors are refused from their next request on.

    Raises: Refused when there is none.
    """
    count, _ = integration.connector_keys.all().delete()
    if not count:
        raise Refused("There is no key that could be revoked.")
    record_event("connector_key.revoked", actor=actor, platform=integration.key)


def integration_of(secret: str) -> Integration | None:
    """Return the integration whose connector shows this key, None when it opens nothing. One query."""
    if not secret.startswith(CONNECTOR_PREFIX) or not is_well_formed(secret):
        return None
    live = Q(ends_at__isnull=True) | Q(ends_at__gt=now())
    key = ConnectorKey.objects.filter(live, hash=hash_of(secret)).select_related("integration").first()
    return key.integration if key else None
