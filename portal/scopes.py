"""What the bearer of an API key may do: the one table of rights, and the scopes that hand them out in bundles.

An operation of the API names the right it needs; a key holds whole scopes, single rights, or both. A key that is
limited to companies holds only the rights that end at a company: what changes the deployment is not for it.
"""

from __future__ import annotations

from collections.abc import Iterable

READ, SYNC, PUSH, ADMIN = "read", "sync", "push", "admin"

SCOPES: dict[str, str] = {
    READ: "Companies, connections, their data and its history, without changing anything",
    SYNC: "Ask for reads, and set how often each type of a company is read",
    PUSH: "Write to the platforms",
    ADMIN: "Everything else: companies, connections, platforms, webhooks, custom data, API keys",
}

# Each right stands in exactly one scope.
RIGHTS: dict[str, str] = {
    "companies.read": READ,
    "connections.read": READ,
    "data.read": READ,
    "history.read": READ,
    "integrations.read": READ,
    "sync_settings.read": READ,
    "push.read": READ,
    "data.refresh": SYNC,
    "sync_settings.edit": SYNC,
    "push.create": PUSH,
    "companies.create": ADMIN,
    "companies.edit": ADMIN,
    "companies.delete": ADMIN,
    "connections.create": ADMIN,
    "connections.authorize": ADMIN,
    "connections.unlink": ADMIN,
    "connections.delete": ADMIN,
    "access_tokens.create": ADMIN,
    "integrations.edit": ADMIN,
    "sync_defaults.read": ADMIN,
    "sync_defaults.edit": ADMIN,
    "profile.read": ADMIN,
    "profile.edit": ADMIN,
    "cors.read": ADMIN,
    "cors.edit": ADMIN,
    "api_keys.read": ADMIN,
    "api_keys.edit": ADMIN,
    "webhooks.read": ADMIN,
    "webhooks.edit": ADMIN,
    "rules.read": ADMIN,
    "rules.edit": ADMIN,
    "custom_data.read": ADMIN,
    "custom_data.edit": ADMIN,
    "custom_fields.read": ADMIN,
    "custom_fields.edit": ADMIN,
    "field_mappings.edit": ADMIN,
    "raw_data.read": ADMIN,
}

# They reach past any one company, so a key that is limited to companies never holds them.
DEPLOYMENT_WIDE = frozenset(
    right
    for right in RIGHTS
    if right == "companies.create"
    or right == "integrations.edit"
    or right == "custom_fields.edit"
    or right.partition(".")[0] in ("sync_defaults", "profile", "cors", "api_keys", "webhooks", "custom_data")
)

# A company access token: it reads its company and links it.
TOKEN_RIGHTS = frozenset({right for right, scope in RIGHTS.items() if scope == READ}) | {
    "connections.create",
    "connections.authorize",
}


def rights_of(scopes: Iterable[str], rights: Iterable[str] = (), *, is_limited: bool = False) -> frozenset[str]:
    """Return the rights that these scopes and single rights come to. Words of a former release count for nothing."""
    held = set(scopes)
    found = frozenset(right for right, scope in RIGHTS.items() if scope in held) | (RIGHTS.keys() & set(rights))
    return found - DEPLOYMENT_WIDE if is_limited else found
