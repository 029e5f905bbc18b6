"""How often and how far back each data type is read: this deployment's defaults, and a company's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from syncengine.actions.schedules import reschedule
from syncengine.datatypes import DATA_TYPES, data_type_for
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company, DataStatus, SyncSetting

FREQUENCIES: dict[int, str] = {0: "None", 1: "Hourly", 24: "Daily", 168: "Weekly", 720: "Monthly"}
DEFAULT_MONTHS = 24
MAX_MONTHS = 240
MAX_HOURS = 24 * 366

# Members whose change alters what a read asks for: the next read must then be full.
_WHAT_IS_ASKED = ("sync_from_utc", "sync_from_window_months", "months_to_sync")


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """What holds for one data type, after a company's own settings were laid over the defaults."""

    data_type: str
    fetch_on_first_link: bool
    sync_schedule_hours: int
    sync_order: int
    sync_from_utc: datetime | None = None
    sync_from_window_months: int | None = None
    months_to_sync: int | None = None
    is_locked: bool = False
    overrides_default: bool = False


_MEMBERS = tuple(EffectiveSetting.__dataclass_fields__)[1:-1]


class ScheduleNotAllowed(Refused):
    """The deployment does not offer reads as frequent as this (402 on the wire)."""


def effective_settings(company: Company | None) -> dict[str, EffectiveSetting]:
    """Return the setting of every standard data type, by key, in sync order. Two queries at most."""
    effective = catalogue_settings()
    rows = SyncSetting.objects.filter(company__isnull=True)
    if company is not None:
        rows = rows | SyncSetting.objects.filter(company=company)
    for row in sorted(rows, key=lambda row: row.company_id is not None):
        if row.data_type in effective:
            effective[row.data_type] = replace(
                effective[row.data_type],
                **{name: getattr(row, name) for name in _MEMBERS},
                overrides_default=row.company_id is not None,
            )
    return dict(sorted(effective.items(), key=lambda pair: pair[1].sync_order))


def catalogue_settings() -> dict[str, EffectiveSetting]:
    """Return what holds where nobody has set anything, by data type, in sync order."""
    return {key: _catalogue_setting(key, order) for order, key in enumerate(DATA_TYPES)}


@transaction.atomic
def save_sync_settings(
    company: Company | None, changes: Mapping[str, Mapping[str, Any]], *, pinned: bool = False, actor: str
) -> None:
    """Save settings by data type: all of them, or none.

    changes:  {"invoices": {"sync_schedule_hours": 24, …}}; members not named stay as they are.
    pinned:   keep a company's setting even where it equals the default, so that it outlives a change of the default.
    Raises:   UnknownDataType; ScheduleNotAllowed; Refused whose field is "<data type>.<member>".
    """
    effective = effective_settings(company)
    for data_type, members in changes.items():
        key = data_type_for(data_type).key
        before = effective[key]
        after = _checked(before, members)
        pin = pinned and company is not None and not before.overrides_default and not before.is_locked
        if after == before and not pin:
            continue
        SyncSetting.objects.update_or_create(
            company=company, data_type=key, defaults={name: getattr(after, name) for name in _MEMBERS}
        )
        _follow_up(company, before, after)
        changed = {
            name: _word(getattr(after, name)) for name in _MEMBERS if getattr(after, name) != getattr(before, name)
        }
        if not changed:
            continue
        record_event("sync_setting.changed", about=company, actor=actor, data_type=key, changed=changed)


@transaction.atomic
def reset_sync_settings(company: Company | None, *, actor: str) -> None:
    """Drop a company's own settings, so that the defaults hold again; without a company, those of the catalogue.

    Raises: Refused whose field is "<data type>.is_locked" when a locked one would change.
    """
    before = effective_settings(company)
    SyncSetting.objects.filter(company=company).delete()
    if company is None:
        install_sync_settings()
    after = effective_settings(company)
    for key, setting in before.items():
        if setting.is_locked and after[key] != setting:
            raise _locked(key)
        if company is None or setting.overrides_default:
            _follow_up(company, setting, after[key])
    record_event("sync_setting.reset", about=company, actor=actor)


@transaction.atomic
def lock_sync_setting(company: Company | None, data_type: str, *, locked: bool, actor: str) -> None:
    """Let nobody change a setting, or let them again. Whoever runs the deployment does this, not its users.

    Raises: UnknownDataType.
    """
    before = effective_settings(company)[data_type_for(data_type).key]
    if before.is_locked == locked:
        return
    kept = {name: getattr(before, name) for name in _MEMBERS} | {"is_locked": locked}
    SyncSetting.objects.update_or_create(company=company, data_type=before.data_type, defaults=kept)
    changed = {"is_locked": locked}
    record_event("sync_setting.changed", about=company, actor=actor, data_type=before.data_type, changed=changed)


def install_sync_settings() -> None:
    """Write the defaults of the catalogue for types that have none yet."""
    present = set(SyncSetting.objects.filter(company__isnull=True).values_list("data_type", flat=True))
    missing = [setting for key, setting in catalogue_settings().items() if key not in present]
    SyncSetting.objects.bulk_create(
        SyncSetting(data_type=setting.data_type, **{name: getattr(setting, name) for name in _MEMBERS})
        for setting in missing
    )


def _catalogue_setting(key: str, order: int) -> EffectiveSetting:
    kind = DATA_TYPES[key]
    return EffectiveSetting(
        data_type=key,
        fetch_on_first_link=kind.fetch_on_first_link,
        sync_schedule_hours=0,
        sync_order=order,
        months_to_sync=DEFAULT_MONTHS if kind.statement else None,
    )


def _checked(before: EffectiveSetting, members: Mapping[str, Any]) -> EffectiveSetting:
    key = before.data_type
    for name in members:
        if name not in _MEMBERS or name == "is_locked":
            raise Refused(f"{name} is not a sync setting that can be changed.", field=f"{key}.{name}")
    if before.is_locked and any(getattr(before, name) != value for name, value in members.items()):
        raise _locked(key)
    after = replace(before, **members)
    _check_numbers(after)
    _check_start(after)
    if after.sync_schedule_hours != before.sync_schedule_hours:
        check_schedule(key, after.sync_schedule_hours)
    return replace(after, sync_from_window_months=after.sync_from_window_months or None)


def _locked(key: str) -> Refused:
    return Refused("This data type is locked and cannot be changed.", field=f"{key}.is_locked")


def _check_numbers(setting: EffectiveSetting) -> None:
    key = setting.data_type
    for name, highest in (
        ("sync_schedule_hours", MAX_HOURS),
        ("sync_order", 10_000),
        ("sync_from_window_months", MAX_MONTHS),
        ("months_to_sync", MAX_MONTHS),
    ):
        value = getattr(setting, name)
        if value is None and name not in ("sync_schedule_hours", "sync_order"):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
            raise Refused(f"Enter a whole number from 0 to {highest}.", field=f"{key}.{name}")
    if not isinstance(setting.fetch_on_first_link, bool):
        raise Refused("Say true or false.", field=f"{key}.fetch_on_first_link")
    if setting.months_to_sync is not None and not DATA_TYPES[key].statement:
        raise Refused("Only financial statements are sized in months.", field=f"{key}.months_to_sync")
    if setting.months_to_sync == 0:
        raise Refused("A statement has at least one month.", field=f"{key}.months_to_sync")


def check_schedule(data_type: str, hours: int) -> None:
    """Raises: Refused for what is no number of hours; ScheduleNotAllowed for more often than the deployment allows."""
    field = f"{data_type}.sync_schedule_hours"
    if not isinstance(hours, int) or isinstance(hours, bool) or not 0 <= hours <= MAX_HOURS:
        raise Refused(f"Enter a whole number from 0 to {MAX_HOURS}.", field=field)
    if 0 < hours < 24 and not settings.HEADRACE_ALLOW_HOURLY:
        raise ScheduleNotAllowed("Sync schedule not allowed", field=field)


def _check_start(setting: EffectiveSetting) -> None:
    key = setting.data_type
    if setting.sync_from_utc is not None:
        if not isinstance(setting.sync_from_utc, datetime):
            raise Refused("Enter a date.", field=f"{key}.sync_from_utc")
        if setting.sync_from_utc.tzinfo is None:
            raise Refused("The date needs a time zone.", field=f"{key}.sync_from_utc")
        if setting.sync_from_utc > datetime.now(UTC):
            raise Refused("The date lies in the future; nothing would be read.", field=f"{key}.sync_from_utc")
        if setting.sync_from_window_months:
            raise Refused("Set a date or a window of months, not both.", field=f"{key}.sync_from_window_months")


def _follow_up(company: Company | None, before: EffectiveSetting, after: EffectiveSetting) -> None:
    statuses = DataStatus.objects.filter(data_type=after.data_type)
    if company is not None:
        statuses = statuses.filter(connection__company=company)
    else:
        own = SyncSetting.objects.filter(company__isnull=False, data_type=after.data_type).values("company")
        statuses = statuses.exclude(connection__company__in=own)
    if any(getattr(before, name) != getattr(after, name) for name in _WHAT_IS_ASKED):
        statuses.update(needs_full_read=True)
    if before.sync_schedule_hours != after.sync_schedule_hours:
        reschedule(company, after.data_type, after.sync_schedule_hours, statuses)


def _word(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
