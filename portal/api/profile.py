"""What the deployment says of itself (codat contract, section 16.1).

`apiKey` is never answered: keys are kept as hashes. `alertAuthHeader` can be set and is never shown again.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from pydantic import Field

from portal.actions.deployment_settings import save_profile
from portal.api.lookups import actor_of, told_as
from portal.api.schema import StrictBool, StrictStr, Wire, WireBody, WireRouter
from portal.models import DeploymentSettings

router = WireRouter(tag="Settings")

_TEMPLATE = "Where customers go after linking, with placeholders such as {companyId}; empty for our own page."


class ProfileBody(WireBody):
    """All of the profile: what is left out is wiped, but for `alertAuthHeader`, which stays."""

    name: StrictStr = Field(examples=["Bob's Burgers"])
    redirect_url: StrictStr = Field(description=_TEMPLATE, examples=["https://bobs-burgers.example/{companyId}"])
    logo_url: StrictStr | None = Field(None, examples=["https://bobs-burgers.example/logo.png"])
    icon_url: StrictStr | None = Field(None, examples=["https://bobs-burgers.example/icon.ico"])
    white_list_urls: list[StrictStr] | None = Field(None, examples=[["https://bobs-burgers.example"]])
    confirm_company_name: StrictBool | None = None
    alert_auth_header: StrictStr | None = Field(None, examples=[None])
    api_key: StrictStr | None = Field(None, description="Ignored: it is part of what clients send back.", examples=[""])


class ProfileOut(Wire):
    name: str
    redirect_url: str
    logo_url: str
    icon_url: str
    white_list_urls: list[str]
    confirm_company_name: bool


@router.operation("GET", "/profile", "profile.read", response=ProfileOut)
def get_profile(request: HttpRequest) -> Any:
    """Get the profile."""
    return _profile_shape(DeploymentSettings.load())


@router.operation("PUT", "/profile", "profile.edit", response=ProfileOut)
def update_profile(request: HttpRequest, body: ProfileBody) -> Any:
    """Replace the profile."""
    with told_as(
        redirect_url="redirectUrl",
        logo_url="logoUrl",
        icon_url="iconUrl",
        white_list_urls="whiteListUrls",
        alert_auth_header="alertAuthHeader",
    ):
        row = save_profile(
            name=body.name,
            redirect_url=body.redirect_url,
            logo_url=body.logo_url or "",
            icon_url=body.icon_url or "",
            white_list_urls=body.white_list_urls or (),
            confirm_company_name=bool(body.confirm_company_name),
            alert_auth_header=body.alert_auth_header,
            actor=actor_of(request),
        )
    return _profile_shape(row)


def _profile_shape(row: DeploymentSettings) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ProfileOut.model_fields}
