"""Offline platforms: marked by an operator, their waiting work woken when a connector comes, leftovers removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.timezone import now

from syncengine.actions.datasets import RUN_TASK
from syncengine.connector_presence import present_integrations
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import ConnectorKey, ConnectorProcess, Dataset, Integration, RelayedRequest
from syncengine.queue import enqueue
from syncengine.states import DATASET_ACTIVE

# `enqueued_at` of a dataset that waits for a connector: the sweeper wakes what was not woken lately, so never this.
UNTIL_WOKEN = datetime(9999, 1, 1, tzinfo=UTC)
BATCH = 200  # woken at a time; the rest a few seconds later
KEEP_PROCESSES = timedelta(days=7)


@transaction.atomic
def set_offline(integration: Integration, is_offline: bool, *, actor: str) -> None:
    """Have a connector on the customer's machine make all requests of this integration, or make them from here again.

    Raises: Refused when it is so already.
    """
    if integration.is_offline == is_offline:
        raise Refused(f"{integration.name} is already {'offline' if is_offline else 'called from here'}.")
    integration.is_offline = is_offline
    integration.save(update_fields=["is_offline"])
    kind = "integration.marked_offline" if is_offline else "integration.marked_online"
    record_event(kind, actor=actor, platform=integration.key)
    if not is_offline:
        wake_waiting(integration.pk)


def wake_waiting(integration_id: UUID) -> None:
    """Wake what waits for a connector of this integration, in the caller's transaction. Cheap when nothing does."""
    waiting = _waiting().filter(connection__integration_id=integration_id).order_by("requested_at")
    for pk in list(waiting.values_list("pk", flat=True)[:BATCH]):
        if Dataset.objects.filter(pk=pk, enqueued_at=UNTIL_WOKEN).update(enqueued_at=now()):
            enqueue(RUN_TASK, str(pk))
    for name in settings.CONNECTOR_ARRIVALS:
        import_string(name)(integration_id)


def tidy_offline() -> None:
    """Each minute: wake who waits although a connector is there, and remove what nobody waits for any more."""
    waiting_for = set(_waiting().values_list("connection__integration_id", flat=True).distinct())
    free = set(Integration.objects.filter(pk__in=waiting_for, is_offline=False).values_list("pk", flat=True))
    for integration_id in free | present_integrations(waiting_for):
        with transaction.atomic():
            wake_waiting(integration_id)
    moment = now()
    RelayedRequest.objects.filter(ends_at__lt=moment).delete()
    ConnectorKey.objects.filter(ends_at__lt=moment).delete()
    _forget_processes(moment - KEEP_PROCESSES)


def _waiting() -> QuerySet[Dataset]:
    nobody_holds = Q(lease_until__isnull=True) | Q(lease_until__lt=now())
    return Dataset.objects.filter(nobody_holds, status__in=DATASET_ACTIVE, enqueued_at=UNTIL_WOKEN)


def _forget_processes(before: datetime) -> None:
    """Remove runs of long ago; the last one of an integration stays, for it says when it was seen."""
    for integration in Integration.objects.filter(connector_processes__seen_at__lt=before).distinct():
        last = integration.connector_processes.order_by("-seen_at").values_list("pk", flat=True)[:1]
        ConnectorProcess.objects.filter(integration=integration, seen_at__lt=before).exclude(pk__in=list(last)).delete()
