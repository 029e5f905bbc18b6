from __future__ import annotations

from typing import Any

from django import forms

from syncengine.connectors.platforms import Platform, SettingField

_WIDGETS = {"text": forms.TextInput, "url": forms.URLInput, "password": forms.PasswordInput}


class ConnectionSettingsForm(forms.Form):
    """What a platform asks for before it can be linked, one field for each of its `connection_fields`."""

    def __init__(self, *args: Any, platform: Platform, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for setting in platform.connection_fields:
            self.fields[setting.name] = _field(setting)


def _field(setting: SettingField) -> forms.CharField:
    return forms.CharField(
        label=setting.label,
        help_text=setting.help,
        required=setting.required,
        initial=setting.default,
        max_length=1000,
        error_messages={"required": f"{setting.label} is needed."},
        widget=_WIDGETS.get(setting.kind, forms.TextInput)(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
