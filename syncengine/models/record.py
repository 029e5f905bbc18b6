from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.models.connection import Connection


class Record(models.Model):
    """One row read, in the standard model, keyed by what the platform calls it.

    content:       the standard model's members without `modifiedDate` and `metadata`, which are columns.
    content_hash:  blake2b-128 of the canonical content; a record whose hash did not change is not rewritten.
    raw_hash:      blake2b-128 of the platform's own text and the mapping's version; equal means nothing to do at all.
    pushed_at:     when a write of ours was answered that made the record what it is: what was read before is older.
    """

    connection_id: UUID
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="records", db_index=False)
    data_type = models.CharField(max_length=100)
    source_id = models.CharField(max_length=512)
    content = models.JSONField()
    content_hash = models.BinaryField(max_length=16)
    raw_hash = models.BinaryField(max_length=16, null=True)
    modified_at = models.DateTimeField()
    source_modified_at = models.DateTimeField(null=True)
    is_deleted = models.BooleanField(default=False)
    first_dataset_id = models.UUIDField(null=True)
    last_dataset_id = models.UUIDField(null=True)
    pushed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "data_type", "source_id"], name="record_key")]

    def __str__(self) -> str:
        return f"{self.data_type} {self.source_id}"


class RecordPageMarks(models.Model):
    """Where the pages of one list of records start, so that a deep page costs what the first one does.

    Derived data: it may be dropped at any time, and counts only while `dataset_id` is the last good dataset, and
    `pushed_inserts` what DataStatus has.

    total:  how many records there are, deleted ones too.
    step:   how many records lie between two marks.
    keys:   the source id of every `step`-th record in the list's order, from the first on.
    """

    connection_id: UUID
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="record_page_marks", db_index=False)
    data_type = models.CharField(max_length=100)
    dataset_id = models.UUIDField()
    pushed_inserts = models.PositiveBigIntegerField(default=0, db_default=0)
    total = models.PositiveBigIntegerField()
    step = models.PositiveIntegerField()
    keys = models.JSONField()

    class Meta:
        verbose_name_plural = "record page marks"
        constraints = [models.UniqueConstraint(fields=["connection", "data_type"], name="record_page_marks_one")]

    def __str__(self) -> str:
        return f"{self.data_type}: {self.total}"
