"""Platforms inside a customer's network, whose connector process fetches our requests from here and makes them."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.ids import new_id
from syncengine.models.integration import Integration


class ConnectorKey(models.Model):
    """A key that connector processes of one integration show at the door; only its hash is kept.

    ends_at:  None for the one in use; of the one before it, until when it still works.
    """

    integration_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="connector_keys")
    hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["integration"], condition=models.Q(ends_at__isnull=True), name="connector_key_in_use"
            )
        ]

    def __str__(self) -> str:
        return self.hint


class ConnectorProcess(models.Model):
    """One run of a connector process, as it last showed itself.

    run:        the id it gave itself when it started.
    platforms:  the addresses it was allowed to call.
    seen_at:    good to a few seconds, so that a busy one does not write its row with each request.
    left_at:    when it said that it stops.
    """

    integration_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="connector_processes", db_index=False)
    run = models.UUIDField()
    machine = models.CharField(max_length=80, blank=True)
    version = models.CharField(max_length=20, blank=True)
    platforms = models.JSONField(default=list)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["integration", "run"], name="connector_process_one")]
        indexes = [models.Index(fields=["integration", "-seen_at"], name="connector_process_seen")]

    def __str__(self) -> str:
        return f"{self.machine} {self.run}"


class RelayedRequest(models.Model):
    """One request that a connector process is to make, while whoever asked for it waits. Gone when the answer is.

    question, answer:  as syncengine/outbound/frames.py writes them, sealed.
    ends_at:           nobody waits for the answer after that.
    """

    integration_id: UUID
    taken_by_id: UUID | None
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="+", db_index=False)
    question = models.BinaryField()
    ends_at = models.DateTimeField(db_index=True)
    taken_at = models.DateTimeField(null=True)
    taken_by = models.ForeignKey(ConnectorProcess, models.SET_NULL, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answer = models.BinaryField(default=bytes)

    class Meta:
        indexes = [
            models.Index(
                fields=["integration", "id"], condition=models.Q(taken_at__isnull=True), name="relayed_not_taken"
            )
        ]

    def __str__(self) -> str:
        return f"relayed request {self.pk}"
