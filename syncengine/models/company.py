from __future__ import annotations

from django.db import models

from syncengine.ids import new_id


class Company(models.Model):
    """A customer's business whose data is synced."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=dict, blank=True)
    # Identifiers such as "lending", each once, in the order they were added.
    products = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=120, blank=True)
    # Deleted companies vanish everywhere at once; their rows are purged later, in pieces.
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "companies"
        indexes = [models.Index(fields=["name", "id"], name="company_name")]

    def __str__(self) -> str:
        return self.name
