from __future__ import annotations

from django.db import models

from syncengine.ids import new_id


class Event(models.Model):
    """A fact, recorded in the transaction of the change that made it true."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=80)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=120, blank=True)
    # Ids, not foreign keys: a fact outlives what it tells of.
    company_id = models.UUIDField(null=True)
    connection_id = models.UUIDField(null=True)
    dataset_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    # Whether the subscribers were told: set in the transaction that wrote what they made of it (run/telling.py).
    told_at = models.DateTimeField(null=True)
    tell_after = models.DateTimeField(null=True)  # a subscriber failed: not again before this time
    tell_failures = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["company_id", "-at"], name="event_company"),
            models.Index(fields=["connection_id", "-at"], name="event_connection"),
            models.Index(fields=["dataset_id", "at"], name="event_dataset"),
            models.Index(fields=["at"], name="event_at"),
            models.Index(fields=["id"], condition=models.Q(told_at__isnull=True), name="event_untold"),
        ]

    def __str__(self) -> str:
        return self.kind


class RateBucket(models.Model):
    """A shared limit: the time at which its budget is whole again (GCRA), and until when it is shut altogether."""

    key = models.CharField(max_length=120, primary_key=True)
    full_at = models.FloatField(default=0)  # Unix seconds
    shut_until = models.FloatField(default=0)  # Unix seconds

    def __str__(self) -> str:
        return self.key
