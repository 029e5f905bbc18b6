"""Alerting rules made, changed, snoozed, tried out and deleted; alerts resolved; platforms put under maintenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from portal.alerting.quiet import tomorrow_morning
from portal.alerting.receivers import checked_tag, checked_url, drop_waiting
from portal.alerting.rule_checks import (
    checked_emails,
    checked_quiet_hours,
    checked_settings,
    checked_type,
)
from portal.alerting.rule_types import RULE_TYPES, RuleType
from portal.models import Alert, AlertingRule, DeploymentSettings, MaintenanceWindow
from portal.models.alert import OPEN, HeldBecause
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company, Integration

MAX_RULES = 500
MAX_SNOOZE = timedelta(days=90)
MAX_WINDOW = timedelta(days=30)
SNOOZE_MINUTES = 30


def live_rules() -> QuerySet[AlertingRule]:
    """Rules that are neither deleted themselves nor of a company that is."""
    return AlertingRule.objects.filter(deleted_at=None, company__deleted_at=None)


def draft_rule(
    *,
    type: str,
    company: Company | None = None,
    company_tag: str = "",
    emails: Sequence[str] = (),
    webhook_url: str = "",
    settings: Mapping[str, Any] | None = None,
    recovery_notice: bool = False,
    quiet_from: time | None = None,
    quiet_until: time | None = None,
    time_zone: str = "UTC",
) -> AlertingRule:
    """Return the rule as it would be, checked and not saved: what a preview and a test are made of.

    Raises: Refused naming the field (`type`, `company`, `company_tag`, `emails`, `webhook`, a setting, `quiet_until`
            or `time_zone`).
    """
    kind, spelling = checked_type(type)
    begin, end, zone = checked_quiet_hours(quiet_from, quiet_until, time_zone)
    if recovery_notice and not kind.can_recover:
        raise Refused("This type has nothing to recover from, so there is no notice of it.", field="recovery_notice")
    return AlertingRule(
        type=kind.key,
        wire_type=spelling,
        settings=checked_settings(kind, settings or {}),
        emails=checked_emails(emails),
        webhook_url=checked_url(webhook_url, field="webhook") if webhook_url.strip() else "",
        recovery_notice=recovery_notice,
        quiet_from=begin,
        quiet_until=end,
        time_zone=zone,
        **_checked_scope(kind, company, company_tag),
    )


@transaction.atomic
def create_rule(*, actor: str, **given: Any) -> AlertingRule:
    """Save the rule that `draft_rule` makes of this.

    Raises: Refused naming the field.
    """
    rule = draft_rule(**given)
    DeploymentSettings.locked()  # whoever counts stands in line here
    if live_rules().count() >= MAX_RULES:
        raise Refused(f"There may be {MAX_RULES} alerting rules; delete one first.")
    rule.created_by = actor
    rule.save(force_insert=True)
    _record("rule.created", rule, actor, company_tag=rule.company_tag, settings=rule.settings)
    return rule


_CHANGEABLE = (
    "company_id", "company_tag", "emails", "webhook_url", "settings", "recovery_notice", "quiet_from", "quiet_until",
    "time_zone",
)  # fmt: skip


@transaction.atomic
def change_rule(rule: AlertingRule, *, actor: str, **given: Any) -> AlertingRule:
    """Replace everything but the type, which a rule keeps. Alerts that are open stay as they are.

    Raises: Refused naming the field.
    """
    draft = draft_rule(type=rule.wire_type, **given)
    held = _locked(rule)
    changed = [name for name in _CHANGEABLE if getattr(held, name) != getattr(draft, name)]
    if changed:
        for name in changed:
            setattr(held, name, getattr(draft, name))
        held.save(update_fields=[*changed, "updated_at"])
        _record("rule.changed", held, actor, changed=changed)
    return held


@transaction.atomic
def delete_rule(rule: AlertingRule, *, actor: str) -> None:
    """Watch no more. What was still to be sent is not; the alerts it raised stay, and open ones end."""
    held = _locked(rule)
    drop_waiting(held.messages.all(), "The rule was deleted.")
    held.alerts.filter(OPEN).update(resolved_at=now(), resolved_by=actor)
    held.alerts.filter(held_because=HeldBecause.QUIET).update(held_because="")
    held.deleted_at = now()
    held.save(update_fields=["deleted_at", "updated_at"])
    _record("rule.deleted", held, actor)


# --- snoozing -------------------------------------------------------------------------------------------------------


@transaction.atomic
def snooze(rule: AlertingRule, *, actor: str, until: datetime | None = None, until_success: bool = False) -> None:
    """Tell nobody until then, or until the next success of what it watches. Alerts are raised all the same.

    Raises: Refused naming `until`.
    """
    held = _locked(rule)
    if until_success:
        if not RULE_TYPES[held.type].can_recover:
            raise Refused("Nothing of this type recovers, so there is no next success. Choose a time.", field="until")
        until = None
    elif until is None or not now() < until <= now() + MAX_SNOOZE:
        raise Refused(f"Choose a time that is to come, at most {MAX_SNOOZE.days} days ahead.", field="until")
    _set_snooze(held, until, until_success, actor)
    told = until.isoformat() if until else None
    _record("rule.snoozed", held, actor, until=told, until_success=until_success)


def half_an_hour() -> datetime:
    return now() + timedelta(minutes=SNOOZE_MINUTES)


def tomorrow_at_nine(zone: str) -> datetime:
    """Return when the snooze "tomorrow 9:00" ends, by the clock of the user's or the rule's time zone."""
    return tomorrow_morning(zone, now())


@transaction.atomic
def wake(rule: AlertingRule, *, actor: str) -> None:
    """Tell again."""
    held = _locked(rule)
    if held.is_snoozed():
        _set_snooze(held, None, False, "")
        _record("rule.woken", held, actor)


def _set_snooze(rule: AlertingRule, until: datetime | None, until_success: bool, actor: str) -> None:
    rule.snoozed_until, rule.snoozed_until_success, rule.snoozed_by = until, until_success, actor
    rule.save(update_fields=["snoozed_until", "snoozed_until_success", "snoozed_by"])


# --- alerts ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def resolve_alert(alert: Alert, *, actor: str) -> None:
    """Say that it is dealt with. Found again, the same makes a new alert. Of one that is resolved, nothing changes."""
    count = Alert.objects.filter(pk=alert.pk, resolved_at=None).update(resolved_at=now(), resolved_by=actor)
    if count:
        Alert.objects.filter(pk=alert.pk, held_because=HeldBecause.QUIET).update(held_because="")  # no need any more
        record_event("alert.resolved", actor=actor, alert_id=str(alert.pk), rule_id=str(alert.rule_id))


# --- maintenance ----------------------------------------------------------------------------------------------------


@transaction.atomic
def add_maintenance(
    integration: Integration, *, starts_at: datetime, ends_at: datetime, note: str = "", actor: str
) -> MaintenanceWindow:
    """Put a platform under maintenance for a time.

    Raises: Refused naming `ends_at` or `note`.
    """
    if ends_at <= starts_at or ends_at <= now():
        raise Refused("The end must be later than the beginning, and still to come.", field="ends_at")
    if ends_at - starts_at > MAX_WINDOW:
        raise Refused(f"A window is at most {MAX_WINDOW.days} days long.", field="ends_at")
    if len(note.strip()) > 200:
        raise Refused("A note has at most 200 characters.", field="note")
    window = MaintenanceWindow.objects.create(
        integration=integration, starts_at=starts_at, ends_at=ends_at, note=note.strip(), created_by=actor
    )
    _record_window("maintenance.added", window, actor)
    return window


@transaction.atomic
def end_maintenance(window: MaintenanceWindow, *, actor: str) -> None:
    """End a window now; one that has not begun is as if it had never been."""
    held = MaintenanceWindow.objects.select_for_update().filter(pk=window.pk, ends_at__gt=now()).first()
    if held is None:
        return
    if held.starts_at >= now():
        held.delete()
    else:
        held.ends_at = now()
        held.save(update_fields=["ends_at"])
    _record_window("maintenance.ended", window, actor)


def _record_window(kind: str, window: MaintenanceWindow, actor: str) -> None:
    record_event(
        kind,
        actor=actor,
        integration_id=str(window.integration_id),
        starts_at=window.starts_at.isoformat(),
        ends_at=window.ends_at.isoformat(),
        note=window.note,
    )


# --- within ---------------------------------------------------------------------------------------------------------


def _checked_scope(kind: RuleType, company: Company | None, company_tag: str) -> dict[str, Any]:
    tag = checked_tag(company_tag.strip(), field="company_tag") if company_tag.strip() else ""
    if company is not None and tag:
        raise Refused("Choose one company or a tag, not both.", field="company_tag")
    if kind.is_client_wide and (company is not None or tag):
        field = "company" if company is not None else "company_tag"
        raise Refused("This is of the whole deployment and of no company: choose all companies.", field=field)
    return {"company": company, "company_tag": tag}


def _locked(rule: AlertingRule) -> AlertingRule:
    """Return the row, held until the transaction ends. Raises: Refused for one that was deleted meanwhile."""
    found = AlertingRule.objects.select_for_update().filter(pk=rule.pk, deleted_at=None).first()
    if found is None:
        raise Refused("The rule was deleted.")
    return found


def _record(kind: str, rule: AlertingRule, actor: str, **data: Any) -> None:
    record_event(kind, actor=actor, rule_id=str(rule.pk), rule_type=rule.wire_type, about=rule.company, **data)
