from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.models.company import Company


class SyncSetting(models.Model):
    """How often a data type is read, and how far back. Without a company: this deployment's default."""

    company_id: UUID | None
    company = models.ForeignKey(Company, models.CASCADE, null=True, blank=True, related_name="sync_settings")
    data_type = models.CharField(max_length=100)
    fetch_on_first_link = models.BooleanField(default=True)
    sync_schedule_hours = models.PositiveIntegerField(default=0)  # 0 is never
    sync_order = models.PositiveIntegerField(default=0)
    sync_from_utc = models.DateTimeField(null=True, blank=True)
    sync_from_window_months = models.PositiveIntegerField(null=True, blank=True)
    months_to_sync = models.PositiveIntegerField(null=True, blank=True)  # financial statements only
    is_locked = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company", "data_type"], name="sync_setting_company"),
            models.UniqueConstraint(
                fields=["data_type"], condition=models.Q(company__isnull=True), name="sync_setting_default"
            ),
            models.CheckConstraint(
                condition=models.Q(sync_from_utc__isnull=True) | models.Q(sync_from_window_months__isnull=True),
                name="sync_setting_one_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.data_type} every {self.sync_schedule_hours} h"


class DataStatus(models.Model):
    """Where one data type of one connection stands: its latest and its last good dataset, and when it is due next."""

    connection_id: UUID
    connection = models.ForeignKey("syncengine.Connection", models.CASCADE, related_name="data_statuses")
    data_type = models.CharField(max_length=100)
    latest_dataset = models.ForeignKey(
        "syncengine.Dataset", models.SET_NULL, null=True, blank=True, related_name="latest_for", db_index=False
    )
    latest_successful_dataset = models.ForeignKey(
        "syncengine.Dataset", models.SET_NULL, null=True, blank=True, related_name="successful_for", db_index=False
    )
    last_successful_sync_at = models.DateTimeField(null=True, blank=True)
    last_full_sync_at = models.DateTimeField(null=True, blank=True)
    last_sync_at = models.DateTimeField(null=True, blank=True)  # whatever its end; the schedule counts from here
    next_sync_at = models.DateTimeField(null=True, blank=True)
    record_count = models.PositiveBigIntegerField(default=0)  # records that are not deleted
    # What an incremental read starts from: the start of the last good read, and the mapping it was made with.
    high_water_at = models.DateTimeField(null=True, blank=True)
    mapping_version = models.CharField(max_length=64, blank=True)
    needs_full_read = models.BooleanField(default=False)
    # Moves with each write of ours to a stored record; and how many records such writes have added to the list.
    records_version = models.PositiveBigIntegerField(default=0, db_default=0)
    pushed_inserts = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "data statuses"
        constraints = [models.UniqueConstraint(fields=["connection", "data_type"], name="data_status_one")]
        indexes = [
            models.Index(
                fields=["next_sync_at", "id"], condition=models.Q(next_sync_at__isnull=False), name="data_status_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.data_type} of {self.connection_id}"
