from __future__ import annotations

from typing import Any

from django import forms

from syncengine.actions.companies import MAX_NAME


class CompanyForm(forms.Form):
    """A company's name; the action cleans it and has the last word."""

    name = forms.CharField(
        label="Name",
        max_length=MAX_NAME,
        help_text="Letters, digits, spaces and - ' & @ . , ? ! are kept; other characters are removed.",
        error_messages={
            "required": "Enter the company's name.",
            "max_length": f"A name has at most {MAX_NAME} characters; this one has %(show_value)d.",
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label="Description", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


class RenameForm(CompanyForm):
    description = None  # type: ignore[assignment]


class ConfirmForm(forms.Form):
    """Asks to type a name before something that cannot be taken back."""

    typed = forms.CharField(
        error_messages={"required": "Type the name to confirm."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["typed"].label = f"Type “{name}” to confirm"

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"].strip()
        if typed != self.name:
            raise forms.ValidationError("This is not the name. Type it exactly as shown.")
        return typed
