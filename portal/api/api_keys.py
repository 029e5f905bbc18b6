"""API keys (codat contract, section 16.2).

Keys are kept as hashes, so the answer that makes one is the only one to show it: in lists, `apiKey` holds its first and
last letters. A key made here holds the rights of the one that asks; the portal makes others.
"""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from ninja import Status
from pydantic import Field

from portal.actions.api_keys import TooManyApiKeys, create_api_key, revoke_api_key
from portal.api.answers import ApiKeyId, nothing
from portal.api.errors import WireError
from portal.api.lookups import actor_of, principal_in
from portal.api.principals import api_keys_for
from portal.api.schema import StrictStr, Wire, WireBody, WireRouter
from portal.models import ApiKey
from syncengine.moments import stamp

router = WireRouter(tag="Settings")


class ApiKeyBody(WireBody):
    name: StrictStr | None = Field(None, description="At most 50 characters.", examples=["invoice-finance-processor"])


class ApiKeyOut(Wire):
    id: str
    name: str | None
    api_key: str
    created_date: str | None


class ApiKeysOut(Wire):
    results: list[ApiKeyOut]


@router.operation("GET", "/apiKeys", "api_keys.read", response=ApiKeysOut)
def list_api_keys(request: HttpRequest) -> Any:
    """List the keys that can do nothing this one cannot, oldest first."""
    keys = api_keys_for(principal_in(request))
    prefetch_related_objects(keys, "secrets")
    return {"results": [_key_shape(key, _hint_of(key)) for key in keys]}


@router.operation("POST", "/apiKeys", "api_keys.edit", response={201: ApiKeyOut})
def create_api_key_(request: HttpRequest, body: ApiKeyBody) -> Any:
    """Make a key that may do what this one may, and no longer. It is shown in this answer and never again."""
    principal = principal_in(request)
    try:
        made = create_api_key(
            name=body.name or "",
            scopes=principal.scopes,
            rights=principal.rights,
            within=principal.rights,
            expires_at=principal.expires_at,
            actor=actor_of(request),
        )
    except TooManyApiKeys as refusal:
        raise WireError(409, refusal.message) from None
    return Status(201, _key_shape(made.key, made.secret))


@router.operation("DELETE", "/apiKeys/{api_key_id}", "api_keys.edit", response={204: None})
def delete_api_key(request: HttpRequest, api_key_id: ApiKeyId) -> Any:
    """Revoke a key at once and for good; it may be the one that asks."""
    key = next((key for key in api_keys_for(principal_in(request)) if str(key.pk) == api_key_id.lower()), None)
    if key is None:
        raise WireError(404, f"No API key was found with ID {api_key_id}")
    revoke_api_key(key, actor=actor_of(request))
    return nothing(204)


def _hint_of(key: ApiKey) -> str:
    return next((secret.hint for secret in key.secrets.all() if secret.ends_at is None), "")


def _key_shape(key: ApiKey, secret: str) -> dict[str, Any]:
    return {
        "id": str(key.pk),
        "name": key.name or None,
        "api_key": secret,
        "created_date": stamp(key.created_at),
    }
