"""Which websites may call the API from a browser (codat contract, section 16.3). Two paths, one setting."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from pydantic import Field

from portal.actions.deployment_settings import save_allowed_origins
from portal.api.lookups import actor_of, told_as
from portal.api.schema import StrictStr, Wire, WireBody, WireRouter
from portal.models import DeploymentSettings

router = WireRouter(tag="Settings")

PATHS = ("/corsSettings", "/connectionManagement/corsSettings")


class AllowedOriginsBody(WireBody):
    allowed_origins: list[StrictStr] | None = Field(
        None, description="All of them; left out, they stay as they are.", examples=[["https://app.example.com"]]
    )


class AllowedOriginsOut(Wire):
    allowed_origins: list[str]


def get_cors_settings(request: HttpRequest) -> Any:
    """Get the allowed origins."""
    return {"allowed_origins": DeploymentSettings.load().allowed_origins}


def set_cors_settings(request: HttpRequest, body: AllowedOriginsBody) -> Any:
    """Replace the allowed origins."""
    if body.allowed_origins is None:
        return get_cors_settings(request)
    with told_as(allowed_origins="allowedOrigins"):
        row = save_allowed_origins(body.allowed_origins, actor=actor_of(request))
    return {"allowed_origins": row.allowed_origins}


for path in PATHS:
    name = path.strip("/").replace("/", "-")
    router.operation("GET", path, "cors.read", response=AllowedOriginsOut, operation_id=f"get-{name}")(
        get_cors_settings
    )
    router.operation("POST", path, "cors.edit", response=AllowedOriginsOut, operation_id=f"set-{name}")(
        set_cors_settings
    )
