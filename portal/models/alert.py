"""One match of a rule, and how it ended."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from portal.models.alerting_rule import AlertingRule
from syncengine.ids import new_id
from syncengine.models import Company, Connection

OPEN = Q(recovered_at__isnull=True, resolved_at__isnull=True)


class HeldBecause(models.TextChoices):
    SNOOZED = "snoozed", "Not sent: the rule was snoozed"
    QUIET = "quiet", "Not sent yet: quiet hours"
    MAINTENANCE = "maintenance", "Not sent: the platform was under maintenance"


class Alert(models.Model):
    """What a rule found. While it is open, the same subject found again is counted here and makes no other alert.

    subject:       what it is about, so that the same found again is known: "" for what happens once and is over.
    rule_type:     as the rule was spelled on the wire; a rule may go, the alert stays.
    count:         how often it was found, `last_seen_at` when last.
    told_at:       when its messages were written; null while nobody was told, `held_because` says why.
    recovered_at:  when what was found was well again; resolved_at: when a person said that it is dealt with.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    rule_id: UUID
    rule = models.ForeignKey(AlertingRule, models.CASCADE, related_name="alerts", db_index=False)
    type = models.CharField(max_length=60)
    rule_type = models.CharField(max_length=60)
    company_id: UUID | None
    company = models.ForeignKey(Company, models.CASCADE, null=True, blank=True, related_name="alerts", db_index=False)
    connection_id: UUID | None
    connection = models.ForeignKey(
        Connection, models.SET_NULL, null=True, blank=True, related_name="alerts", db_index=True
    )
    subject = models.CharField(max_length=200, blank=True)
    message = models.TextField()
    data = models.JSONField(default=dict, blank=True)  # as the webhook's `Data` holds it: camelCase
    event_id = models.UUIDField(null=True, blank=True)

    raised_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    told_at = models.DateTimeField(null=True, blank=True)
    held_because = models.CharField(max_length=12, blank=True, choices=HeldBecause)
    recovered_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=OPEN & ~Q(subject=""), name="alert_open_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-raised_at"], name="alert_raised"),
            models.Index(fields=["rule", "-raised_at"], name="alert_rule"),
            models.Index(fields=["company", "-raised_at"], name="alert_company"),
            models.Index(fields=["rule"], condition=Q(held_because="quiet"), name="alert_held"),
            models.Index(fields=["subject"], condition=OPEN & ~Q(subject=""), name="alert_open_subject"),
        ]

    def __str__(self) -> str:
        return self.message

    @property
    def is_open(self) -> bool:
        return self.recovered_at is None and self.resolved_at is None

    @property
    def standing(self) -> str:
        """Return how it stands, in one word: Open, Recovered or Resolved."""
        if self.resolved_at:
            return "Resolved"
        return "Recovered" if self.recovered_at else "Open"

    @property
    def was_during_maintenance(self) -> bool:
        return self.held_because == HeldBecause.MAINTENANCE
