"""Who asks the API, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from syncengine.models import Company


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a key or token. THE DOOR'S INTERFACE: whoever writes keys fills this in and keeps these names."""

    actor: str
    rights: frozenset[str] = frozenset()
    company_ids: frozenset[UUID] | None = None

    def may(self, right: str) -> bool:
        return True


def principal_of(authorization: str) -> Principal | None:
    """Return who sent this Authorization header, or None; never raises, whatever the header holds."""
    return Principal("api-key:none") if authorization else None


def companies_for(principal: Principal) -> QuerySet[Company]:
    return Company.objects.filter(deleted_at__isnull=True)
