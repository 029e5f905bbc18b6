"""API keys as their pages ask for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet

from portal.actions.api_keys import MAX_COMPANIES, MAX_NAME, MAX_OVERLAP, USUAL_OVERLAP
from portal.scopes import RIGHTS, SCOPES
from syncengine.ids import as_uuid, new_id
from syncengine.models import Company

_OFF = {"autocomplete": "off"}
_HOUR = timedelta(hours=1)


class ApiKeyNameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=MAX_NAME,
        required=False,
        help_text="What uses it, such as “invoice finance, production”.",
        error_messages={"max_length": f"A name has at most {MAX_NAME} characters; this one has %(show_value)d."},
        widget=forms.TextInput(attrs=_OFF),
    )


class ApiKeyForm(ApiKeyNameForm):
    """A new key. `key_id` comes with the form, so that sending the form twice makes one key."""

    key_id = forms.UUIDField(initial=new_id, widget=forms.HiddenInput)
    scopes = forms.MultipleChoiceField(
        required=False, choices=list(SCOPES.items()), initial=["read"], widget=forms.CheckboxSelectMultiple
    )
    rights = forms.MultipleChoiceField(
        required=False, choices=[(right, right) for right in RIGHTS], widget=forms.CheckboxSelectMultiple
    )
    companies = forms.CharField(
        label="Only these companies",
        required=False,
        max_length=MAX_COMPANIES * 200,
        help_text="One a line, by id or by exact name. Left blank, the key sees every company. "
        "A limited key holds no right that reaches the whole deployment.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    last_day = forms.DateField(
        label="Last day",
        required=False,
        help_text="The key works until the end of this day, UTC. Left blank, it works until it is revoked.",
        error_messages={"invalid": "Enter a day such as 2030-12-31."},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, visible: QuerySet[Company], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.visible = visible

    @property
    def company_ids(self) -> list[UUID] | None:
        return self.cleaned_data["companies"] or None

    @property
    def expires_at(self) -> datetime | None:
        last: date | None = self.cleaned_data["last_day"]
        return datetime.combine(last, time(23, 59, 59), UTC) if last else None

    def clean_companies(self) -> list[UUID]:
        lines = [line.strip() for line in self.cleaned_data["companies"].splitlines() if line.strip()]
        if len(lines) > MAX_COMPANIES:
            raise forms.ValidationError(f"A key is limited to at most {MAX_COMPANIES} companies.")
        known = self._named(lines)
        return list(dict.fromkeys(_found(line, known) for line in lines))

    def _named(self, lines: Iterable[str]) -> dict[str, list[UUID]]:
        """Return the ids that each id or name leads to; one query."""
        ids = {key for line in lines if (key := as_uuid(line))}
        found: dict[str, list[UUID]] = {}
        rows = self.visible.filter(pk__in=ids) | self.visible.filter(name__in=set(lines))
        for pk, name in rows.values_list("pk", "name"):
            found.setdefault(str(pk), []).append(pk)
            found.setdefault(name, []).append(pk)
        return found


class RotateForm(forms.Form):
    """`replaces` is the secret in use when the page was shown: sent twice, the form rotates once."""

    replaces = forms.UUIDField(widget=forms.HiddenInput)
    overlap_hours = forms.IntegerField(
        label="Hours for which the old secret goes on working",
        min_value=0,
        max_value=MAX_OVERLAP // _HOUR,
        initial=USUAL_OVERLAP // _HOUR,
        help_text="0 to 168. With 0 it stops at once.",
        error_messages={"required": "Enter a number of hours.", "invalid": "Enter a whole number of hours."},
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(hours=self.cleaned_data["overlap_hours"])


def _found(line: str, known: dict[str, list[UUID]]) -> UUID:
    key = as_uuid(line)
    found = known.get(str(key) if key else line, [])
    if not found:
        raise forms.ValidationError(f"There is no company “{line[:200]}”.")
    if len(found) > 1:
        raise forms.ValidationError(f"{len(found)} companies are called “{line[:200]}”. Enter the id instead.")
    return found[0]
