"""Monitor › Alerting rules: what is watched and who is told; made, changed, tried out, snoozed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, companies_for, may, rules_for
from portal.actions.alerting_rules import (
    change_rule,
    create_rule,
    delete_rule,
    draft_rule,
    half_an_hour,
    snooze,
    tomorrow_at_nine,
    wake,
)
from portal.activity import actor_names
from portal.alerting.preview import Preview, preview
from portal.alerting.rule_types import RULE_TYPES
from portal.alerting.trying import try_rule
from portal.confirming import ask_first
from portal.formats import zone_of
from portal.forms.alerting_rules import RuleForm, SnoozeForm, data_type_choices
from portal.htmx import go_and_say, render_page
from portal.models import AlertingRule
from portal.rule_page import DAYS, RECOMMENDED, preview_chart, rule_rows
from portal.tables import page_of
from portal.webhook_page import pretty
from syncengine.exceptions import Refused
from syncengine.ids import as_uuid

FORM = "portal/alerting/form.html"


@require_safe
@may("rules.view")
def alerting(request: HttpRequest) -> HttpResponse:
    return redirect("rule-list")


@require_safe
@may("rules.view")
def rule_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, rules_for(request.user).select_related("company").order_by("created_at", "pk"))
    recommended = [(RULE_TYPES[key], why) for key, why in RECOMMENDED]
    context = {"page": page, "rows": rule_rows(list(page)), "recommended": recommended, "days": DAYS}
    return render_page(request, "portal/alerting/rules.html", context)


@require_safe
@may("rules.view")
def rule_detail(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = _rule(request, rule_id)
    people = actor_names([rule.created_by, rule.snoozed_by])
    context = {
        "rule": rule,
        "kind": RULE_TYPES[rule.type],
        "row": rule_rows([rule])[0],
        "alerts": list(rule.alerts.select_related("company").order_by("-raised_at", "-pk")[:10]),
        "told": list(rule.messages.defer("payload").order_by("-created_at", "-pk")[:10]),
        "created_by": people[rule.created_by],
        "snoozed_by": people[rule.snoozed_by],
        "days": DAYS,
    }
    return render_page(request, "portal/alerting/rule.html", context)


@require_http_methods(["GET", "POST"])
@may("rules.edit")
def rule_create(request: HttpRequest) -> HttpResponse:
    form = _form_for(request)
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        try:
            rule = create_rule(**form.values, actor=actor_of(request))
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            said = "The rule is created."
            if rule.notifies:
                said += " Test its channels to see that they arrive."
            return go_and_say(request, said, "rule-detail", rule.pk)
    return _show_form(request, form)


@require_http_methods(["GET", "POST"])
@may("rules.edit")
def rule_edit(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = _rule(request, rule_id)
    form = _form_for(request, rule)
    if request.method == "POST" and "preview" not in request.POST and form.is_valid():
        try:
            change_rule(rule, **form.values, actor=actor_of(request))
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            return go_and_say(request, "The rule is saved.", "rule-detail", rule.pk)
    return _show_form(request, form)


@require_POST
@may("rules.edit")
def rule_preview(request: HttpRequest) -> HttpResponse:
    """A part of the form, anew: how often the draft would have fired, or the settings of the type that was chosen."""
    rule_id = as_uuid(request.POST.get("rule", ""))
    rule = _rule(request, rule_id) if rule_id else None
    if request.POST.get("part") == "settings":
        chosen = request.POST.get("type", "")
        form = RuleForm(companies=companies_for(request.user), type=chosen, rule=rule, zone=_zone(request))
        return render_page(request, FORM, {"form": form, **_lists()}, fragment="settings")
    form = _form_for(request, rule)
    return render_page(request, FORM, {"form": form, **_preview(form)}, fragment="preview")


@require_http_methods(["GET", "POST"])
@may("rules.edit")
def rule_test(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    """Send an example to one receiver, and show what was sent and what was answered."""
    rule = _rule(request, rule_id)
    context: dict[str, Any] = {"rule": rule, "row": rule_rows([rule])[0]}
    status = 200
    if request.method == "POST":
        channel = "webhook" if request.POST.get("channel") == "webhook" else "email"
        try:
            message = try_rule(rule, channel, actor=actor_of(request), address=request.POST.get("address", ""))
        except Refused as refusal:
            context["refused"], status = refusal.message, 422
        else:
            payload = pretty(bytes(message.payload))
            context |= {"message": message, "attempt": message.attempts.get(), "payload": payload}
    return render_page(request, "portal/alerting/test.html", context, status=status)


@require_POST
@may("rules.edit")
def rule_snooze(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = _rule(request, rule_id)
    form = SnoozeForm(request.POST, zone=zone_of(request))
    if not form.is_valid():
        text = "Enter a day and a time." if "at" in form.errors else "Choose how long to snooze."
        return go_and_say(request, text, "rule-detail", rule.pk, tone="warning")
    until = _snooze_end(request, form)
    try:
        snooze(rule, actor=actor_of(request), until=until, until_success=form.cleaned_data["until"] == "success")
    except Refused as refusal:
        return go_and_say(request, refusal.message, "rule-detail", rule.pk, tone="warning")
    return go_and_say(request, "Snoozed. Alerts are still raised here; nobody is told.", "rule-detail", rule.pk)


@require_POST
@may("rules.edit")
def rule_wake(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = _rule(request, rule_id)
    wake(rule, actor=actor_of(request))
    return go_and_say(request, "The rule tells again.", "rule-detail", rule.pk)


@require_http_methods(["GET", "POST"])
@may("rules.edit")
def rule_delete(request: HttpRequest, rule_id: UUID) -> HttpResponse:
    rule = _rule(request, rule_id)
    if request.method == "POST":
        delete_rule(rule, actor=actor_of(request))
        return go_and_say(request, "The rule is deleted. The alerts it raised stay.", "rule-list")
    return ask_first(
        request,
        title="Delete this rule?",
        text="It watches and tells no more. What it was still to send is not sent; the alerts it raised stay.",
        button="Delete rule",
        trail=[("Alerting rules", reverse("rule-list")), ("Rule", reverse("rule-detail", args=[rule.pk]))],
    )


# --- shared ---------------------------------------------------------------------------------------------------------


def _rule(request: HttpRequest, rule_id: UUID) -> AlertingRule:
    return get_object_or_404(rules_for(request.user).select_related("company"), pk=rule_id)


def _zone(request: HttpRequest) -> str:
    return str(zone_of(request))


def _snooze_end(request: HttpRequest, form: SnoozeForm) -> datetime | None:
    match form.cleaned_data["until"]:
        case "half-hour":
            return half_an_hour()
        case "tomorrow":
            return tomorrow_at_nine(_zone(request))
    return form.cleaned_data.get("moment")


def _form_for(request: HttpRequest, rule: AlertingRule | None = None) -> RuleForm:
    data = request.POST if request.method == "POST" else None
    like = as_uuid(request.GET.get("like", ""))
    return RuleForm(
        data,
        companies=companies_for(request.user),
        rule=rule,
        like=rules_for(request.user).select_related("company").filter(pk=like).first() if like else None,
        type=request.GET.get("type", ""),
        zone=_zone(request),
    )


def _show_form(request: HttpRequest, form: RuleForm) -> HttpResponse:
    asked = "preview" in request.POST
    shown = _preview(form) if asked or request.method == "GET" else {}
    context = {"form": form, "rule": form.rule, **shown, **_lists()}
    if not asked and form.non_field_errors():
        messages.warning(request, "Nothing was saved.")
    return render_page(request, FORM, context, status=422 if form.errors and not asked else 200)


def _lists() -> dict[str, Any]:
    return {"data_types": data_type_choices()}


def _preview(form: RuleForm) -> dict[str, Any]:
    """Return how often what the form holds by now would have fired, or why that cannot be said yet."""
    if not form.is_bound:
        begun = form.rule or form.like or (draft_rule(type=form.kind.key) if form.kind else None)
        return _shown(preview(begun, DAYS)) if begun else {}
    if not form.is_valid():
        return {"not_yet": "Choose a rule type, and put right what is marked."}
    try:
        given = form.values if form.rule is None else {"type": form.rule.wire_type, **form.values}
        return _shown(preview(draft_rule(**given), DAYS))
    except Refused as refusal:
        return {"not_yet": refusal.message}


def _shown(found: Preview) -> dict[str, Any]:
    return {"preview": found, "chart": preview_chart(found), "days": DAYS}
