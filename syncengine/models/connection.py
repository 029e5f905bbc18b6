from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.ids import new_id
from syncengine.models.company import Company
from syncengine.models.integration import Integration
from syncengine.states import ConnectionStatus, Responsible


class Connection(models.Model):
    """One company's link to one integration."""

    company_id: UUID
    integration_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="connections")
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="connections")
    source_id = models.UUIDField(default=new_id, editable=False)
    status = models.CharField(max_length=20, choices=ConnectionStatus, default=ConnectionStatus.PENDING_AUTH)
    settings = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    linked_at = models.DateTimeField(null=True, blank=True)
    first_linked_at = models.DateTimeField(null=True, blank=True)
    last_sync_at = models.DateTimeField(null=True, blank=True)
    # The last call the platform accepted with our authorisation: what its idle limit counts from.
    last_used_at = models.DateTimeField(null=True, blank=True)
    # Why it stands where it stands.
    status_changed_at = models.DateTimeField(null=True, blank=True)
    status_reason = models.TextField(blank=True)
    status_actor = models.CharField(max_length=120, blank=True)
    status_responsible = models.CharField(max_length=20, blank=True, choices=Responsible)
    upstream_words = models.TextField(blank=True)
    # Secrets: tokens or keys; `credentials_version` grows with each save, so that two refreshes never cross.
    credentials = models.BinaryField(default=bytes, blank=True)  # secrets.seal / unseal
    credentials_expire_at = models.DateTimeField(null=True, blank=True)
    credentials_version = models.PositiveIntegerField(default=0)
    refresh_until = models.DateTimeField(null=True, blank=True)  # someone is refreshing the token until then
    refresh_owner = models.CharField(max_length=120, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["company", "created_at"], name="connection_company"),
            models.Index(fields=["status", "created_at"], name="connection_status"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ConnectionStatus.values), name="connection_status_word"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.company} on {self.integration}"


class LinkAttempt(models.Model):
    """One try at linking: begun, then answered, refused or forgotten. Used once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="link_attempts")
    state_hash = models.CharField(max_length=64, unique=True)
    pending = models.BinaryField(default=bytes, blank=True)  # secrets.seal / unseal
    instruct = models.TextField(blank=True)
    started_at = models.DateTimeField(auto_now_add=True)
    started_by = models.CharField(max_length=120, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    error_message = models.TextField(blank=True)
    upstream_words = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "-started_at"], name="link_attempt_connection")]

    def __str__(self) -> str:
        return f"link attempt {self.pk}"
