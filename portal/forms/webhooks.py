"""Webhook endpoints as their pages ask for them. The actions check; a form only reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.utils.timezone import now

from portal.alerting.consumers import MAX_DESCRIPTION, MAX_OVERLAP_HOURS, MAX_RATE
from portal.alerting.event_types import event_types
from portal.alerting.receivers import MAX_URL
from portal.models.webhook import WebhookConsumer
from portal.webhook_page import moment_of

STORED = "***"
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_LOCAL = "%Y-%m-%dT%H:%M"


class WebhookForm(forms.Form):
    """An endpoint. Event types are check boxes that the template lays out by group."""

    url = forms.CharField(
        label="Address",
        max_length=MAX_URL,
        help_text="Events are posted here as JSON. Private and loopback addresses are refused unless this deployment "
        "allows them by name.",
        error_messages={"required": "Enter the address that is to be told."},
        widget=forms.URLInput(attrs={**_PLAIN, "placeholder": "https://…"}),
    )
    description = forms.CharField(label="Description", max_length=MAX_DESCRIPTION, required=False)
    event_types = forms.MultipleChoiceField(label="Event types", required=False, widget=forms.CheckboxSelectMultiple)
    company_tags = forms.CharField(
        label="Only companies with a tag",
        required=False,
        help_text="One key:value a line, at most 10. Any of them is enough; left blank, it is told of all companies.",
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 2}),
    )
    rate_limit = forms.IntegerField(
        label="At most so many messages a second",
        required=False,
        min_value=1,
        max_value=MAX_RATE,
        error_messages={"invalid": "Enter a whole number."},
    )

    def __init__(self, data: Any = None, *, consumer: WebhookConsumer | None = None) -> None:
        super().__init__(data, initial=_initial(consumer) if consumer else None)
        field: Any = self.fields["event_types"]
        field.choices = [(name, name) for name in event_types()]

    @property
    def values(self) -> dict[str, Any]:
        read = self.cleaned_data
        tags = [line.strip() for line in read["company_tags"].splitlines() if line.strip()]
        return {
            "url": read["url"],
            "description": read["description"],
            "event_types": read["event_types"],
            "company_tags": tags,
        }

    def add_refusal(self, field: str, message: str) -> None:
        name = {"eventTypes": "event_types", "companyTags": "company_tags"}.get(field, field)
        self.add_error(name if name in self.fields else None, message)


class HeadersForm(forms.Form):
    """Headers, one a line. Stored values are secrets: they show as ***, and a line left so keeps its value."""

    headers = forms.CharField(
        label="Headers",
        required=False,
        help_text="One Name: value a line, sent with every message. Stored values are not shown again; a line that "
        "still says *** keeps what is stored.",
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 5, "class": "mono"}),
    )

    def __init__(self, data: Any = None, *, stored: Mapping[str, str]) -> None:
        self.stored = stored
        super().__init__(data, initial={"headers": "\n".join(f"{name}: {STORED}" for name in stored)})

    def clean_headers(self) -> dict[str, str]:
        read: dict[str, str] = {}
        for line in self.cleaned_data["headers"].splitlines():
            if line.strip():
                name, value = self._pair(line)
                if name.lower() in {other.lower() for other in read}:
                    raise forms.ValidationError(f"{name[:60]} stands there twice.")
                read[name] = value
        return read

    def _pair(self, line: str) -> tuple[str, str]:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            raise forms.ValidationError(f"“{line.strip()[:60]}” has no colon. Write Name: value.")
        if value == STORED:
            if name not in self.stored:
                raise forms.ValidationError(f"{name[:60]} has no stored value to keep. Write its value.")
            value = self.stored[name]
        return name, value


class RotateSecretForm(forms.Form):
    overlap_hours = forms.IntegerField(
        label="Hours for which messages are signed with both secrets",
        min_value=0,
        max_value=MAX_OVERLAP_HOURS,
        initial=24,
        help_text=f"0 to {MAX_OVERLAP_HOURS}. With 0 the old secret verifies nothing from now on.",
        error_messages={"required": "Enter a number of hours.", "invalid": "Enter a whole number of hours."},
    )


class ExampleForm(forms.Form):
    event_type = forms.ChoiceField(label="Event type")

    def __init__(self, data: Any = None, *, consumer: WebhookConsumer) -> None:
        super().__init__(data, initial={"event_type": next(iter(consumer.event_types), "")})
        wanted = [name for name in event_types() if name in consumer.event_types]
        others = [name for name in event_types() if name not in consumer.event_types]
        field: Any = self.fields["event_type"]
        field.choices = [
            ("Subscribed", [(name, name) for name in wanted]),
            ("Others", [(name, name) for name in others]),
        ]


class SinceForm(forms.Form):
    """A moment in the person's own zone."""

    since = forms.CharField(label="From", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    usual = timedelta(days=1)

    def __init__(self, data: Any = None, *, zone: tzinfo, start: datetime | None = None) -> None:
        self.zone = zone
        begin = (start or now() - self.usual).astimezone(zone)
        super().__init__(
            data, initial={"since": begin.strftime(_LOCAL), "until": now().astimezone(zone).strftime(_LOCAL)}
        )

    def clean_since(self) -> datetime:
        return self._moment("since")

    def _moment(self, name: str) -> datetime:
        found = moment_of(self.cleaned_data[name], self.zone)
        if found is None:
            raise forms.ValidationError("Enter a day and a time, such as 2026-11-22T14:30.")
        return found


class RangeForm(SinceForm):
    until = forms.CharField(label="To", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))

    def clean_until(self) -> datetime:
        return self._moment("until")

    def clean(self) -> dict[str, Any]:
        read: dict[str, Any] = super().clean() or {}
        if "since" in read and "until" in read and read["until"] <= read["since"]:
            self.add_error("until", "The end must be later than the beginning.")
        return read


def _initial(consumer: WebhookConsumer) -> dict[str, Any]:
    return {
        "url": consumer.url,
        "description": consumer.description,
        "event_types": consumer.event_types,
        "company_tags": "\n".join(consumer.company_tags),
        "rate_limit": consumer.rate_limit,
    }
