"""What no event says: that nothing happened for too long, that something will, and that quiet hours are over.

Looked into each minute by the courier. Whoever moves a rule's `checked_at` does its check in that same transaction, so
of two couriers one does, and a process killed in between has done nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from portal.alerting.conditions import Finding
from portal.alerting.notices import summary_messages
from portal.alerting.quiet import is_quiet
from portal.alerting.rule_types import RULE_TYPES
from portal.alerting.rules import open_alerts, raise_alert, recover_alerts, tell_if_held
from portal.models.alert import OPEN, Alert, HeldBecause
from portal.models.alerting_rule import AlertingRule
from portal.models.webhook import WebhookMessage
from syncengine.failpoints import reach
from syncengine.models import Connection, DataStatus
from syncengine.moments import stamp
from syncengine.queries.keepalive import lapse_warnings
from syncengine.states import ConnectionStatus, DatasetStatus

log = logging.getLogger(__name__)

MAX_FOUND = 1000  # of one rule at a time; the rest is found once some of these have recovered
SUMMED_AT_MOST = 500
PIECE = 500

_PERIODIC = [kind.key for kind in RULE_TYPES.values() if kind.is_periodic]


def look_into_rules() -> int:
    """Check every rule that is due for it, and sum up what quiet hours held back. Return how many rules it touched."""
    moment = now()
    before = moment - timedelta(seconds=settings.HEADRACE_RULES_SECONDS)
    unchecked = Q(checked_at=None) | Q(checked_at__lte=before)
    due = AlertingRule.objects.filter(unchecked, type__in=_PERIODIC, deleted_at=None, company__deleted_at=None)
    checked = [_alone(pk, partial(_check, pk, unchecked, moment)) for pk in due.values_list("pk", flat=True)]
    held = [rule for rule in _with_held_alerts() if _may_tell(rule, moment)]
    return sum(checked) + sum(_alone(rule.pk, partial(_sum_up, rule, moment)) for rule in held)


def _alone(pk: UUID, do: Callable[[], int]) -> int:
    """Keep a fault of ours with one rule from being one of the rules after it."""
    try:
        return do()
    except DatabaseError:
        raise
    except Exception:
        log.exception("Looking into rule %s failed; it is tried again.", pk)
        return 0


def findings_of(rule: AlertingRule, moment: datetime) -> list[Finding]:
    """Return what a rule of such a type finds now, at most MAX_FOUND, longest so first."""
    return _FINDERS[rule.type](rule, moment)


def purge_alerts(limit: int = 500) -> None:
    """Remove, a piece at a time, alerts that are older than history is kept and do not last any more."""
    ends = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS)
    lasting = Alert.objects.filter(OPEN).exclude(subject="").values("pk")
    old = Alert.objects.filter(raised_at__lt=ends).exclude(pk__in=lasting).order_by("raised_at")
    Alert.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()


@transaction.atomic
def _check(pk: UUID, unchecked: Q, moment: datetime) -> int:
    if not AlertingRule.objects.filter(unchecked, pk=pk, deleted_at=None).update(checked_at=moment):
        return 0
    rule = AlertingRule.objects.get(pk=pk)
    found = {finding.subject: finding for finding in findings_of(rule, moment)}
    known = {alert.subject: alert for alert in open_alerts(rule)}
    if len(found) < MAX_FOUND:  # a list that was cut says nothing of what it does not hold
        recover_alerts(rule, [alert for subject, alert in known.items() if subject not in found], moment)
    still = [alert for subject, alert in known.items() if subject in found]
    Alert.objects.filter(pk__in=[alert.pk for alert in still]).update(last_seen_at=moment)
    for alert in still:
        tell_if_held(rule, alert, moment)
    for subject, finding in found.items():
        if subject not in known:
            raise_alert(rule, finding, moment)
    reach("before_checked")
    return 1


# --- finders --------------------------------------------------------------------------------------------------------


def _without_success(rule: AlertingRule, moment: datetime) -> list[Finding]:
    """Linked connections, or one type of each, that were last read well, or linked, longer ago than the rule allows."""
    data_type = rule.settings.get("data_type", "")
    before = moment - timedelta(hours=rule.settings["hours"])
    pairs: Iterator[tuple[Connection, datetime | None]]
    if not data_type:
        linked = _linked(rule).annotate(good_at=Coalesce("last_sync_at", "linked_at", "created_at"))
        late = linked.filter(good_at__lt=before).order_by("good_at", "pk").iterator(PIECE)
        pairs = ((one, one.last_sync_at) for one in late)
    else:
        statuses = (
            DataStatus.objects.filter(data_type=data_type, connection__in=_linked(rule))
            .exclude(latest_dataset__status=DatasetStatus.NOT_SUPPORTED)
            .annotate(good_at=Coalesce("last_successful_sync_at", "connection__linked_at", "connection__created_at"))
            .filter(good_at__lt=before)
            .select_related("connection__integration", "connection__company")
            .order_by("good_at", "pk")
        )
        pairs = ((one.connection, one.last_successful_sync_at) for one in statuses.iterator(PIECE))
    tagged = (pair for pair in pairs if _has_tag(pair[0], rule.company_tag))
    return [_no_success(rule, connection, last) for connection, last in islice(tagged, MAX_FOUND)]


def _no_success(rule: AlertingRule, connection: Connection, last: datetime | None) -> Finding:
    data_type, hours = rule.settings.get("data_type", ""), rule.settings["hours"]
    what = data_type or "data"
    since = f"since {(stamp(last) or '')[:16].replace('T', ' ')} UTC" if last else "since it was linked"
    return Finding(
        message=f"No {what} was read well from {connection.integration.name} {since}: longer than {hours} h.",
        data={
            "dataConnectionId": str(connection.pk),
            "platformKey": connection.integration.key,
            **({"dataType": data_type} if data_type else {}),
            "hours": hours,
            "lastSuccessUtc": stamp(last),
        },
        subject=f"success:{connection.pk}:{data_type}",
        company_id=connection.company_id,
        connection_id=connection.pk,
        data_type=data_type,
    )


def _about_to_expire(rule: AlertingRule, moment: datetime) -> list[Finding]:
    ends = moment + timedelta(days=rule.settings["days"])
    warnings = lapse_warnings(rule.company, limit=10 * MAX_FOUND if rule.company_tag else MAX_FOUND)
    soon = (one for one in warnings if one.lapses_at <= ends and _has_tag(one.connection, rule.company_tag))
    return [_lapse(one.connection, one.lapses_at, one.reason) for one in islice(soon, MAX_FOUND)]


def _lapse(connection: Connection, lapses_at: datetime, reason: str) -> Finding:
    day = (stamp(lapses_at) or "")[:10]
    return Finding(
        message=f"The authorisation at {connection.integration.name} lapses on {day}. {reason}",
        data={
            "dataConnectionId": str(connection.pk),
            "platformKey": connection.integration.key,
            "lapsesOnUtc": stamp(lapses_at),
        },
        subject=f"lapse:{connection.pk}",
        company_id=connection.company_id,
        connection_id=connection.pk,
    )


_FINDERS: dict[str, Callable[[AlertingRule, datetime], list[Finding]]] = {
    "NoSuccessWithin": _without_success,
    "ConnectionAboutToExpire": _about_to_expire,
}


def _linked(rule: AlertingRule) -> QuerySet[Connection]:
    """Linked connections of the company that the rule looks at, of all companies for one with a tag."""
    found = Connection.objects.filter(
        status=ConnectionStatus.LINKED, deleted_at=None, company__deleted_at=None
    ).select_related("integration", "company")
    return found.filter(company_id=rule.company_id) if rule.company_id else found


def _has_tag(connection: Connection, tag: str) -> bool:
    key, _, value = tag.partition(":")
    return not tag or connection.company.tags.get(key) == value


# --- quiet hours ----------------------------------------------------------------------------------------------------


def _with_held_alerts() -> Iterable[AlertingRule]:
    held = Alert.objects.filter(held_because=HeldBecause.QUIET).order_by().values("rule_id")
    return AlertingRule.objects.filter(pk__in=held, deleted_at=None)


def _may_tell(rule: AlertingRule, moment: datetime) -> bool:
    return not is_quiet(rule, moment) and not rule.is_snoozed(moment)


@transaction.atomic
def _sum_up(rule: AlertingRule, moment: datetime) -> int:
    """Tell in one message what was held back, as far as nobody else just does."""
    held = Alert.objects.filter(rule=rule, held_because=HeldBecause.QUIET).order_by("raised_at", "pk")
    alerts = list(held.select_for_update(of=("self",)).select_related("company", "connection__integration"))
    alerts = alerts[:SUMMED_AT_MOST]
    if not alerts:
        return 0
    WebhookMessage.objects.bulk_create(summary_messages(rule, alerts))
    told = Alert.objects.filter(pk__in=[alert.pk for alert in alerts])
    told.update(held_because="", told_at=Coalesce(F("told_at"), moment))
    reach("before_summed_up")
    return 1
