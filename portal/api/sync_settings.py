"""Sync settings: the deployment's defaults, and a company's own (codat contract, section 7).

A setting that is sent is taken whole: `syncFromUtc`, `syncFromWindow` and `monthsToSync` that it leaves out are not set
(no limit; 24 months for a statement). Types that are not named keep what they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from pydantic import Field

from portal.api.answers import nothing
from portal.api.errors import INVALID_REQUEST, Issue, WireError
from portal.api.lookups import actor_of, company_for
from portal.api.query_moments import moment_of, ticks_of
from portal.api.schema import CompanyId, StrictBool, StrictInt, StrictStr, Wire, WireBody, WireRouter
from portal.models import DeploymentSettings
from syncengine.actions.sync_settings import (
    DEFAULT_MONTHS,
    EffectiveSetting,
    ScheduleNotAllowed,
    catalogue_settings,
    effective_settings,
    reset_sync_settings,
    save_sync_settings,
)
from syncengine.datatypes import DATA_TYPES, data_type_for
from syncengine.exceptions import Refused, UnknownDataType
from syncengine.ids import as_uuid
from syncengine.models import Company
from syncengine.moments import stamp

router = WireRouter(tag="Sync settings")

# Our members by the wire's.
_MEMBERS = {
    "fetch_on_first_link": "fetchOnFirstLink",
    "sync_schedule_hours": "syncSchedule",
    "sync_order": "syncOrder",
    "sync_from_utc": "syncFromUtc",
    "sync_from_window_months": "syncFromWindow",
    "months_to_sync": "monthsToSync",
    "is_locked": "isLocked",
}


class SyncSettingBody(WireBody):
    """How often a data type is read, and how far back."""

    data_type: StrictStr = Field(examples=["invoices"])
    fetch_on_first_link: StrictBool = Field(description="Read it when a company first links, and with `data/all`.")
    sync_schedule: StrictInt = Field(description="Hours between two reads, 0 for none.", examples=[24])
    sync_order: StrictInt = Field(description="Its place in the order in which types are queued.", examples=[0])
    sync_from_utc: StrictStr | None = Field(
        None, description="Only what is dated from then on. Set this or `syncFromWindow`.", examples=["2024-01-01"]
    )
    sync_from_window: StrictInt | None = Field(
        None, description="Only the last so many months. Set this or `syncFromUtc`.", examples=[None]
    )
    months_to_sync: StrictInt | None = Field(
        None, description="Months of a financial statement; of no effect for other types.", examples=[None]
    )
    is_locked: StrictBool | None = Field(None, description="Set by whoever runs the deployment.", examples=[False])


class SyncSettingOut(Wire):
    data_type: str
    fetch_on_first_link: bool
    sync_schedule: int
    sync_order: int
    sync_from_utc: str | None = None
    sync_from_window: int | None = None
    months_to_sync: int | None = None
    is_locked: bool


class SettingsBody(WireBody):
    settings: list[SyncSettingBody] = Field(description="Types that are not named keep their settings.")
    overrides_defaults: StrictBool = Field(description="False drops these settings: the level above holds again.")


class ClientSettingsBody(SettingsBody):
    client_id: StrictStr


class CompanySettingsBody(SettingsBody):
    company_id: StrictStr


class ClientSettingsOut(Wire):
    client_id: str
    settings: list[SyncSettingOut]
    overrides_defaults: bool


class CompanySettingsOut(Wire):
    company_id: str
    settings: list[SyncSettingOut]
    overrides_defaults: bool


@router.operation("GET", "/profile/syncSettings", "sync_defaults.read", response=ClientSettingsOut)
def get_sync_settings(request: HttpRequest) -> Any:
    """Get the settings that hold where a company has none of its own."""
    effective = effective_settings(None)
    return {
        "client_id": str(DeploymentSettings.load().client_id),
        "settings": [_setting_shape(setting) for setting in effective.values()],
        "overrides_defaults": _without_level(effective) != _without_level(catalogue_settings()),
    }


@router.operation("POST", "/profile/syncSettings", "sync_defaults.edit", response={204: None})
def update_sync_settings(request: HttpRequest, body: ClientSettingsBody) -> Any:
    """Set them, all or none."""
    _save(None, body, actor_of(request))
    return nothing(204)


@router.operation("GET", "/companies/{company_id}/syncSettings", "sync_settings.read", response=CompanySettingsOut)
def get_company_sync_settings(request: HttpRequest, company_id: CompanyId) -> Any:
    """Get the settings that hold for one company."""
    company = company_for(request, company_id)
    effective = effective_settings(company)
    return {
        "company_id": str(company.pk),
        "settings": [_setting_shape(setting) for setting in effective.values()],
        "overrides_defaults": any(setting.overrides_default for setting in effective.values()),
    }


@router.operation("POST", "/companies/{company_id}/syncSettings", "sync_settings.edit", response={204: None})
def set_company_sync_settings(request: HttpRequest, company_id: CompanyId, body: CompanySettingsBody) -> Any:
    """Set a company's own settings, all or none."""
    company = company_for(request, company_id)
    if as_uuid(body.company_id) != company.pk:
        raise _refusal("companyId", "This is not the company in the path.")
    _save(company, body, actor_of(request))
    return nothing(204)


def _save(company: Company | None, body: SettingsBody, actor: str) -> None:
    places = _places(body.settings)
    changes = {key: _members(body.settings[place], place) for key, place in places.items()}
    _check_locks(effective_settings(company), body.settings, places)
    try:
        if body.overrides_defaults:
            save_sync_settings(company, changes, pinned=True, actor=actor)
        else:
            reset_sync_settings(company, actor=actor)
    except ScheduleNotAllowed as refusal:
        issue = Issue(_wire_path(refusal.field, places), refusal.message)
        raise WireError(402, f"SyncSettingsValidationException: {refusal.message}", issues=(issue,)) from None
    except Refused as refusal:
        raise _refusal(_wire_path(refusal.field, places), refusal.message) from None


def _places(settings: list[SyncSettingBody]) -> dict[str, int]:
    """Return where each data type stands in the list."""
    places: dict[str, int] = {}
    for place, setting in enumerate(settings):
        member = f"settings[{place}].dataType"
        try:
            key = data_type_for(setting.data_type).key
        except UnknownDataType as refusal:
            raise _refusal(member, refusal.message) from None
        if key in places:
            raise _refusal(member, f"{key} is named twice.")
        places[key] = place
    return places


def _members(setting: SyncSettingBody, place: int) -> dict[str, Any]:
    is_statement = data_type_for(setting.data_type).statement
    months = DEFAULT_MONTHS if setting.months_to_sync is None else setting.months_to_sync
    return {
        "fetch_on_first_link": setting.fetch_on_first_link,
        "sync_schedule_hours": setting.sync_schedule,
        "sync_order": setting.sync_order,
        "sync_from_utc": _moment(setting.sync_from_utc, f"settings[{place}].syncFromUtc"),
        "sync_from_window_months": setting.sync_from_window,
        "months_to_sync": months if is_statement else None,
    }


def _moment(text: str | None, member: str) -> datetime | None:
    """Return what the date means; "0001-01-01T00:00:00" is how the wire says that there is none."""
    if not text:
        return None
    ticks = ticks_of(text)
    if ticks is None:
        raise _refusal(member, "This is no date, such as 2024-01-31 or 2024-01-31T09:30:00Z.")
    moment = moment_of(ticks)
    return None if moment.year == 1 else moment


def _check_locks(
    effective: Mapping[str, EffectiveSetting], settings: list[SyncSettingBody], places: Mapping[str, int]
) -> None:
    for key, place in places.items():
        wanted = settings[place].is_locked
        if wanted is not None and wanted != effective[key].is_locked:
            words = "Locks are set by whoever runs the deployment, not over the API."
            raise _refusal(f"settings[{place}].isLocked", words)


def _wire_path(field: str, places: Mapping[str, int]) -> str:
    key, _, member = field.partition(".")
    name = _MEMBERS.get(member, member)
    return f"settings[{places[key]}].{name}" if key in places else f"{key}.{name}"


def _refusal(member: str, words: str) -> WireError:
    return WireError(400, f"{INVALID_REQUEST} {member}: {words}", issues=(Issue(member, words),))


def _without_level(effective: Mapping[str, EffectiveSetting]) -> list[EffectiveSetting]:
    return [effective[key] for key in DATA_TYPES]


def _setting_shape(setting: EffectiveSetting) -> dict[str, Any]:
    optional = {
        "sync_from_utc": stamp(setting.sync_from_utc),
        "sync_from_window": setting.sync_from_window_months,
        "months_to_sync": setting.months_to_sync,
    }
    return {
        "data_type": setting.data_type,
        "fetch_on_first_link": setting.fetch_on_first_link,
        "sync_schedule": setting.sync_schedule_hours,
        "sync_order": setting.sync_order,
        **{name: value for name, value in optional.items() if value is not None},
        "is_locked": setting.is_locked,
    }
