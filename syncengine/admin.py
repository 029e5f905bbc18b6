"""Every model of the engine, to look at. What the engine decides is read-only: its invariants are kept by actions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import BinaryField, Model
from django.http import HttpRequest

from syncengine import models

# Ciphertexts and hashes: not even their bytes are shown.
SECRET_COLUMNS = frozenset({"credentials", "client", "pending", "hash"})


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Shows rows and changes none. Bytes are left out: they are packed or secret."""

    show_full_result_count = False
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [
            field.name
            for field in self.model._meta.fields
            if not isinstance(field, BinaryField) and field.name not in SECRET_COLUMNS
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(models.Company)
class CompanyAdmin(ReadOnlyAdmin):
    """Description and tags may be mended here; names, creation and deletion go through the portal's actions."""

    list_display = ("name", "id", "created_at", "created_by", "deleted_at")
    search_fields = ("name", "=id")
    list_filter = (("deleted_at", admin.EmptyFieldListFilter),)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("syncengine.change_company")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in ("description", "tags")]


@admin.register(models.Integration)
class IntegrationAdmin(ReadOnlyAdmin):
    list_display = ("name", "key", "source_type", "enabled")


@admin.register(models.Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("id", "company", "integration", "status", "last_sync_at", "created_at", "deleted_at")
    list_select_related = ("company", "integration")
    list_filter = ("status", "integration")
    search_fields = ("company__name", "=id")


@admin.register(models.LinkAttempt)
class LinkAttemptAdmin(ReadOnlyAdmin):
    list_display = ("id", "connection_id", "started_at", "started_by", "ended_at", "error_message")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [name for name in super().get_fields(request, obj) if name != "state_hash"]


@admin.register(models.SyncSetting)
class SyncSettingAdmin(ReadOnlyAdmin):
    list_display = ("data_type", "company", "fetch_on_first_link", "sync_schedule_hours", "sync_order", "is_locked")
    list_select_related = ("company",)
    search_fields = ("data_type", "company__name")


@admin.register(models.DataStatus)
class DataStatusAdmin(ReadOnlyAdmin):
    list_display = ("data_type", "connection_id", "last_successful_sync_at", "next_sync_at", "record_count")
    search_fields = ("data_type", "=connection__id")


@admin.register(models.Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    list_display = ("id", "data_type", "status", "company", "trigger", "requested_at", "completed_at")
    list_select_related = ("company",)
    list_filter = ("status", "trigger")
    search_fields = ("data_type", "=id", "=connection__id")
    ordering = ("-requested_at",)


@admin.register(models.Record)
class RecordAdmin(ReadOnlyAdmin):
    list_display = ("source_id", "data_type", "connection_id", "modified_at", "is_deleted")
    search_fields = ("=source_id", "=connection__id")
    ordering = ("-id",)


@admin.register(models.RecordPageMarks)
class RecordPageMarksAdmin(ReadOnlyAdmin):
    list_display = ("data_type", "connection_id", "dataset_id", "total", "step")
    search_fields = ("data_type", "=connection__id")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [name for name in super().get_fields(request, obj) if name != "keys"]  # thousands of them


@admin.register(models.Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("kind", "at", "actor", "company_id", "connection_id", "dataset_id")
    search_fields = ("=kind", "=company_id", "=connection_id", "=dataset_id")
    ordering = ("-id",)


class _OfDatasetAdmin(ReadOnlyAdmin):
    search_fields: ClassVar[tuple[str, ...]] = ("=dataset__id",)
    ordering = ("-id",)


@admin.register(models.Attempt)
class AttemptAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "fence", "worker", "started_at", "ended_at", "outcome")


@admin.register(models.StageTiming)
class StageTimingAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "stage", "started_at", "seconds")


@admin.register(models.StagedPage)
class StagedPageAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "number", "stage")


@admin.register(models.SourceRequest)
class SourceRequestAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "sequence", "sent_at", "method", "url", "status_code", "duration_ms")


@admin.register(models.ValidationIssue)
class ValidationIssueAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "severity", "rule_id", "item_id", "message")


@admin.register(models.RecordChange)
class RecordChangeAdmin(_OfDatasetAdmin):
    list_display = ("dataset_id", "source_id", "kind")


@admin.register(models.RateBucket)
class RateBucketAdmin(ReadOnlyAdmin):
    list_display = ("key", "full_at", "shut_until")


@admin.register(models.WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("name", "host", "pid", "started_at", "seen_at")


@admin.register(models.ConnectorKey)
class ConnectorKeyAdmin(ReadOnlyAdmin):
    list_display = ("hint", "integration_id", "created_at", "created_by", "ends_at")


@admin.register(models.ConnectorProcess)
class ConnectorProcessAdmin(ReadOnlyAdmin):
    list_display = ("machine", "version", "integration_id", "started_at", "seen_at", "left_at")


@admin.register(models.RelayedRequest)
class RelayedRequestAdmin(ReadOnlyAdmin):
    list_display = ("id", "integration_id", "ends_at", "taken_at", "answered_at")
