"""The platforms that companies can be connected to (codat contract, section 5)."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from pydantic import Field

from portal.api.answers import SourceType
from portal.api.branding import image_url
from portal.api.errors import WireError
from portal.api.lists import PageOut, listed, parameters
from portal.api.query_fields import INTEGRATION
from portal.api.schema import Wire, WireRouter
from syncengine.connectors import registry
from syncengine.models import Integration

router = WireRouter(tag="Integrations")

type FeatureType = Literal[
    "Get",
    "Post",
    "Put",
    "Delete",
    "Categorization",
    "GetAsPdf",
    "DownloadAttachment",
    "GetAttachment",
    "GetAttachments",
    "UploadAttachment",
]
type FeatureState = Literal["Release", "Alpha", "Beta", "Deprecated", "NotSupported", "NotImplemented"]


class FeatureOut(Wire):
    feature_type: FeatureType
    feature_state: FeatureState


class TypeFeaturesOut(Wire):
    """What can be done with one data type. It is named twice: clients know either spelling."""

    data_type: str
    datatype: str = Field(description="The same as `dataType`.")
    supported_features: list[FeatureOut]


class IntegrationOut(Wire):
    key: str = Field(pattern="^[a-z]{4}$", examples=["mqjo"])
    logo_url: str
    name: str
    enabled: bool
    source_id: str
    source_type: SourceType
    integration_id: str
    is_offline_connector: bool
    is_beta: bool
    datatype_features: list[TypeFeaturesOut]


class IntegrationsOut(PageOut):
    results: list[IntegrationOut]


class ImageReferenceOut(Wire):
    src: str
    alt: str


class ImageOut(Wire):
    image: ImageReferenceOut


class LogoOut(Wire):
    full: ImageOut
    square: ImageOut


class ButtonOut(Wire):
    default: ImageOut
    hover: ImageOut


class BrandingOut(Wire):
    logo: LogoOut
    button: ButtonOut
    source_id: str


@router.operation("GET", "/integrations", "integrations.read", response=IntegrationsOut, openapi_extra=parameters())
def list_integrations(request: HttpRequest) -> Any:
    """List the integrations by name."""
    rows = Integration.objects.order_by("name", "key")
    return listed(request, rows, INTEGRATION, lambda found: [integration_shape(row) for row in found])


@router.operation("GET", "/integrations/{platform_key}", "integrations.read", response=IntegrationOut)
def get_integration(request: HttpRequest, platform_key: str) -> Any:
    """Get one integration."""
    return integration_shape(integration_for(platform_key))


@router.operation("GET", "/integrations/{platform_key}/branding", "integrations.read", response=BrandingOut)
def get_integration_branding(request: HttpRequest, platform_key: str) -> Any:
    """Get the addresses of an integration's logo and button images."""
    integration = integration_for(platform_key)
    name = integration.name
    return {
        "logo": {
            "full": _image(integration, "full", f"{name} logo"),
            "square": _image(integration, "square", f"{name} icon"),
        },
        "button": {
            "default": _image(integration, "button", f"Connect to {name}"),
            "hover": _image(integration, "button-hover", f"Connect to {name}"),
        },
        "source_id": str(integration.source_id),
    }


def integration_shape(integration: Integration) -> dict[str, Any]:
    return {
        "key": integration.key,
        "logo_url": image_url(integration.key, "full"),
        "name": integration.name,
        "enabled": integration.enabled,
        "source_id": str(integration.source_id),
        "source_type": integration.source_type,
        "integration_id": str(integration.pk),
        "is_offline_connector": integration.is_offline,
        "is_beta": False,
        "datatype_features": _features(integration.key),
    }


def _features(platform_key: str) -> list[dict[str, Any]]:
    platform = registry.platforms().get(platform_key)
    return [
        {
            "data_type": key,
            "datatype": key,
            "supported_features": [
                {"feature_type": feature, "feature_state": "Release"} for feature in support.features
            ],
        }
        for key, support in sorted(platform.types.items() if platform else ())
    ]


def integration_for(platform_key: str) -> Integration:
    """Raises: WireError 404."""
    found = Integration.objects.filter(key=platform_key.lower()).first()
    if found is None:
        raise WireError(404, f"No integration was found with key {platform_key}")
    return found


def _image(integration: Integration, image: str, alt: str) -> dict[str, Any]:
    return {"image": {"src": image_url(integration.key, image), "alt": alt}}
