"""A linked caller of the sandbox platform: its connector, the real way out, and the platform's own controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncengine.connectors.base import FetchPlan
from syncengine.connectors.changes import Change, Operation
from syncengine.connectors.registry import connector_for
from syncengine.connectors.wire import decode_record
from syncengine.outbound import Session
from syncengine.states import ReadMode
from tests.syncengine.lab import BUSINESS, Lab


@dataclass
class Linked:
    """One connection to one business, without a database."""

    lab: Lab
    http: Session
    connector: Any
    settings: dict[str, Any]

    def change(self, operation: Operation, data_type: str, **members: Any) -> Change:
        return Change(self.connector.platform.key, data_type, operation, settings=self.settings, **members)

    def read(self, data_type: str, **plan: Any) -> dict[str, Any]:
        """Every mapped record of a type by its id, as a read would bring it."""
        asked = FetchPlan(
            self.connector.platform.key, data_type, **{"mode": ReadMode.FULL, "settings": self.settings, **plan}
        )
        found, cursor = {}, None
        while True:
            page = self.connector.fetch_page(asked, cursor, self.http)
            mapped = [self.connector.map_record(data_type, decode_record(raw)) for raw in page.records]
            found |= {record.source_id: record for record in mapped}
            if page.cursor is None:
                return found
            cursor = page.cursor


def linked_to(lab: Lab, key: str = "mqjo", business: str = BUSINESS) -> Linked:
    token = lab.control("POST", f"businesses/{business}/grants")["access_token"]
    http = Session(authorization={"Authorization": f"Bearer {token}"}, origin=lab.url)
    return Linked(lab, http, connector_for(key), {"base_url": lab.url})
