"""From findings to alerts: which rules they concern, what is folded, what is told, and what has recovered.

`event_happened` is a subscriber of the event stream: it runs inside the transaction that marks the event as told, and
writes the alert together with its messages, so there are either all of them or none, and each once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils.timezone import now

from portal.alerting.conditions import Finding, finding_in, recovered_subjects
from portal.alerting.envelopes import tags_of
from portal.alerting.notices import recovery_messages, rule_messages
from portal.alerting.quiet import why_held
from portal.alerting.rule_types import RuleType, types_raised_by, types_recovered_by
from portal.models.alert import OPEN, Alert, HeldBecause
from portal.models.alerting_rule import AlertingRule
from portal.models.webhook import WebhookMessage
from syncengine.models import Company, Connection, Event

# What is gone is neither failing nor well: its alerts end, and nobody is told.
_ENDINGS = {"connection.deleted": "connection_id", "company.deleted": "company_id"}


def event_happened(event: Event) -> None:
    """Raise the alerts of this event, and end those that it says are over."""
    _end_alerts_of_what_is_gone(event)
    _recover(event)
    _raise(event)


def raise_alert(rule: AlertingRule, found: Finding, moment: datetime) -> Alert:
    """Make of a finding an alert, or count it with the one that is open for the same subject; tell who is to be told.

    Inside the caller's transaction, which nobody else shares for this rule.
    """
    if found.subject:
        known = open_alerts(rule, [found.subject]).first()
        if known is not None:
            see_again(rule, known, moment)
            return known
    held = why_held(rule, found.connection_id, moment)
    alert = Alert(
        rule=rule,
        type=rule.type,
        rule_type=rule.wire_type,
        company_id=_still_there(Company, found.company_id),
        connection_id=_still_there(Connection, found.connection_id),
        subject=found.subject,
        message=found.message,
        data=found.data,
        event_id=found.event_id,
        last_seen_at=moment,
        held_because=held or "",
        told_at=None if held else moment,
    )
    alert.save(force_insert=True)
    if not held:
        WebhookMessage.objects.bulk_create(rule_messages(rule, alert))
    return alert


def open_alerts(rule: AlertingRule, subjects: Collection[str] | None = None) -> QuerySet[Alert]:
    found = Alert.objects.filter(OPEN, rule=rule).exclude(subject="")
    return found if subjects is None else found.filter(subject__in=subjects)


def see_again(rule: AlertingRule, alert: Alert, moment: datetime) -> None:
    """The same is still so. Whoever was not told because of a snooze or maintenance that is over is told now."""
    Alert.objects.filter(pk=alert.pk).update(count=F("count") + 1, last_seen_at=moment)
    tell_if_held(rule, alert, moment)


def tell_if_held(rule: AlertingRule, alert: Alert, moment: datetime) -> None:
    """Tell of an alert that nobody heard of because of a snooze or maintenance, if that is over."""
    if alert.told_at is not None or alert.held_because == HeldBecause.QUIET:
        return
    held = why_held(rule, alert.connection_id, moment)
    changed = Alert.objects.filter(pk=alert.pk, told_at=None)
    if held is not None:
        changed.update(held_because=held)
    elif changed.update(told_at=moment, held_because=""):
        WebhookMessage.objects.bulk_create(rule_messages(rule, alert))


def recover_alerts(rule: AlertingRule, alerts: Iterable[Alert], moment: datetime) -> None:
    """Say of open alerts that all is well again, and tell those who were told of them and want to know.

    It is the success that a rule may be snoozed until: that of an open alert, or of anything while none is open.
    """
    recovering = list(alerts)
    if rule.snoozed_until_success and (recovering or not open_alerts(rule).exists()):
        AlertingRule.objects.filter(pk=rule.pk).update(snoozed_until_success=False, snoozed_by="")
        rule.snoozed_until_success = False
    for alert in recovering:
        if Alert.objects.filter(OPEN, pk=alert.pk).update(recovered_at=moment):
            alert.recovered_at = moment
            _tell_recovery(rule, alert, moment)


def _tell_recovery(rule: AlertingRule, alert: Alert, moment: datetime) -> None:
    if not rule.recovery_notice or alert.told_at is None:
        return
    held = why_held(rule, alert.connection_id, moment)
    if held is None:
        WebhookMessage.objects.bulk_create(recovery_messages(rule, alert))
    elif held == HeldBecause.QUIET:
        Alert.objects.filter(pk=alert.pk).update(held_because=held)


# --- one event ------------------------------------------------------------------------------------------------------


def _raise(event: Event) -> None:
    kinds = types_raised_by(event.kind)
    rules = _rules_for(event, kinds)
    findings = {kind.key: finding_in(event, kind) for kind in kinds if any(rule.type == kind.key for rule in rules)}
    moment = now()
    for rule in rules:
        found = findings[rule.type]
        if found is not None and found.suits(rule):
            raise_alert(rule, found, moment)


def _recover(event: Event) -> None:
    kinds = types_recovered_by(event.kind)
    rules = _rules_for(event, kinds)
    subjects = {
        kind.key: recovered_subjects(event, kind) for kind in kinds if any(rule.type == kind.key for rule in rules)
    }
    moment = now()
    for rule in rules:
        if subjects[rule.type]:
            recover_alerts(rule, open_alerts(rule, subjects[rule.type]), moment)


def _rules_for(event: Event, kinds: Collection[RuleType]) -> list[AlertingRule]:
    """Return the rules of these types that look at the event's company; one query, a second one for tags."""
    if not kinds:
        return []
    scope = Q(company=None) | Q(company_id=event.company_id, company__isnull=False)
    rules = list(AlertingRule.objects.filter(scope, type__in=[kind.key for kind in kinds], deleted_at=None))
    tags = tags_of(event) if any(rule.company_tag for rule in rules) else []
    return [rule for rule in rules if not rule.company_tag or rule.company_tag in tags]


def _end_alerts_of_what_is_gone(event: Event) -> None:
    column = _ENDINGS.get(event.kind)
    if column is not None:
        gone = Alert.objects.filter(OPEN, **{column: getattr(event, column)}).exclude(subject="")
        gone.update(recovered_at=now())


def _still_there(model: type[Company | Connection], key: UUID | None) -> UUID | None:
    """Return the key if its row was not purged meanwhile: an event outlives what it tells of."""
    return key if key and model.objects.filter(pk=key).exists() else None
