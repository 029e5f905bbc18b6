from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.ids import new_id
from syncengine.models.connection import Connection
from syncengine.states import (
    DATASET_ACTIVE,
    DATASET_ENDS,
    DATASET_ERRORS,
    DatasetStatus,
    ReadMode,
    Responsible,
    Stage,
    Trigger,
)


class Dataset(models.Model):
    """One read of one data type over one connection. This row is the truth; the queue only wakes a worker for it."""

    company_id: UUID
    connection_id: UUID
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    company = models.ForeignKey("syncengine.Company", models.CASCADE, related_name="datasets", db_index=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="datasets", db_index=False)
    data_type = models.CharField(max_length=100)
    status = models.CharField(max_length=24, choices=DatasetStatus, default=DatasetStatus.QUEUED)
    trigger = models.CharField(max_length=20, choices=Trigger, default=Trigger.USER)
    actor = models.CharField(max_length=120, blank=True)
    requested_mode = models.CharField(max_length=12, choices=ReadMode, blank=True)  # "" lets the engine choose
    mode = models.CharField(max_length=12, choices=ReadMode, blank=True)
    mode_reason = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField(null=True, blank=True)  # what an incremental read asks the platform for
    settings_used = models.JSONField(default=dict, blank=True)

    # --- who works on it: claimed by compare-and-set, every write checks the fence ---
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)  # paused until then
    lost_count = models.PositiveIntegerField(default=0)  # workers that died holding it
    retry_count = models.PositiveIntegerField(default=0)  # tries at the page in hand that failed at the source
    enqueued_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_by = models.CharField(max_length=120, blank=True)

    # Writes of ours to its type that were stored while it was active.
    push_count = models.PositiveIntegerField(default=0, db_default=0)

    # --- how far it got ---
    cursor = models.JSONField(null=True, blank=True)  # where the next page starts
    fetch_done = models.BooleanField(default=False)
    source_total = models.PositiveBigIntegerField(null=True, blank=True)
    expected_total = models.PositiveBigIntegerField(null=True, blank=True)  # last good read's count, an estimate
    sweep_cursor = models.TextField(blank=True)  # where the search for missing records goes on
    lists_known = models.BooleanField(default=False)  # the platform listed all its keys: what is missing is deleted
    page_count = models.PositiveIntegerField(default=0)  # staged pages; the next two follow it, page by page
    validated_pages = models.PositiveIntegerField(default=0)
    processed_pages = models.PositiveIntegerField(default=0)
    fetched_count = models.PositiveBigIntegerField(default=0)
    mapped_count = models.PositiveBigIntegerField(default=0)
    validated_count = models.PositiveBigIntegerField(default=0)
    processed_count = models.PositiveBigIntegerField(default=0)
    created_count = models.PositiveBigIntegerField(default=0)
    changed_count = models.PositiveBigIntegerField(default=0)
    unchanged_count = models.PositiveBigIntegerField(default=0)
    deleted_count = models.PositiveBigIntegerField(default=0)
    invalid_count = models.PositiveBigIntegerField(default=0)
    warning_count = models.PositiveBigIntegerField(default=0)
    request_count = models.PositiveIntegerField(default=0)
    fetched_bytes = models.PositiveBigIntegerField(default=0)

    # --- what happened, in words ---
    status_description = models.CharField(max_length=300, blank=True)
    error_message = models.TextField(blank=True)
    error_responsible = models.CharField(max_length=20, blank=True, choices=Responsible)
    upstream_words = models.TextField(blank=True)
    upstream_status = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "data_type"],
                condition=models.Q(status__in=sorted(DATASET_ACTIVE)),
                name="dataset_one_active",
            ),
            models.CheckConstraint(condition=models.Q(status__in=DatasetStatus.values), name="dataset_status_word"),
        ]
        indexes = [
            models.Index(fields=["company", "-requested_at"], name="dataset_company"),
            models.Index(fields=["connection", "data_type", "-requested_at"], name="dataset_connection"),
            models.Index(fields=["-requested_at"], name="dataset_requested"),
            models.Index(
                fields=["status", "wake_at"],
                condition=models.Q(status__in=sorted(DATASET_ACTIVE)),
                name="dataset_active",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.data_type} {self.status}"

    @property
    def is_active(self) -> bool:
        return self.status in DATASET_ACTIVE

    @property
    def is_completed(self) -> bool:
        return self.status in DATASET_ENDS

    @property
    def is_errored(self) -> bool:
        return self.status in DATASET_ERRORS


class Attempt(models.Model):
    """One worker's hold of a dataset, from claim to release or loss."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="attempts", db_index=False)
    fence = models.PositiveIntegerField()
    worker = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "fence"], name="attempt_one")]

    def __str__(self) -> str:
        return f"attempt {self.fence}"


class StageTiming(models.Model):
    """How long one stage of a dataset took, over all its attempts."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="timings", db_index=False)
    stage = models.CharField(max_length=12, choices=Stage)
    started_at = models.DateTimeField()
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "stage"], name="stage_timing_one")]

    def __str__(self) -> str:
        return f"{self.stage} {self.seconds:.3f} s"


class StagedPage(models.Model):
    """Records on their way from the platform to the store. Written once, never updated; deleted when the dataset ends.

    stage:  map (records in the standard model) or process (ids of the records the page touched).
    body:   packed as syncengine/run/staging.py says.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="staged_pages", db_index=False)
    stage = models.CharField(max_length=12, choices=Stage)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "stage", "number"], name="staged_page_one")]

    def __str__(self) -> str:
        return f"{self.stage} page {self.number}"


class SourceRequest(models.Model):
    """One request made for a dataset, without its secrets."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="source_requests", db_index=False)
    sequence = models.PositiveIntegerField()
    sent_at = models.DateTimeField()
    method = models.CharField(max_length=8)
    url = models.TextField()
    status_code = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    response_bytes = models.PositiveBigIntegerField(default=0)
    request_headers = models.JSONField(default=dict)
    response_headers = models.JSONField(default=dict)
    error_message = models.TextField(blank=True)
    excerpt = models.TextField(blank=True)  # the answer's first 2,000 characters, when it was a refusal

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "sequence"], name="source_request_one")]

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class ValidationIssue(models.Model):
    """What was wrong with one record, and whether it was left out (error) or kept (warning)."""

    ERROR, WARNING = "error", "warning"
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="validation_issues")
    stage = models.CharField(max_length=12, choices=Stage)
    severity = models.CharField(max_length=8, choices=[(ERROR, "Error"), (WARNING, "Warning")])
    rule_id = models.CharField(max_length=100)
    item_id = models.CharField(max_length=512, blank=True)
    path = models.CharField(max_length=300, blank=True)
    message = models.TextField()
    validator_name = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"{self.severity}: {self.message}"


class RecordChange(models.Model):
    """A record that a dataset changed, deleted or brought back. New records carry their dataset's id themselves.

    before:  {"content": …, "modified_at": …, "is_deleted": …} as it stood, to show the difference and to undo.
    """

    CHANGED, DELETED, RESTORED = "changed", "deleted", "restored"
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="record_changes", db_index=False)
    record_id = models.BigIntegerField()
    source_id = models.CharField(max_length=512)
    kind = models.CharField(max_length=10, choices=[(w, w.title()) for w in (CHANGED, DELETED, RESTORED)])
    fields = models.JSONField(default=list)
    before = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "record_id"], name="record_change_one")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.kind}"
