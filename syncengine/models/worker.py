from __future__ import annotations

from django.db import models


class WorkerHeartbeat(models.Model):
    """One worker cluster, as it last reported. The overview warns when none was seen for a minute."""

    name = models.CharField(max_length=120, primary_key=True)  # host:pid
    host = models.CharField(max_length=80)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
