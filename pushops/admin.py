"""Push operations as they stand, to look at only: their pages and the API are where they are acted on."""

from __future__ import annotations

from django.contrib import admin

from pushops import models
from syncengine.admin import ReadOnlyAdmin


@admin.register(models.PushOperation)
class PushOperationAdmin(ReadOnlyAdmin):
    list_display = ("requested_at", "operation", "data_type", "record_id", "status", "phase", "needs_attention")
    list_filter = ("status", "phase", "operation")


@admin.register(models.PushAttempt)
class PushAttemptAdmin(ReadOnlyAdmin):
    list_display = ("operation_id", "number", "worker", "started_at", "ended_at", "outcome")


@admin.register(models.PushFile)
class PushFileAdmin(ReadOnlyAdmin):
    list_display = ("operation_id", "name", "content_type", "size")
