from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from syncengine.ids import new_id
from syncengine.models import Integration


class MaintenanceWindow(models.Model):
    """A time in which a platform is known to be down or worked on: alerts about it are raised, and nothing is sent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration_id: UUID
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="maintenance_windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="maintenance_window_ends_later"),
        ]
        indexes = [models.Index(fields=["ends_at"], name="maintenance_window_ends")]

    def __str__(self) -> str:
        return f"{self.integration_id} from {self.starts_at} to {self.ends_at}"
