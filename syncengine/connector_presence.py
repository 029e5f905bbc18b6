"""Whether a connector process is there for an integration, judged by when one last showed itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from syncengine.models import ConnectorProcess

# Waiting rows are found by these words, so that their waking needs no column of its own.
WAITING = "Waiting for the connector on the customer's machine"


def missing_words(integration_id: UUID) -> str:
    """Return why work of this offline integration must wait, "" while one of its connectors is there. One query."""
    processes = latest_processes(integration_id)
    if any(is_present(process) for process in processes):
        return ""
    if not processes:
        return f"{WAITING}, which was never seen yet."
    return f"{WAITING}, last seen {processes[0].seen_at:%Y-%m-%d %H:%M:%S} UTC."


def latest_processes(integration_id: UUID, count: int = 20) -> list[ConnectorProcess]:
    """Return the connectors of an integration, the one that was seen last first."""
    return list(ConnectorProcess.objects.filter(integration_id=integration_id).order_by("-seen_at")[:count])


def present_integrations(integration_ids: Iterable[UUID]) -> set[UUID]:
    """Return those of the integrations for which a connector is there. One query."""
    seen = ConnectorProcess.objects.filter(
        integration_id__in=list(integration_ids), seen_at__gt=_missing_since(), left_at__isnull=True
    )
    return set(seen.values_list("integration_id", flat=True))


def is_present(process: ConnectorProcess) -> bool:
    return process.left_at is None and process.seen_at > _missing_since()


def _missing_since() -> datetime:
    return now() - timedelta(seconds=settings.HEADRACE_CONNECTOR_MISSING_SECONDS)
