"""A platform in a dict, as a connector: it shows and takes customers, and lets others act at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

from syncengine.connectors.base import Credentials, FetchPlan, MappedRecord, Page, PushReceipt, Written
from syncengine.connectors.changes import Change, Operation, WriteSupport
from syncengine.connectors.platforms import Platform, TypeSupport
from syncengine.connectors.push_options import PushOption
from syncengine.exceptions import SourceRefused
from syncengine.states import ReadMode

PAGE = 4
TYPE = "customers"


@dataclass
class Kept:
    """by: who wrote it last, "push" or "stranger"."""

    name: str
    at: datetime
    by: str
    is_deleted: bool = False


@dataclass
class SmallPlatform:
    """
    stamped:  it says when a record was changed.
    step:     called before and after everything it does.
    """

    stamped: bool = True
    step: Callable[[], None] = lambda: None
    kept: dict[str, Kept] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def platform(self) -> Platform:
        writes = tuple(WriteSupport(operation) for operation in Operation if operation != Operation.UPLOAD)
        support = TypeSupport(TYPE, "/customers", incremental=self.stamped, reports_deletions=True, writes=writes)
        return Platform("mqjo", "Small", "Accounting", "none", {TYPE: support})

    def write(self, key: str, by: str, *, is_deleted: bool = False) -> None:
        self.kept[key] = Kept(f"{key} {next(self.numbers)} by {by}", datetime.now(UTC), by, is_deleted)

    # --- the connector

    def authorize(self, credentials: Credentials) -> Mapping[str, str]:
        return {}

    def origin(self, settings: Mapping[str, Any]) -> str:
        return "http://127.0.0.1:1"

    def fetch_page(self, plan: FetchPlan, cursor: Mapping[str, Any] | None, http: Any) -> Page:
        self.step()
        start = cursor["start"] if cursor else ""
        keys = sorted(key for key in self.kept if key > start and self._is_wanted(plan, key))
        page = [self._raw(key) for key in keys[:PAGE]]
        self.step()
        return Page(page, {"start": keys[PAGE - 1]} if len(keys) > PAGE else None)

    def key_of(self, data_type: str, raw: Any) -> str:
        return str(raw["id"])

    def map_record(self, data_type: str, raw: Any) -> MappedRecord:
        at = datetime.fromisoformat(raw["at"]) if "at" in raw else None
        return MappedRecord(
            raw["id"], {"id": raw["id"], "customerName": raw["name"], "status": "Active"}, at, raw["gone"]
        )

    def options(self, data_type: str, **_: Any) -> PushOption:
        name = PushOption("String", "Name", required=True)
        return PushOption("Object", "Customer", required=True, properties={"customerName": name})

    def push(self, change: Change, *, idempotency_key: str, http: Any) -> PushReceipt:
        self.step()
        key = change.record_id or f"a{next(self.numbers):04}"
        found = self.kept.get(key)
        if change.operation != Operation.CREATE and (found is None or found.is_deleted):
            raise SourceRefused("There is no such record.", status_code=404)
        self.write(key, "push", is_deleted=change.operation == Operation.DELETE)
        raw = self._raw(key)
        self.step()
        if change.operation == Operation.DELETE:
            return PushReceipt((Written(key),))
        return PushReceipt((Written(key, raw, self.map_record(TYPE, msgspec.json.decode(raw))),))

    def _is_wanted(self, plan: FetchPlan, key: str) -> bool:
        kept = self.kept[key]
        if plan.mode == ReadMode.FULL:
            return not kept.is_deleted
        return plan.since is None or kept.at >= plan.since

    def _raw(self, key: str) -> bytes:
        kept = self.kept[key]
        stamp = {"at": kept.at.isoformat()} if self.stamped else {}
        return msgspec.json.encode({"id": key, "name": kept.name, "gone": kept.is_deleted, **stamp})
