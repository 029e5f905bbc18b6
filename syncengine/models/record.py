from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.models.connection import Connection


class Record(models.Model):
    """One row read, in the standard model, keyed by what the platform calls it.

    content:       the standard model's members without `modifiedDate` and `metadata`, which are columns.
    content_hash:  blake2b-128 of the canonical content; a record whose hash did not change is not rewritten.
    raw_hash:      blake2b-128 of the platform's own text and the mapping's version; equal means nothing to do at all.
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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "data_type", "source_id"], name="record_key")]

    def __str__(self) -> str:
        return f"{self.data_type} {self.source_id}"
