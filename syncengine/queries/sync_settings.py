"""How companies stand to this deployment's default sync settings."""

from __future__ import annotations

from django.db.models import Count

from syncengine.models import SyncSetting


def override_counts() -> dict[str, int]:
    """Return how many companies have settings of their own, by data type; types without any are left out; one query."""
    overriding = SyncSetting.objects.filter(company__isnull=False, company__deleted_at=None)
    return dict(overriding.order_by().values_list("data_type").annotate(Count("pk")))
