"""The small forms behind an operation's actions, and the settings that go with a write. The actions check once more."""

from __future__ import annotations

from typing import Any

from django import forms

from pushops.actions.pushing import MOST_MINUTES
from pushops.states import PushStatus

_WHOLE = {"invalid": "Enter a whole number of minutes.", "required": "Enter a number of minutes."}
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class ExtendForm(forms.Form):
    minutes = forms.IntegerField(
        label="Minutes more",
        min_value=1,
        max_value=MOST_MINUTES,
        initial=60,
        help_text=f"1 to {MOST_MINUTES:,}, added to what it has.",
        error_messages=_WHOLE,
    )


class DiscardForm(forms.Form):
    reason = forms.CharField(
        label="Why",
        max_length=500,
        help_text="Kept with the push, for whoever looks at it later.",
        error_messages={"required": "Say why it is discarded."},
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )


class SettleForm(forms.Form):
    """What an operator saw on the platform."""

    outcome = forms.ChoiceField(
        label="What the platform shows",
        choices=[("", "–"), (PushStatus.SUCCESS, "It was done"), (PushStatus.FAILED, "It was not done")],
        error_messages={
            "required": "Look at the platform and choose.",
            "invalid_choice": "Choose whether it was done or not.",
        },
    )
    record_id = forms.CharField(
        label="Id of the record on the platform",
        max_length=512,
        required=False,
        help_text="Where it was done and you know it.",
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(self, data: Any = None, *, record_id: str = "") -> None:
        super().__init__(data, initial={"record_id": record_id})


class PushSettingsForm(forms.Form):
    """How a write is carried out. `force_update` belongs to updates alone."""

    timeout_minutes = forms.IntegerField(
        label="Deadline in minutes",
        required=False,
        min_value=1,
        max_value=MOST_MINUTES,
        help_text="When it passes the push is TimedOut; what the platform has begun it may still finish.",
        error_messages=_WHOLE,
    )
    allow_sync = forms.BooleanField(label="Read this data type again when it is done", required=False, initial=True)
    force_update = forms.BooleanField(label="Overwrite a copy on the platform that is newer than ours", required=False)

    def __init__(self, data: Any = None, *, is_update: bool, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        if not is_update:
            del self.fields["force_update"]

    @property
    def values(self) -> dict[str, Any]:
        return {"force_update": False, **self.cleaned_data}


class UploadForm(forms.Form):
    file = forms.FileField(
        label="File",
        allow_empty_file=False,
        error_messages={"required": "Choose a file.", "empty": "This file is empty."},
    )
    timeout_minutes = PushSettingsForm.declared_fields["timeout_minutes"]
