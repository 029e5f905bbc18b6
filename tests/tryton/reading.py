"""Reads one data type to the end, as the runner does, without an engine around it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from syncengine.connectors.base import Credentials, FetchPlan
from syncengine.connectors.tryton.connector import TrytonConnector
from syncengine.outbound import Session
from syncengine.states import ReadMode
from tests.tryton.lab import Server
from tests.tryton.person import Person


class Read(NamedTuple):
    """records: key to content, in the order they came. known: what the sweep of ids named."""

    records: dict[str, dict[str, Any]]
    known: set[str]
    pages: int


class Reader:
    """A linked connection."""

    def __init__(self, server: Server, key: str, **settings: str) -> None:
        self.connector = TrytonConnector()
        self.settings = {"base_url": server.url, "database": server.database, "user": "admin", **settings}
        self.credentials = Credentials(secret={"key": key})

    def session(self) -> Session:
        origin = self.connector.origin(self.settings)
        return Session(authorization=self.connector.authorize(self.credentials), origin=origin)

    def read(self, data_type: str, since: datetime | None = None, **more: Any) -> Read:
        mode = ReadMode.FULL if since is None else ReadMode.INCREMENTAL
        plan = FetchPlan("tryt", data_type, mode, self.settings, since=since, **more)
        records: dict[str, dict[str, Any]] = {}
        known: set[str] = set()
        cursor, pages = None, 0
        with self.session() as http:
            while pages == 0 or cursor is not None:
                page = self.connector.fetch_page(plan, cursor, http)
                # Cursors are stored between pages, so they must survive JSON.
                cursor = msgspec.json.decode(msgspec.json.encode(page.cursor))
                for text in page.records:
                    mapped = self.connector.map_record(data_type, msgspec.json.decode(text))
                    records[mapped.source_id] = mapped.content
                known.update(page.known or ())
                pages += 1
        return Read(records, known, pages)


def link(server: Server, person: Person, **settings: str) -> Reader:
    """Ask for a key as Headrace does, and have the person approve it."""
    reader = Reader(server, "", **settings)
    with Session() as http:
        start = reader.connector.start_link(
            settings=reader.settings, client={}, state="s", redirect_uri="http://portal/", http=http
        )
        person.approve(start.pending["key"])
        reader.credentials = reader.connector.finish_link(
            settings=reader.settings,
            client={},
            pending=start.pending,
            answer={},
            redirect_uri="http://portal/",
            http=http,
        )
    return reader
