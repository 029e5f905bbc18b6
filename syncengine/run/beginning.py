"""How a dataset begins: whether it may be read, and what will be asked. Decided once, kept for every attempt."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from syncengine.actions.sync_settings import EffectiveSetting, effective_settings
from syncengine.connectors.base import Connector
from syncengine.connectors.platforms import TypeSupport
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import AuthExpired, NotSupported, PrerequisiteMissing
from syncengine.models import DataStatus
from syncengine.plans import KeepsSettings
from syncengine.run.lease import Hold
from syncengine.states import ConnectionStatus, DatasetStatus, ReadMode

DAYS_A_MONTH = 30.4375


def begin(hold: Hold, connector: Connector) -> None:
    """Move a queued dataset to Fetching with its plan written down.

    Raises: NotSupported, PrerequisiteMissing, AuthExpired.
    """
    dataset = hold.dataset
    _require_authorised(hold)
    support = connector.platform.types.get(dataset.data_type)
    if "/" not in dataset.data_type:
        support = _supported(connector, dataset.data_type)
        _require_prerequisites(hold, support)
    status = DataStatus.objects.get(connection_id=dataset.connection_id, data_type=dataset.data_type)
    mode, reason = _mode(dataset.requested_mode, status, support, connector.platform.mapping_version)
    overlap = connector.platform.overlap_minutes or settings.HEADRACE_OVERLAP_MINUTES
    since = (
        status.high_water_at - timedelta(minutes=overlap) if status.high_water_at and mode != ReadMode.FULL else None
    )
    hold.move(
        DatasetStatus.FETCHING,
        mode=mode,
        mode_reason=reason,
        since=since,
        started_at=now(),
        expected_total=status.record_count or None if mode == ReadMode.FULL else None,
        settings_used={
            **_settings_used(effective_settings(dataset.company).get(dataset.data_type)),
            **(connector.settings_used if isinstance(connector, KeepsSettings) else {}),
        },
    )


def _require_authorised(hold: Hold) -> None:
    connection = hold.dataset.connection
    if connection.status != ConnectionStatus.LINKED or connection.deleted_at:
        raise AuthExpired(
            f"The connection is {connection.status}, so nothing can be read over it. Link it again first."
        )


def _supported(connector: Connector, data_type: str) -> TypeSupport:
    support = connector.platform.types.get(data_type)
    if support is None or "Get" not in support.features:
        label = DATA_TYPES[data_type].label
        raise NotSupported(f"{connector.platform.name} does not offer {label}.")
    return support


def _require_prerequisites(hold: Hold, support: TypeSupport) -> None:
    read = set(
        DataStatus.objects.filter(
            connection=hold.dataset.connection, data_type__in=support.requires, last_successful_sync_at__isnull=False
        ).values_list("data_type", flat=True)
    )
    missing = [key for key in support.requires if key not in read]
    if missing:
        label = DATA_TYPES[missing[0]].label
        raise PrerequisiteMissing(
            f"{label} must be read before {DATA_TYPES[support.data_type].label}. Refresh it first."
        )


def _mode(
    requested: str, status: DataStatus, support: TypeSupport | None, mapping_version: str
) -> tuple[ReadMode, str]:
    """Return how to read, and why, in words for the dataset's page."""
    if requested == ReadMode.FULL:
        return ReadMode.FULL, "A full read was asked for."
    if support is None or not support.incremental:
        return ReadMode.FULL, "The platform cannot be asked for changes only."
    if status.high_water_at is None or status.last_full_sync_at is None:
        return ReadMode.FULL, "Nothing was read before."
    if status.needs_full_read:
        return ReadMode.FULL, "What is asked for has changed since the last read."
    if status.mapping_version != mapping_version:
        return ReadMode.FULL, "The way records are mapped has changed since the last read."
    if status.last_full_sync_at < now() - timedelta(days=settings.HEADRACE_RECONCILE_DAYS):
        return ReadMode.FULL, f"Every {settings.HEADRACE_RECONCILE_DAYS} days everything is compared."
    return ReadMode.INCREMENTAL, "Changes since the last good read."


def _settings_used(setting: EffectiveSetting | None) -> dict[str, Any]:
    if setting is None:
        return {}
    start = _not_before(setting)
    return {
        "sync_schedule_hours": setting.sync_schedule_hours,
        "fetch_on_first_link": setting.fetch_on_first_link,
        "overrides_default": setting.overrides_default,
        "not_before": start and start.isoformat(),
        **what_is_asked(setting),
    }


def what_is_asked(setting: EffectiveSetting) -> dict[str, Any]:
    """Return the members of a setting that say what the platform is asked for, as a dataset keeps them."""
    return {
        "sync_from_utc": setting.sync_from_utc and setting.sync_from_utc.isoformat(),
        "sync_from_window_months": setting.sync_from_window_months,
        "months": setting.months_to_sync,
    }


def _not_before(setting: EffectiveSetting) -> datetime | None:
    if setting.sync_from_utc:
        return setting.sync_from_utc
    if setting.sync_from_window_months:
        return now() - timedelta(days=setting.sync_from_window_months * DAYS_A_MONTH)
    return None
