from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.timezone import now

from pushops.models.exact_json import ExactJSONField
from pushops.states import PUSH_ENDS, Attention, Phase, PushStatus
from syncengine.connectors.changes import Operation
from syncengine.ids import new_id
from syncengine.models import Company, Connection

_OPERATIONS = [(str(operation), str(operation)) for operation in Operation]


def no_issues() -> dict[str, Any]:
    return {"errors": [], "warnings": []}


class PushOperation(models.Model):
    """One write to a platform. This row is the truth; the queue only wakes a worker for it.

    operation:     a word of syncengine.connectors.changes.Operation.
    record_id:     of an update, delete or upload, as the caller gave it; the bank account of bankTransactions.
    body:          the standard model's members as the caller gave them; None for a delete or an upload. Numbers with a
                   fraction are Decimal, here and in `data`.
    status_code:   202 while Pending, 200 Success, 400 what is wrong with the record, 408 TimedOut; else the error's.
    validation:    {"errors": [{"itemId", "message", "validatorName"}], "warnings": [same]}.
    data:          the written record in the standard model with `modifiedDate` and `sourceModifiedDate`; None when the
                   platform does not show it.
    result_record_id:  the record's id on the platform, known once it was written.
    result_record_ids: all of them, where one operation writes several (bankTransactions).
    wait_reason:   plain words for why nothing moves just now, "" while something does.
    marker:        the idempotency key shown to the platform, and what its records are searched for.
    sent_at:       when the first byte of it may have left; None again once it is sure that nothing was done.
    last_sent_at:  when that was tried last.
    not_before:    paused until then.
    look_at:       when somebody must look at it next: its deadline, the end of a pause or a lease. None: never.
    """

    company_id: UUID
    connection_id: UUID
    retry_of_id: UUID | None
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="push_operations", db_index=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="push_operations", db_index=False)
    data_type = models.CharField(max_length=100)
    operation = models.CharField(max_length=20, choices=_OPERATIONS)
    record_id = models.CharField(max_length=512, blank=True)
    body = ExactJSONField(null=True, blank=True)
    allow_sync = models.BooleanField(default=True)
    force_update = models.BooleanField(default=False)
    timeout_minutes = models.PositiveIntegerField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    requested_at = models.DateTimeField(default=now)
    requested_by = models.CharField(max_length=120, blank=True)
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="retries")

    # --- where it stands ---
    status = models.CharField(max_length=10, choices=PushStatus, default=PushStatus.PENDING)
    status_code = models.PositiveIntegerField(default=202)
    phase = models.CharField(max_length=8, choices=Phase, default=Phase.WAITING)
    wait_reason = models.CharField(max_length=300, blank=True)
    needs_attention = models.CharField(max_length=20, choices=Attention, default=Attention.NONE, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    error_message = models.TextField(blank=True)
    error_responsible = models.CharField(max_length=20, blank=True)
    validation = models.JSONField(default=no_issues)
    result_record_id = models.CharField(max_length=512, blank=True)
    result_record_ids = models.JSONField(default=list, blank=True)
    attachment_id = models.CharField(max_length=512, blank=True)
    data = ExactJSONField(null=True, blank=True)
    discarded_at = models.DateTimeField(null=True, blank=True)
    discarded_by = models.CharField(max_length=120, blank=True)
    discard_reason = models.CharField(max_length=500, blank=True)

    # --- who works on it: claimed by compare-and-set, every write checks the fence ---
    marker = models.CharField(max_length=64, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    lost_count = models.PositiveIntegerField(default=0)
    retry_count = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    look_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=PushStatus.values), name="push_status_word"),
            models.CheckConstraint(condition=models.Q(phase__in=Phase.values), name="push_phase_word"),
        ]
        indexes = [
            models.Index(fields=["company", "-requested_at"], name="push_company"),
            models.Index(fields=["connection", "-requested_at"], name="push_connection"),
            models.Index(fields=["-requested_at"], name="push_requested"),
            models.Index(fields=["status", "-requested_at"], name="push_status"),
            models.Index(fields=["look_at"], condition=models.Q(look_at__isnull=False), name="push_look_at"),
            models.Index(
                fields=["connection", "data_type", "record_id"],
                condition=models.Q(look_at__isnull=False),
                name="push_unfinished",
            ),
            models.Index(
                fields=["-requested_at"],
                condition=~models.Q(needs_attention="") & models.Q(discarded_at__isnull=True),
                name="push_attention",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.data_type} {self.status}"

    @property
    def is_ended(self) -> bool:
        return self.status in PUSH_ENDS

    @property
    def is_overdue(self) -> bool:
        return self.status == PushStatus.PENDING and self.deadline_at <= now()

    @property
    def wants_attention(self) -> bool:
        return bool(self.needs_attention) and self.discarded_at is None

    def next_look(self, *moments: datetime | None) -> datetime | None:
        """Return the earliest of these moments and, while it is Pending, of its deadline."""
        deadline = self.deadline_at if self.status == PushStatus.PENDING else None
        return min((moment for moment in (*moments, deadline) if moment is not None), default=None)


class PushFile(models.Model):
    """The file of an upload, kept as long as it may have to be sent and as it may be tried again."""

    operation = models.OneToOneField(PushOperation, models.CASCADE, related_name="file", primary_key=True)
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    content = models.BinaryField()

    def __str__(self) -> str:
        return self.name
