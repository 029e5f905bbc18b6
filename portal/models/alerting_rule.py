"""What is watched, for whom, and who is told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from syncengine.ids import new_id
from syncengine.models import Company


class AlertingRule(models.Model):
    """One thing to watch (portal/alerting/rule_types.py), of all companies, of one, or of those with a tag."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=60)  # a key of RULE_TYPES
    wire_type = models.CharField(max_length=60)  # how its client spelled it; bodies say it the same way
    company_id: UUID | None
    company = models.ForeignKey(Company, models.CASCADE, null=True, blank=True, related_name="alerting_rules")
    company_tag = models.CharField(max_length=128, blank=True)  # "key:value"
    settings = models.JSONField(default=dict, blank=True)  # {"hours": 24, "data_type": "invoices"}, by type

    # --- who is told; nobody is fine, the alerts page shows every alert ---
    emails = models.JSONField(default=list, blank=True)
    webhook_url = models.TextField(blank=True)
    recovery_notice = models.BooleanField(default=False)

    # --- when nobody is told ---
    quiet_from = models.TimeField(null=True, blank=True)  # both or neither; may reach past midnight
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snoozed_until_success = models.BooleanField(default=False)
    snoozed_by = models.CharField(max_length=120, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)  # types without events: when it was last looked into

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(company__isnull=True) | Q(company_tag=""), name="alerting_rule_scope"),
        ]
        indexes = [
            models.Index(fields=["type"], condition=Q(deleted_at__isnull=True), name="alerting_rule_type"),
            models.Index(fields=["created_at"], name="alerting_rule_created"),
        ]

    def __str__(self) -> str:
        return f"{self.wire_type} ({self.pk})"

    @property
    def lane(self) -> str:
        return f"rule:{self.pk}"

    @property
    def notifies(self) -> bool:
        return bool(self.emails or self.webhook_url)

    def is_snoozed(self, moment: datetime | None = None) -> bool:
        until = self.snoozed_until
        return self.snoozed_until_success or (until is not None and until > (moment or now()))
