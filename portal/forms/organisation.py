"""What the deployment says of itself and whom it trusts, as its page asks for it."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.actions.deployment_settings import MAX_AUTH_HEADER, MAX_LISTED, MAX_NAME, MAX_URL
from portal.models import DeploymentSettings

_ADDRESS = forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"})
_LINES = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
_LONGEST_LIST = MAX_LISTED * MAX_URL


class ProfileForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=MAX_NAME, error_messages={"required": "Enter the organisation's name."}
    )
    logo_url = forms.CharField(label="Logo's address", max_length=MAX_URL, required=False, widget=_ADDRESS)
    icon_url = forms.CharField(label="Icon's address", max_length=MAX_URL, required=False, widget=_ADDRESS)
    redirect_url = forms.CharField(
        label="Where customers go after linking", max_length=MAX_URL, required=False, widget=_ADDRESS
    )
    white_list_urls = forms.CharField(
        label="Other addresses customers may be sent to",
        required=False,
        max_length=_LONGEST_LIST,
        help_text="One a line. Only their hosts count.",
        widget=_LINES,
    )
    alert_auth_header = forms.CharField(
        label="Authorization header of alerts",
        required=False,
        max_length=MAX_AUTH_HEADER,
        strip=False,
        help_text="Sent with every webhook of an alerting rule. Kept encrypted and not shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    forget_header = forms.BooleanField(required=False)

    @property
    def values(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        forget, header = data.pop("forget_header"), data.pop("alert_auth_header")
        data["white_list_urls"] = data["white_list_urls"].splitlines()
        # A password field is never filled in: left blank it stays as it is.
        return {**data, "alert_auth_header": "" if forget else header or None}


class OriginsForm(forms.Form):
    allowed_origins = forms.CharField(
        label="Allowed origins",
        required=False,
        max_length=_LONGEST_LIST,
        help_text="One a line, such as https://app.example.com. Blank: no website may call the API from a browser.",
        widget=_LINES,
    )

    @property
    def origins(self) -> list[str]:
        return [line for line in self.cleaned_data["allowed_origins"].splitlines() if line.strip()]


def profile_initial(row: DeploymentSettings) -> dict[str, object]:
    plain = {field: getattr(row, field) for field in ("name", "logo_url", "icon_url", "redirect_url")}
    return {**plain, "white_list_urls": "\n".join(row.white_list_urls)}


def origins_initial(row: DeploymentSettings) -> dict[str, object]:
    return {"allowed_origins": "\n".join(row.allowed_origins)}
