from __future__ import annotations

from typing import Any, ClassVar

import django_q.admin  # noqa: F401  registers the queue's models, which are then registered anew below
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.db.models import Model
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success

from portal.models import (
    Alert,
    AlertingRule,
    ApiKey,
    ApiKeySecret,
    ApiUsage,
    CompanyAccessToken,
    DeploymentSettings,
    IdempotentAnswer,
    Incident,
    IncidentEntry,
    IncidentMember,
    MaintenanceWindow,
    User,
    WebhookAttempt,
    WebhookConsumer,
    WebhookMessage,
    ZapierKey,
)
from syncengine.admin import ReadOnlyAdmin

admin.site.site_header = admin.site.site_title = "Headrace administration"


class UserCreationForm(AdminUserCreationForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    class Meta:
        model = User
        fields = ("email", "name", "role")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    """People who sign in. Passwords are set here and never shown, not even hashed."""

    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "role", "is_active", "is_staff", "last_login")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("id", "last_login", "created_at")
    filter_horizontal = ()
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("id", "email", "name", "role", "time_zone")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "last_login", "created_at")}),
    )
    add_fieldsets: Any = ((None, {"fields": ("email", "name", "role", "usable_password", "password1", "password2")}),)


class SecretAdmin(ReadOnlyAdmin):
    """Keys and tokens, without what is kept to recognise them."""

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [name for name in super().get_fields(request, obj) if not name.endswith("hash")]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "created_at", "last_used_at", "expires_at", "revoked_at")
    search_fields = ("name", "=id")


@admin.register(ApiKeySecret)
class ApiKeySecretAdmin(SecretAdmin):
    list_display = ("hint", "key", "created_at", "ends_at")
    list_select_related = ("key",)


@admin.register(CompanyAccessToken)
class CompanyAccessTokenAdmin(SecretAdmin):
    list_display = ("id", "company", "created_at", "expires_at")
    list_select_related = ("company",)


@admin.register(DeploymentSettings)
class DeploymentSettingsAdmin(ReadOnlyAdmin):
    list_display = ("name", "client_id", "redirect_url")


@admin.register(ApiUsage)
class ApiUsageAdmin(ReadOnlyAdmin):
    list_display = ("bucket", "handed_out", "window_ends_at", "refused_at")
    search_fields = ("bucket",)


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnlyAdmin):
    list_display = ("key_hash", "status_code", "expires_at")


@admin.register(AlertingRule)
class AlertingRuleAdmin(ReadOnlyAdmin):
    list_display = ("id", "wire_type", "company", "company_tag", "created_at", "deleted_at")
    list_select_related = ("company",)
    search_fields = ("=id", "wire_type")


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("id", "rule_type", "company", "raised_at", "recovered_at", "resolved_at")
    list_select_related = ("company",)
    search_fields = ("=id", "rule_type")


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(ReadOnlyAdmin):
    list_display = ("integration", "starts_at", "ends_at", "note")
    list_select_related = ("integration",)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("key", "cause", "owner", "failure_count", "company_count", "first_seen_at", "resolved_at")
    search_fields = ("=id", "key")


@admin.register(IncidentMember)
class IncidentMemberAdmin(ReadOnlyAdmin):
    list_display = ("incident", "connection", "failure_count", "first_seen_at", "recovered_at")
    list_select_related = ("incident", "connection__company", "connection__integration")


@admin.register(IncidentEntry)
class IncidentEntryAdmin(ReadOnlyAdmin):
    list_display = ("incident", "at", "kind", "actor", "count")
    list_select_related = ("incident",)


@admin.register(WebhookConsumer)
class WebhookConsumerAdmin(ReadOnlyAdmin):
    list_display = ("url", "disabled", "failing_since", "created_at")
    search_fields = ("url",)


@admin.register(WebhookMessage)
class WebhookMessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "event_type", "state", "next_attempt_at", "created_at")
    search_fields = ("=id", "event_type")


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(ReadOnlyAdmin):
    list_display = ("message_id", "number", "status_code", "started_at")


@admin.register(ZapierKey)
class ZapierKeyAdmin(SecretAdmin):
    list_display = ("id", "created_at")


class QueueAdmin(ReadOnlyAdmin):
    """The queue, to look at: it only wakes workers, and what it forgets the sweep brings back."""


for model, columns in {
    OrmQ: ("id", "key", "lock"),
    Schedule: ("name", "func", "next_run"),
    Failure: ("name", "func", "started", "stopped"),
    Success: ("name", "func", "started", "stopped"),
}.items():
    if admin.site.is_registered(model):
        admin.site.unregister(model)
        admin.site.register(model, QueueAdmin, list_display=columns)
