"""What the pages of alerting rules and alerts show: rows with how often they fired, and the alerts' filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.http import QueryDict
from django.utils.timezone import now

from portal.address_values import PERIODS, Choice, choices, kept_query, period_choices
from portal.alerting.notices import shown_webhook
from portal.alerting.preview import Preview
from portal.alerting.rule_types import RULE_TYPES, condition_in_words
from portal.charts import Chart, day_of, days_chart
from portal.models import Alert, AlertingRule, MaintenanceWindow
from portal.models.alert import OPEN
from syncengine.ids import as_uuid

DAYS = 30
ALERT_NAMES = ("q", "state", "type", "rule", "period")
STATES = {"Open": "Open", "Recovered": "Recovered", "Resolved": "Resolved"}
_EPOCH = date(1970, 1, 1)

# What a deployment without rules is well served by: (type, why).
RECOMMENDED = (
    ("DataConnectionStatusChanged", "Know at once when a customer's connection is lost, or linked."),
    ("DataSyncStatusChangedToError", "Know when a read fails, once for each data type until it works again."),
    ("NoSuccessWithin", "Know when a connection has quietly stopped bringing data."),
    ("WebhookEndpointFailing", "Know when your own endpoint no longer hears us."),
)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule in the list.

    fired:  alerts a day, of the last DAYS.
    """

    rule: AlertingRule
    label: str
    condition: str
    scope: str
    channels: tuple[str, ...]
    state: str
    open_count: int
    fired: Chart
    fired_count: int


def rule_rows(rules: Sequence[AlertingRule]) -> list[RuleRow]:
    """Return the rules with how they stand; two queries, none for no rules. `company` is read."""
    if not rules:
        return []
    open_counts = dict(
        Alert.objects.filter(OPEN, rule__in=rules)
        .exclude(subject="")
        .order_by()
        .values_list("rule")
        .annotate(Count("pk"))
    )
    fired = _fired(rules)
    return [_row(rule, open_counts.get(rule.pk, 0), fired.get(rule.pk, {})) for rule in rules]


def _row(rule: AlertingRule, open_count: int, fired: dict[int, int]) -> RuleRow:
    return RuleRow(
        rule=rule,
        label=RULE_TYPES[rule.type].label,
        condition=condition_in_words(rule.type, rule.settings),
        scope=scope_of(rule),
        channels=tuple(channels_of(rule)),
        state="Snoozed" if rule.is_snoozed() else "Firing" if open_count else "OK",
        open_count=open_count,
        fired=days_chart(fired, last=day_of(now()), days=DAYS, noun="alert"),
        fired_count=sum(fired.values()),
    )


def _fired(rules: Sequence[AlertingRule]) -> dict[UUID, dict[int, int]]:
    since = now().date() - timedelta(days=DAYS - 1)
    alerts = Alert.objects.filter(rule__in=rules, raised_at__date__gte=since).annotate(day=TruncDate("raised_at"))
    found: dict[UUID, dict[int, int]] = {}
    for rule, day, count in alerts.order_by().values_list("rule", "day").annotate(count=Count("pk")):
        found.setdefault(rule, {})[(day - _EPOCH).days] = count
    return found


def scope_of(rule: AlertingRule) -> str:
    if rule.company_tag:
        return f"Companies with {rule.company_tag}"
    return rule.company.name if rule.company else "All companies"


def channels_of(rule: AlertingRule) -> Iterator[str]:
    """Yield who is told, as it may be shown; nobody but this portal when there is none."""
    if rule.emails:
        yield rule.emails[0] if len(rule.emails) == 1 else f"{rule.emails[0]} and {len(rule.emails) - 1} more"
    if rule.webhook_url:
        yield shown_webhook(rule.webhook_url)


def preview_chart(found: Preview) -> Chart:
    counts = {(day - _EPOCH).days: count for day, count in found.per_day}
    return days_chart(counts, last=max(counts, default=day_of(now())), days=max(len(counts), 1), noun="alert")


# --- alerts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlertFilters:
    """The list's filters as the address has them. `query` keeps them in links."""

    search: str
    states: list[Choice]
    types: list[Choice]
    periods: list[Choice]
    rule: str
    query: str

    @property
    def is_set(self) -> bool:
        return bool(self.query)


def alert_filters(query: QueryDict) -> AlertFilters:
    return AlertFilters(
        search=query.get("q", ""),
        states=choices(STATES, query.get("state", "")),
        types=choices({key: kind.label for key, kind in RULE_TYPES.items()}, query.get("type", "")),
        periods=period_choices(query.get("period", "")),
        rule=query.get("rule", ""),
        query=kept_query(query, ALERT_NAMES).urlencode(),
    )


def listed_alerts(alerts: QuerySet[Alert], query: QueryDict) -> QuerySet[Alert]:
    """Return the alerts an address asks for, newest first; what cannot be read in it does not filter."""
    found = _in_state(alerts, query.get("state", ""))
    if query.get("type", "") in RULE_TYPES:
        found = found.filter(type=query["type"])
    if key := as_uuid(query.get("rule", "")):
        found = found.filter(rule=key)
    if period := PERIODS.get(query.get("period", "")):
        found = found.filter(raised_at__gte=now() - period[1])
    return _searched(found, query.get("q", "").replace("\0", "").strip()[:200]).order_by("-raised_at", "-pk")


def _in_state(alerts: QuerySet[Alert], state: str) -> QuerySet[Alert]:
    match state:
        case "Open":
            return alerts.filter(OPEN)
        case "Recovered":
            return alerts.filter(recovered_at__isnull=False, resolved_at__isnull=True)
        case "Resolved":
            return alerts.filter(resolved_at__isnull=False)
    return alerts


def _searched(alerts: QuerySet[Alert], text: str) -> QuerySet[Alert]:
    """Find by words of a company's name, or by the id of a company, a connection or the alert."""
    if not text:
        return alerts
    if key := as_uuid(text):
        return alerts.filter(Q(company=key) | Q(connection=key) | Q(pk=key))
    return alerts.filter(company__name__icontains=text)


# --- maintenance ----------------------------------------------------------------------------------------------------


def maintenance_rows(windows: Iterable[MaintenanceWindow]) -> list[tuple[MaintenanceWindow, str]]:
    """Return each window with how it stands: Running, Planned or Over."""
    moment = now()
    return [
        (one, "Over" if one.ends_at <= moment else "Running" if one.starts_at <= moment else "Planned")
        for one in windows
    ]
