"""Which push operations a person may see. As in `portal.access`, a view starts from here."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.access import Viewer, allows
from pushops.models import PushOperation


def operations_for(user: Viewer) -> QuerySet[PushOperation]:
    if not allows(user, "push.view"):
        return PushOperation.objects.none()
    return PushOperation.objects.filter(connection__deleted_at__isnull=True, company__deleted_at__isnull=True)
