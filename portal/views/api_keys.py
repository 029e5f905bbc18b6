"""API keys: list, create, rename, rotate, revoke. A secret is in one answer only and in nothing that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_safe

from portal import formats
from portal.access import actor_of, companies_for, may
from portal.actions.api_keys import (
    ApiKeyExists,
    NewSecret,
    create_api_key,
    rename_api_key,
    revoke_api_key,
    rotate_api_key,
)
from portal.activity import actor_names
from portal.confirming import ask_first
from portal.forms.api_keys import ApiKeyForm, ApiKeyNameForm, RotateForm
from portal.htmx import go_and_say, render_page
from portal.keys import header_of
from portal.models import ApiKey, ApiKeySecret
from portal.models.api_key import is_live
from portal.scopes import DEPLOYMENT_WIDE, RIGHTS, SCOPES
from portal.tables import page_of
from syncengine.exceptions import Refused
from syncengine.models import Company


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its list shows it. `old` is the secret before the last rotation, while it still works."""

    key: ApiKey
    current: ApiKeySecret | None
    old: ApiKeySecret | None
    companies: list[str]
    created_by: str


@require_safe
@may("api_keys.edit")
def api_key_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, ApiKey.objects.order_by("-created_at", "-pk").prefetch_related("secrets"))
    live_count = ApiKey.objects.filter(is_live(now())).count()
    context = {
        "page": page,
        "rows": _rows(list(page)),
        "live_count": live_count,
        "limit": settings.HEADRACE_MAX_API_KEYS,
        "is_full": live_count >= settings.HEADRACE_MAX_API_KEYS,
        "api_url": f"{settings.HEADRACE_PORTAL_URL}/api",
    }
    return render_page(request, "portal/api_keys/list.html", context)


@require_http_methods(["GET", "POST"])
@may("api_keys.edit")
def api_key_create(request: HttpRequest) -> HttpResponse:
    form = ApiKeyForm(request.POST if request.method == "POST" else None, visible=companies_for(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            made = _create(form, actor_of(request))
        except ApiKeyExists as refusal:
            return go_and_say(request, refusal.message, "api-key-list", tone="warning")
        except Refused as refusal:
            named = {"company_ids": "companies", "expires_at": "last_day"}.get(refusal.field, refusal.field)
            form.add_error(named if named in form.fields else None, refusal.message)
        else:
            return _show_once(request, made, "is created")
    context = {"form": form, "groups": _rights_by_scope(form)}
    return render_page(request, "portal/api_keys/form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@may("api_keys.edit")
def api_key_rename(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=key_id)
    form = ApiKeyNameForm(request.POST if request.method == "POST" else None, initial={"name": key.name})
    if request.method == "POST" and form.is_valid():
        try:
            rename_api_key(key, name=form.cleaned_data["name"], actor=actor_of(request))
        except Refused as refusal:
            form.add_error("name", refusal.message)
        else:
            return go_and_say(request, f"Renamed to {_called(key)}.", "api-key-list")
    context = {"form": form, "key": key, "called": _called(key)}
    status = 422 if form.errors else 200
    return render_page(request, "portal/api_keys/rename.html", context, fragment="form", status=status)


@require_http_methods(["GET", "POST"])
@may("api_keys.edit")
def api_key_rotate(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=key_id)
    current = key.secrets.filter(ends_at__isnull=True).first()
    if current is None or not key.is_live:
        return go_and_say(request, "This key has ended. Create a new one.", "api-key-list", tone="warning")
    form = RotateForm(request.POST if request.method == "POST" else None, initial={"replaces": current.pk})
    if request.method == "POST" and form.is_valid():
        try:
            made = rotate_api_key(
                key, overlap=form.overlap, replaces=form.cleaned_data["replaces"], actor=actor_of(request)
            )
        except Refused as refusal:
            return go_and_say(request, refusal.message, "api-key-list", tone="warning")
        return _show_once(request, made, "has a new secret", overlap_hours=form.cleaned_data["overlap_hours"])
    old = key.secrets.filter(ends_at__gt=now()).first()
    context = {"form": form, "key": key, "called": _called(key), "current": current, "old": old}
    return render_page(request, "portal/api_keys/rotate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@may("api_keys.edit")
def api_key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=key_id)
    if request.method == "POST":
        try:
            revoke_api_key(key, actor=actor_of(request))
        except Refused as refusal:
            return go_and_say(request, refusal.message, "api-key-list", tone="warning")
        return go_and_say(request, f"{_called(key)} is revoked.", "api-key-list")
    return ask_first(
        request,
        title=f"Revoke {_called(key)}?",
        text="Whatever uses this key is refused from its next request on. This cannot be undone. "
        + _last_used(request, key),
        button="Revoke key",
        here="Revoke",
        trail=[("API keys", reverse("api-key-list"))],
    )


def _create(form: ApiKeyForm, actor: str) -> NewSecret:
    return create_api_key(
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        rights=form.cleaned_data["rights"],
        company_ids=form.company_ids,
        expires_at=form.expires_at,
        key_id=form.cleaned_data["key_id"],
        actor=actor,
    )


def _show_once(request: HttpRequest, made: NewSecret, happened: str, *, overlap_hours: int = 0) -> HttpResponse:
    """Answer with the secret itself: a redirect could not carry it, for it is stored nowhere."""
    context = {
        "called": _called(made.key),
        "happened": happened,
        "secret": made.secret,
        "header": header_of(made.secret),
        "overlap_hours": overlap_hours,
        "api_url": f"{settings.HEADRACE_PORTAL_URL}/api",
    }
    return render_page(request, "portal/api_keys/secret.html", context)


def _rows(keys: list[ApiKey]) -> list[KeyRow]:
    wanted = {UUID(one) for key in keys for one in key.company_ids or ()}
    names = dict(Company.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
    people = actor_names(key.created_by for key in keys)
    return [_row(key, {str(pk): name for pk, name in names.items()}, people[key.created_by]) for key in keys]


def _row(key: ApiKey, names: dict[str, str], created_by: str) -> KeyRow:
    secrets, moment = list(key.secrets.all()), now()
    current = next((one for one in secrets if one.ends_at is None), None)
    old = next((one for one in secrets if one.ends_at and one.ends_at > moment), None)
    companies = [names.get(one, "a deleted company") for one in key.company_ids or ()]
    return KeyRow(key, current, old, companies, created_by)


def _called(key: ApiKey) -> str:
    return f"“{key.name}”" if key.name else "The key without a name"


def _last_used(request: HttpRequest, key: ApiKey) -> str:
    if key.last_used_at is None:
        return "It was never used."
    return f"It was last used {formats.relative(key.last_used_at, now(), formats.zone_of(request))}."


def _rights_by_scope(form: ApiKeyForm) -> list[dict[str, object]]:
    chosen = form["rights"].value() or []
    return [
        {
            "scope": scope,
            "rights": [
                {"word": right, "chosen": right in chosen, "is_wide": right in DEPLOYMENT_WIDE}
                for right, of in RIGHTS.items()
                if of == scope
            ],
        }
        for scope in SCOPES
    ]
