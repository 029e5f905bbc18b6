"""What a platform asks of this deployment, as its connector declares it. Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms

from syncengine.connectors.platforms import Platform, SettingField
from syncengine.models import Integration

_WIDGETS = {"text": forms.TextInput, "url": forms.URLInput, "password": forms.PasswordInput}


class IntegrationForm(forms.Form):
    """One field for each of the platform's `client_fields`.

    stored:  names of the secrets that are kept already: left blank, they stay as they are.
    """

    def __init__(
        self, data: Any = None, *, platform: Platform, integration: Integration, stored: Collection[str] = ()
    ) -> None:
        super().__init__(data)
        self.secret_names = {field.name for field in platform.client_fields if is_secret(field)}
        for setting in platform.client_fields:
            is_stored = setting.name in stored
            initial = (
                "" if setting.name in self.secret_names else integration.settings.get(setting.name, setting.default)
            )
            self.fields[setting.name] = _field(setting, initial, is_stored=is_stored)
            # Left blank it stays as it is: that is not the same as optional, and is not called so.
            self.fields[setting.name].is_stored = is_stored  # type: ignore[attr-defined]

    @property
    def settings(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name not in self.secret_names}

    @property
    def client(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if name in self.secret_names}


def is_secret(field: SettingField) -> bool:
    """True for what is stored encrypted: passwords, and the client's id and secret."""
    return field.kind == "password" or field.name.startswith("client_")


def _field(setting: SettingField, initial: str, *, is_stored: bool) -> forms.CharField:
    attrs = {"autocomplete": "off", "spellcheck": "false"}
    if is_stored:
        attrs["placeholder"] = "stored; leave blank to keep it"
    elif setting.default and not initial:
        attrs["placeholder"] = "blank: the platform's usual value"
    return forms.CharField(
        label=setting.label,
        help_text=setting.help,
        required=setting.required and not is_stored and not setting.default,
        initial=initial,
        max_length=2000,
        error_messages={"required": f"{setting.label} is needed."},
        widget=_WIDGETS.get(setting.kind, forms.TextInput)(attrs=attrs),
    )
