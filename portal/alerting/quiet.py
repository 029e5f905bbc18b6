"""When nobody is told: quiet hours, snoozes, and platforms under maintenance."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.models.alert import HeldBecause
from portal.models.alerting_rule import AlertingRule
from portal.models.maintenance_window import MaintenanceWindow
from syncengine.models import Connection

MORNING_HOUR = 9


def is_quiet(rule: AlertingRule, moment: datetime) -> bool:
    """Say whether this moment lies in the rule's quiet hours, by the clock of its own time zone."""
    begin, end = rule.quiet_from, rule.quiet_until
    if begin is None or end is None:
        return False
    clock = moment.astimezone(ZoneInfo(rule.time_zone)).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def tomorrow_morning(zone: str, moment: datetime) -> datetime:
    """Return tomorrow 9:00 by that zone's clock."""
    local = moment.astimezone(ZoneInfo(zone))
    return (local + timedelta(days=1)).replace(hour=MORNING_HOUR, minute=0, second=0, microsecond=0)


def why_held(rule: AlertingRule, connection_id: UUID | None, moment: datetime) -> HeldBecause | None:
    """Return why nobody is told of an alert now, None when they are."""
    if under_maintenance(connection_id, moment):
        return HeldBecause.MAINTENANCE
    if rule.is_snoozed(moment):
        return HeldBecause.SNOOZED
    return HeldBecause.QUIET if is_quiet(rule, moment) else None


def under_maintenance(connection_id: UUID | None, moment: datetime) -> bool:
    if connection_id is None:
        return False
    running = MaintenanceWindow.objects.filter(starts_at__lte=moment, ends_at__gt=moment)
    own = Connection.objects.filter(pk=connection_id).values("integration_id")
    return running.filter(integration_id__in=own).exists()
