from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import Q

from syncengine.ids import new_id
from syncengine.models import Connection, Integration

_LIVING = Q(deleted_at__isnull=True)


class CustomField(models.Model):
    """A named extra value on one model of one category; where to find it is said by its mappings.

    Deleted ones stay for some days, so that a deletion can be undone; on the wire they are gone at once.
    """

    class Source(models.TextChoices):
        API = "API"
        DASHBOARD = "DASHBOARD"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=128)
    description = models.TextField(null=True, blank=True)
    category = models.CharField(max_length=32)
    model = models.CharField(max_length=64)
    source = models.CharField(max_length=10, choices=Source)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    updated_by = models.CharField(max_length=120, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["category", "model", "name"], condition=_LIVING, name="custom_field_name")
        ]
        indexes = [models.Index(fields=["created_at", "id"], name="custom_field_created")]

    def __str__(self) -> str:
        return self.name


class FieldMapping(models.Model):
    """Where a custom field's value stands in the platform's own record, for one integration or one connection."""

    field_id: UUID
    integration_id: UUID | None
    connection_id: UUID | None
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    field = models.ForeignKey(CustomField, models.CASCADE, related_name="mappings", db_index=False)
    integration = models.ForeignKey(Integration, models.PROTECT, null=True, blank=True, related_name="field_mappings")
    connection = models.ForeignKey(Connection, models.CASCADE, null=True, blank=True, related_name="field_mappings")
    json_path = models.CharField(max_length=1024)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    updated_by = models.CharField(max_length=120, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(integration__isnull=True) ^ Q(connection__isnull=True), name="field_mapping_one_target"
            ),
            models.UniqueConstraint(
                fields=["field", "integration"], condition=_LIVING, name="field_mapping_integration"
            ),
            models.UniqueConstraint(fields=["field", "connection"], condition=_LIVING, name="field_mapping_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.field_id} {self.json_path}"


class FieldMappingChange(models.Model):
    """What a mapping said before and after one change, and whose it was. Kept after the mapping is gone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    field = models.ForeignKey(CustomField, models.CASCADE, related_name="mapping_changes", db_index=False)
    mapping_id = models.UUIDField()
    before = models.CharField(max_length=1024, null=True, blank=True)  # null: it did not exist
    after = models.CharField(max_length=1024, null=True, blank=True)  # null: it was deleted
    changed_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes = [models.Index(fields=["field", "-changed_at"], name="field_mapping_change_field")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class FieldCoverage(models.Model):
    """How often a mapping found its value over one connection, in the records as the newest dataset left them.

    kinds:     value kind → how often.
    previous:  the share resolved at the measurement before, of 0 to 1; null when there was none.
    """

    mapping_id: UUID
    connection_id: UUID
    mapping = models.ForeignKey(FieldMapping, models.CASCADE, related_name="coverage", db_index=False)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="field_coverage")
    json_path = models.CharField(max_length=1024)  # what was measured; another one makes the figures void
    evaluated = models.PositiveBigIntegerField(default=0)
    resolved = models.PositiveBigIntegerField(default=0)
    null = models.PositiveBigIntegerField(default=0)
    missing = models.PositiveBigIntegerField(default=0)
    invalid = models.PositiveBigIntegerField(default=0)
    kinds = models.JSONField(default=dict)
    previous = models.FloatField(null=True, blank=True)
    dataset_id = models.UUIDField(null=True, blank=True)
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "connection"], name="field_coverage_one")]

    def __str__(self) -> str:
        return f"{self.resolved} of {self.evaluated}"
