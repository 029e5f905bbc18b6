from __future__ import annotations

from uuid import UUID

from django.db import models

from syncengine.models import Connection


class RawRecord(models.Model):
    """A record's own text as the platform sent it, for custom fields.

    Kept of every record of a data type that has custom fields over that connection, of others a few as samples.

    body:        the platform's JSON text, packed with zstd.
    dataset_id:  the read that brought the text when it differed from what was stored; null when only the text was new.
    """

    connection_id: UUID
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="raw_records", db_index=False)
    data_type = models.CharField(max_length=100)
    source_id = models.CharField(max_length=512)
    body = models.BinaryField()
    kept_at = models.DateTimeField()
    dataset_id = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "data_type", "source_id"], name="raw_record_key"),
        ]
        indexes = [models.Index(fields=["connection", "data_type", "-kept_at", "-id"], name="raw_record_newest")]

    def __str__(self) -> str:
        return f"{self.data_type} {self.source_id}"
