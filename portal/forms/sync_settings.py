"""The matrix of sync settings: one small form for each data type, saved together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from syncengine.actions.sync_settings import FREQUENCIES, MAX_MONTHS, EffectiveSetting
from syncengine.datatypes import DATA_TYPES

HOURLY_REFUSED = "Hourly reads are switched off in this deployment (HEADRACE_ALLOW_HOURLY)."
WEEKLY_LABEL = "Weekly (recommended)"


class FrequencySelect(forms.Select):
    """A select whose hourly choice cannot be taken where the deployment does not allow it."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) == "1" and not settings.HEADRACE_ALLOW_HOURLY and not option["selected"]:
            option["attrs"] |= {"disabled": True, "title": HOURLY_REFUSED}
        return option


class SyncSettingForm(forms.Form):
    """One row. Its prefix is the data type; only members that differ from what holds are saved."""

    fetch_on_first_link = forms.BooleanField(required=False, label="Fetch on first link")
    sync_schedule_hours = forms.TypedChoiceField(
        coerce=int, widget=FrequencySelect, label="Sync frequency", error_messages={"required": "Choose how often."}
    )
    sync_from_utc = forms.DateField(
        required=False,
        label="From day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a day as 2026-03-31."},
    )
    sync_from_window_months = forms.IntegerField(required=False, min_value=0, max_value=MAX_MONTHS, label="Last months")
    months_to_sync = forms.IntegerField(required=False, min_value=1, max_value=MAX_MONTHS, label="Months")

    def __init__(self, setting: EffectiveSetting, data: QueryDict | None = None) -> None:
        super().__init__(data, prefix=setting.data_type, initial=_initial(setting))
        self.setting = setting
        kind = DATA_TYPES[setting.data_type]
        self.kind = kind
        if not kind.statement:
            del self.fields["months_to_sync"]
        if kind.reference:
            self.fields["sync_from_utc"].help_text = "Lookup data: records that refer to older ones may then miss them."
        frequency = self.fields["sync_schedule_hours"]
        assert isinstance(frequency, forms.TypedChoiceField)
        frequency.choices = frequencies(setting.sync_schedule_hours)
        for field in self.fields.values():
            field.disabled = setting.is_locked
            field.widget.attrs["aria-label"] = f"{field.label}: {kind.label}"

    def clean_sync_schedule_hours(self) -> int:
        hours: int = self.cleaned_data["sync_schedule_hours"]
        if hours == 1 and not settings.HEADRACE_ALLOW_HOURLY and self.setting.sync_schedule_hours != 1:
            raise forms.ValidationError(HOURLY_REFUSED)
        return hours

    def clean_sync_from_utc(self) -> datetime | None:
        day = self.cleaned_data["sync_from_utc"]
        if day is None:
            return None
        stored = self.setting.sync_from_utc
        if stored is not None and stored.astimezone(UTC).date() == day:
            return stored  # a time of day that came over the API survives
        moment = datetime.combine(day, time(), UTC)
        if moment > timezone.now():
            raise forms.ValidationError("The day lies in the future; nothing would be read.")
        return moment

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("sync_from_utc") and cleaned.get("sync_from_window_months"):
            self.add_error("sync_from_window_months", "Set a day or a number of months, not both.")
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        """The members whose value differs from what holds now."""
        return {name: value for name, value in self.cleaned_data.items() if value != getattr(self.setting, name)}

    @property
    def reach(self) -> str:
        """How far back the type is read, in words."""
        setting = self.setting
        if setting.sync_from_utc:
            return f"From {setting.sync_from_utc.astimezone(UTC):%-d %b %Y} UTC"
        if setting.sync_from_window_months:
            return f"Last {setting.sync_from_window_months} months"
        if setting.months_to_sync:
            return f"{setting.months_to_sync} months"
        return "Everything"


class SettingsMatrix:
    """The rows of the page. Bound, it takes only the rows that the page showed (`types`), so that a filtered page
    leaves the others alone.
    """

    def __init__(self, effective: Mapping[str, EffectiveSetting], data: QueryDict | None = None) -> None:
        shown = set(data.getlist("types")) if data is not None else set()
        self.rows = [SyncSettingForm(setting, data if key in shown else None) for key, setting in effective.items()]
        self._bound = [row for row in self.rows if row.is_bound]

    def is_valid(self) -> bool:
        return all(row.is_valid() for row in self._bound)

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return what to save, by data type; call after `is_valid`. Locked rows never change."""
        found = {row.setting.data_type: row.changes for row in self._bound if not row.setting.is_locked}
        return {key: members for key, members in found.items() if members}

    def add_refusal(self, field: str, message: str) -> bool:
        """Put the engine's refusal at its cell ("invoices.sync_schedule_hours"); False when there is no such cell."""
        key, _, member = field.rpartition(".")
        for row in self._bound:
            if row.setting.data_type == key:
                row.add_error(member if member in row.fields else None, message)
                return True
        return False

    @property
    def error_count(self) -> int:
        return sum(len(row.errors) for row in self._bound)

    def matching(self, search: str, keep_errors: bool = True) -> Iterable[SyncSettingForm]:
        """The rows whose label or key holds the words; one with an error is shown whatever was searched."""
        wanted = search.strip().lower()
        for row in self.rows:
            named = wanted in row.kind.label.lower() or wanted in row.kind.key.lower()
            if named or (keep_errors and row.is_bound and row.errors):
                yield row


def _initial(setting: EffectiveSetting) -> dict[str, Any]:
    start = setting.sync_from_utc
    return {
        "fetch_on_first_link": setting.fetch_on_first_link,
        "sync_schedule_hours": setting.sync_schedule_hours,
        "sync_from_utc": start.astimezone(UTC).date() if start else None,
        "sync_from_window_months": setting.sync_from_window_months,
        "months_to_sync": setting.months_to_sync,
    }


def frequencies(current: int) -> list[tuple[int, str]]:
    choices = FREQUENCIES | {168: WEEKLY_LABEL}
    if current not in choices:
        choices |= {current: f"Every {current} hours"}
    return sorted(choices.items())
