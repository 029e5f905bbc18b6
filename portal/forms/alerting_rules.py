"""Alerting rules as their pages ask for them ("Create new rule", codat contract, section 14). The actions check."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.timezone import now

from portal.alerting.receivers import MAX_TAG, MAX_URL
from portal.alerting.rule_checks import MAX_EMAIL, MAX_EMAILS
from portal.alerting.rule_types import RULE_TYPES, RuleType
from portal.models import AlertingRule
from portal.webhook_page import moment_of
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Company, Integration

COMPANIES_SHOWN = 500
SETTINGS = ("hours", "points", "days", "data_type")
# What a refusal names, where the form calls it otherwise.
_NAMES = {"webhook": "webhook_url", "company_id": "company"}
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_LOCAL = "%Y-%m-%dT%H:%M"


class RuleForm(forms.Form):
    """What to watch, for whom, and who is told. `type` is missing when a rule is changed: it keeps its type."""

    type = forms.ChoiceField(label="Rule type", error_messages={"required": "Choose what to be told of."})
    company = forms.ModelChoiceField(
        Company.objects.none(),
        label="Company",
        required=False,
        empty_label="All companies",
        error_messages={"invalid_choice": "This company is not there any more. Choose another."},
    )
    company_tag = forms.CharField(
        label="Only companies with a tag",
        required=False,
        max_length=MAX_TAG,
        help_text="As key:value, such as region:uk. Leave the company at All companies then.",
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "key:value"}),
    )
    hours = forms.CharField(label="Hours", required=False, max_length=9)
    points = forms.CharField(label="Percentage points", required=False, max_length=9)
    days = forms.CharField(label="Days ahead", required=False, max_length=9)
    data_type = forms.CharField(
        label="Data type",
        required=False,
        max_length=100,
        help_text="Left blank: any. Custom data types are written custom/name.",
        widget=forms.TextInput(attrs={**_PLAIN, "list": "rule-data-types", "placeholder": "any"}),
    )
    emails = forms.CharField(
        label="Email addresses to notify",
        required=False,
        max_length=(MAX_EMAIL + 2) * MAX_EMAILS * 10,
        help_text=f"Separated by commas, at most {MAX_EMAILS}.",
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 2}),
    )
    webhook_url = forms.CharField(
        label="Webhook notification URL",
        required=False,
        max_length=MAX_URL,
        help_text="Told by POST. For a chat's incoming webhook the body is one that the chat can show.",
        widget=forms.URLInput(attrs={**_PLAIN, "placeholder": "https://…"}),
    )
    recovery_notice = forms.BooleanField(label="Also tell when it has recovered", required=False)
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(label="Quiet until", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    time_zone = forms.CharField(
        label="Time zone of the quiet hours",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "Europe/Berlin"}),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        companies: QuerySet[Company],
        rule: AlertingRule | None = None,
        like: AlertingRule | None = None,
        type: str = "",
        zone: str = "UTC",
    ) -> None:
        """rule: the one that is changed. like: one to begin with. type: the one to begin with."""
        given = rule or like
        super().__init__(data, initial=_initial(given) if given else {"type": type, "time_zone": zone})
        self.rule, self.like = rule, like
        if rule is not None:
            del self.fields["type"]
        else:
            self._offer_types()
        self._offer_companies(companies, given)

    @property
    def kind(self) -> RuleType | None:
        """The type that is chosen by now."""
        return RULE_TYPES.get(self.rule.type if self.rule else str(self["type"].value() or ""))

    @property
    def settings_fields(self) -> list[forms.BoundField]:
        """The settings of the type that is chosen, with its defaults."""
        kind = self.kind
        if kind is None:
            return []
        for setting in kind.settings:
            field = self.fields[setting.name]
            if setting.unit:
                field.widget = forms.NumberInput(attrs={"min": setting.least, "max": setting.most, "required": True})
                field.required = True  # only what the page says; the action fills in the default
                self.initial.setdefault(setting.name, setting.default)
        return [self[setting.name] for setting in kind.settings]

    @property
    def values(self) -> dict[str, Any]:
        """What the actions take. Settings of another type, left over from before it was changed, stay out."""
        read, kind = self.cleaned_data, self.kind
        wanted = {setting.name for setting in kind.settings} if kind else set()
        return {
            **({} if self.rule else {"type": read["type"]}),
            "company": read["company"],
            "company_tag": read["company_tag"],
            "settings": {name: read[name] for name in SETTINGS if name in wanted and read[name]},
            "emails": [part for part in re.split(r"[,;\n]", read["emails"]) if part.strip()],
            "webhook_url": read["webhook_url"],
            "recovery_notice": read["recovery_notice"] and bool(kind and kind.can_recover),
            "quiet_from": read["quiet_from"],
            "quiet_until": read["quiet_until"],
            "time_zone": read["time_zone"],
        }

    def add_refusal(self, field: str, message: str) -> None:
        name = _NAMES.get(field, field)
        self.add_error(name if name in self.fields else None, message)

    def _offer_types(self) -> None:
        field: Any = self.fields["type"]
        ours = [(kind.key, kind.label) for kind in RULE_TYPES.values() if kind.is_ours]
        others = [(kind.key, kind.label) for kind in RULE_TYPES.values() if not kind.is_ours]
        field.choices = [("", "Choose a rule type"), ("Events", others), ("Watched over time", ours)]

    def _offer_companies(self, companies: QuerySet[Company], given: AlertingRule | None) -> None:
        field: Any = self.fields["company"]
        field.queryset = companies
        field.is_stored = True  # "All companies" is a choice: nothing is left out
        shown = list(companies.order_by("name", "pk").values_list("pk", "name")[:COMPANIES_SHOWN])
        if given and given.company and all(key != given.company_id for key, _ in shown):
            shown.append((given.company.pk, given.company.name))
        field.choices = [("", "All companies"), *shown]
        if len(shown) >= COMPANIES_SHOWN:
            field.help_text = f"The first {COMPANIES_SHOWN} by name. For another, open it and choose Create rule there."


class SnoozeForm(forms.Form):
    """until: one of `CHOICES`; `at` counts when it is "custom"."""

    CHOICES = ("half-hour", "tomorrow", "success", "custom")
    until = forms.ChoiceField(choices=[(word, word) for word in CHOICES])
    at = forms.CharField(required=False, max_length=32)

    def __init__(self, data: Any, *, zone: tzinfo) -> None:
        self.zone = zone
        super().__init__(data)

    def clean(self) -> dict[str, Any]:
        read: dict[str, Any] = super().clean() or {}
        if read.get("until") == "custom":
            read["moment"] = moment_of(read.get("at", ""), self.zone)
            if read["moment"] is None:
                self.add_error("at", "Enter a day and a time, such as 2026-11-22T14:30.")
        return read


class MaintenanceForm(forms.Form):
    """A platform and a time in the person's own zone."""

    integration = forms.ModelChoiceField(
        Integration.objects.order_by("name"),
        label="Platform",
        to_field_name="key",
        empty_label="Choose a platform",
        error_messages={"required": "Choose the platform."},
    )
    starts_at = forms.CharField(label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    ends_at = forms.CharField(label="Until", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    note = forms.CharField(label="Note", required=False, max_length=200)

    def __init__(self, data: Any = None, *, zone: tzinfo, platform: str = "") -> None:
        self.zone = zone
        begins = now().astimezone(zone).strftime(_LOCAL)
        super().__init__(data, initial={"integration": platform, "starts_at": begins})

    def clean_starts_at(self) -> datetime:
        return self._moment("starts_at")

    def clean_ends_at(self) -> datetime:
        return self._moment("ends_at")

    def _moment(self, name: str) -> datetime:
        found = moment_of(self.cleaned_data[name], self.zone)
        if found is None:
            raise forms.ValidationError("Enter a day and a time, such as 2026-11-22T14:30.")
        return found


def data_type_choices() -> list[tuple[str, str]]:
    return [(key, kind.label) for key, kind in DATA_TYPES.items()]


def _initial(rule: AlertingRule) -> dict[str, Any]:
    return {
        "type": rule.type,
        "company": rule.company_id,
        "company_tag": rule.company_tag,
        "emails": ", ".join(rule.emails),
        "webhook_url": rule.webhook_url,
        "recovery_notice": rule.recovery_notice,
        "quiet_from": rule.quiet_from,
        "quiet_until": rule.quiet_until,
        "time_zone": rule.time_zone,
        **rule.settings,
    }
