"""Custom fields as their pages ask for them. The actions check."""

from __future__ import annotations

from typing import Any

from django import forms

from customdata.catalogue import CATEGORIES, models_of
from customdata.models import CustomField

_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def model_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the models under their categories; a value is `ACCOUNTING/invoices`."""
    return [
        (category.capitalize(), [(f"{category}/{model.slug}", model.display_name) for model in models_of(category)])
        for category in CATEGORIES
    ]


class CustomFieldForm(forms.Form):
    """A field. Its model stands fast once it has a mapping."""

    name = forms.CharField(
        label="Name",
        max_length=128,
        help_text="snake_case, and what it is rather than “custom1”: po_number, cost_center.",
        error_messages={"required": "Enter a name."},
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
    )
    model = forms.ChoiceField(
        label="Data type", choices=model_choices, error_messages={"required": "Choose a data type."}
    )
    description = forms.CharField(
        label="Description", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, data: Any = None, *, field: CustomField | None = None, is_mapped: bool = False) -> None:
        super().__init__(data, initial=_initial(field) if field else None)
        if is_mapped:
            self.fields["model"].disabled = True
            self.fields["model"].help_text = "It can be changed only while the field has no mapping."

    @property
    def values(self) -> dict[str, Any]:
        category, _, model = self.cleaned_data["model"].partition("/")
        description = self.cleaned_data["description"] or None
        return {"name": self.cleaned_data["name"], "category": category, "model": model, "description": description}

    def add_refusal(self, field: str, message: str) -> None:
        name = {"category": "model"}.get(field, field)
        self.add_error(name if name in self.fields else None, message)


def _initial(field: CustomField) -> dict[str, str]:
    return {"name": field.name, "model": f"{field.category}/{field.model}", "description": field.description or ""}
