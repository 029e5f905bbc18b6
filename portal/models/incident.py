"""Failures with one cause, told as one thing."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from syncengine.ids import new_id
from syncengine.models import Company, Connection, Integration
from syncengine.states import Responsible


class IncidentCause(models.TextChoices):
    OUTAGE = "outage", "The platform is failing"
    REVOKED = "revoked", "Authorisation lost"
    PERMISSIONS = "permissions", "Access refused"
    SETUP = "setup", "Something must be set up"
    REFUSED = "refused", "Requests refused"
    RECORDS = "records", "Records that are not sound"
    OURS = "ours", "A fault of ours"
    ENDPOINT = "endpoint", "Webhook endpoint failing"


class Incident(models.Model):
    """Failures that have one cause, from the first of them until all it touched works again.

    key:     what tells one cause from another, e.g. "outage:<integration>"; portal/alerting/incidents.py makes it.
    owner:   who must act, as far as is known by now.
    hourly:  failures an hour, [[hours since 1970, count], …], oldest first, of the last week.
    """

    integration_id: UUID | None
    company_id: UUID | None
    consumer_id: UUID | None
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.CharField(max_length=120)
    cause = models.CharField(max_length=12, choices=IncidentCause)
    owner = models.CharField(max_length=20, blank=True, choices=Responsible)
    integration = models.ForeignKey(Integration, models.CASCADE, null=True, blank=True, db_index=False)
    company = models.ForeignKey(Company, models.SET_NULL, null=True, blank=True)  # the first that it touched
    consumer = models.ForeignKey("portal.WebhookConsumer", models.CASCADE, null=True, blank=True, db_index=False)

    # --- what is seen of it ---
    reason = models.TextField(blank=True)  # the latest failure's, in plain words
    upstream_words = models.TextField(blank=True)
    upstream_status = models.PositiveIntegerField(null=True, blank=True)
    dataset_id = models.UUIDField(null=True, blank=True)  # the latest read that failed; it may be purged
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    failure_count = models.PositiveIntegerField(default=0)
    connection_count = models.PositiveIntegerField(default=0)
    company_count = models.PositiveIntegerField(default=0)
    failing_count = models.PositiveIntegerField(default=0)  # connections that have not recovered
    hourly = models.JSONField(default=list, blank=True)

    # --- what became of it ---
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=120, blank=True)
    note = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=120, blank=True)  # "" when it resolved by itself
    reopened_count = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["key", "-last_seen_at"], name="incident_key"),
            models.Index(fields=["-last_seen_at"], name="incident_seen"),
            models.Index(fields=["-company_count"], condition=Q(resolved_at__isnull=True), name="incident_open_impact"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def state(self) -> str:
        """Return how it stands, in one word: Open, Acknowledged or Resolved."""
        if self.resolved_at:
            return "Resolved"
        return "Acknowledged" if self.acknowledged_at else "Open"


class IncidentMember(models.Model):
    """A connection that an incident touched.

    failing:  {data type: id of its latest read that failed}, without those that were read well since.
    """

    incident_id: UUID
    connection_id: UUID
    company_id: UUID
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="members", db_index=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+", db_index=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="+")
    failing = models.JSONField(default=dict, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    failure_count = models.PositiveIntegerField(default=0)
    recovered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "connection"], name="incident_member_once")]
        indexes = [
            models.Index(fields=["connection"], name="incident_member_connection"),
            models.Index(fields=["connection"], condition=Q(recovered_at__isnull=True), name="incident_member_failing"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} in {self.incident_id}"


class EntryKind(models.TextChoices):
    OPENED = "opened", "Opened"
    SPREAD = "spread", "Spread"
    RECOVERED = "recovered", "Recovered"
    RESOLVED = "resolved", "Resolved"
    REOPENED = "reopened", "Came back"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RETRIED = "retried", "Retried"


class IncidentEntry(models.Model):
    """One line of what happened in an incident.

    names:  companies it tells of, the first few; count is how many there are (or reads, of a retry).
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="entries", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EntryKind)
    actor = models.CharField(max_length=120, blank=True)
    text = models.TextField(blank=True)
    names = models.JSONField(default=list, blank=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["incident", "-at"], name="incident_entry_at")]
        verbose_name_plural = "incident entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"
