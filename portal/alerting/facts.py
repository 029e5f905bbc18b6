"""What an event is about, as far as the bodies of today and of the earlier generation both say it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from syncengine.models import Company, Event
from syncengine.moments import stamp
from syncengine.states import ConnectionStatus

# The status a connection had when it happened, which is not always the one it has when it is told.
STATUS_THEN = {
    "connection.created": ConnectionStatus.PENDING_AUTH,
    "connection.linked": ConnectionStatus.LINKED,
    "connection.linking_failed": ConnectionStatus.PENDING_AUTH,
    "connection.deauthorized": ConnectionStatus.DEAUTHORIZED,
    "connection.unlinked": ConnectionStatus.UNLINKED,
}


class Facts:
    """What an event is about, looked up once for all its types. A row that was purged meanwhile leaves its id."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._company: Company | None = None
        self._looked = False

    @property
    def company(self) -> Company | None:
        if not self._looked and self.event.company_id:
            self._company = Company.objects.filter(pk=self.event.company_id).first()
        self._looked = True
        return self._company

    def reference(self) -> dict[str, Any]:
        company = self.company
        if company is None:
            return {"id": str(self.event.company_id), "name": self.event.data.get("name", "")}
        return {
            "id": str(company.pk),
            "name": company.name,
            "description": company.description or None,
            "links": {"portal": f"{settings.HEADRACE_PORTAL_URL}/companies/{company.pk}/"},
            "tags": company.tags,
        }


def limit_ends(event: Event) -> str | None:
    text = event.data.get("expires_at")
    return stamp(datetime.fromisoformat(text)) if text else None


def known(key: UUID | None) -> UUID:
    """Return the key, or one that is no row's."""
    return key or UUID(int=0)
