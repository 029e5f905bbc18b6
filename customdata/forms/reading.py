"""When a custom data type is read without being asked for."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from customdata.models import CustomDataType
from portal.forms.sync_settings import FrequencySelect, frequencies


class ReadingForm(forms.Form):
    """`sync_schedule_hours` offers what is set now too, though it be none of the usual frequencies."""

    fetch_on_first_link = forms.BooleanField(required=False)
    sync_schedule_hours = forms.TypedChoiceField(
        coerce=int, widget=FrequencySelect, label="Sync frequency", error_messages={"required": "Choose how often."}
    )

    def __init__(self, custom: CustomDataType, data: QueryDict | None = None) -> None:
        members = ("fetch_on_first_link", "sync_schedule_hours")
        super().__init__(data, initial={name: getattr(custom, name) for name in members})
        frequency = self.fields["sync_schedule_hours"]
        assert isinstance(frequency, forms.TypedChoiceField)
        frequency.choices = frequencies(custom.sync_schedule_hours)
