"""Removing for good what nobody can bring back any more. A piece at a time: the tick comes each minute."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from customdata.actions.custom_fields import UNDO_DAYS
from customdata.models import CustomField, FieldMapping, RawRecord

PIECE = 1000


def purge() -> None:
    """Remove fields and mappings whose deletion cannot be undone, and what was kept for connections that are gone."""
    undone_until = now() - timedelta(days=UNDO_DAYS)
    _remove(CustomField.objects.filter(deleted_at__lt=undone_until))
    _remove(FieldMapping.objects.filter(deleted_at__lt=undone_until))
    gone = now() - timedelta(days=settings.HEADRACE_PURGE_DAYS)
    _remove(RawRecord.objects.filter(connection__deleted_at__lt=gone))


def _remove[Row: models.Model](rows: models.QuerySet[Row]) -> None:
    piece = list(rows.values_list("pk", flat=True)[:PIECE])
    if piece:
        rows.model._default_manager.filter(pk__in=piece).delete()
