"""The switches that make this platform misbehave, and who is hit by which."""

from __future__ import annotations

from threading import Lock
from typing import Any

import msgspec

FAULTS: dict[str, str] = {
    "unauthorized": "401, as if the access token had ended",
    "forbidden": "403 for the data asked for",
    "error": "a 5xx answer: `status`, default 500",
    "unavailable": "503 with Retry-After: `retry_after` seconds, default 1",
    "too-many": "429 with Retry-After: `retry_after` seconds, default 1",
    "invalid-grant": "the token endpoint answers invalid_grant (type oauth-token)",
    "hang": "`seconds` without a first byte, default 30",
    "drip": "the body in pieces of `bytes` (default 64) with `seconds` between (default 0.2)",
    "cut": "the connection ends after `bytes` of the body; default half of it",
    "wrong-sums": "the first `records` records (default 3) have a total that is 1 too high",
    "broken-json": "the body stops in the middle, with a fitting Content-Length",
    "html": "an HTML page with status 200",
    "endless": "pages go on for ever, each with new records",
    "repeat-page": "the first page again and again, always with the same cursor",
    "huge-body": "a body of `mib` MiB, default 65",
    "gzip-bomb": "a small gzip body that unpacks to `mib` MiB, default 65",
    "nan": "NaN for an amount in the first record",
    "nul": "a NUL character in a text of the first record",
    "surrogate": "half a surrogate pair in a text of the first record",
    "nesting": "`depth` lists in each other, default 100000, in the first record",
    "wrong-amount": 'the text "abc" for an amount in the first record',
    "wrong-date": "/Date(1573755038314+0000)/ for a date in the first record",
    "no-id": "the first record has no id",
    "twice": "the first record comes twice on the page",
    "not-a-list": "an object where the list of records belongs",
    "redirect": "302 to `location`, default another host",
    "stall": "a write waits `seconds`, default 30, before it is done",
    "reset-before": "the connection is reset before a write is done",
    "reset-after": "a write is done, then the connection is reset without an answer",
    "error-after": "a write is done, then a 5xx answer: `status`, default 500",
}
OF_WRITES = frozenset({"stall", "reset-before", "reset-after", "error-after"})


class Fault(msgspec.Struct):
    """One switch that is on.

    business, type, grant: whom it hits; None is everybody. `type` is a record type, a report or "oauth-token".
    method: GET, POST, PUT or DELETE; None is any, of the switches for writes any but GET.
    skip:   requests to let pass first.
    times:  requests still to hit; None until it is cleared.
    """

    fault: str
    business: str | None = None
    type: str | None = None
    grant: str | None = None
    method: str | None = None
    skip: int = 0
    times: int | None = None
    seconds: float | None = None
    status: int = 500
    retry_after: int = 1
    bytes: int | None = None
    records: int = 3
    mib: int = 65
    depth: int = 100_000
    location: str = "http://169.254.169.254/latest/meta-data/"
    id: int = 0

    def hits(self, business: str | None, kind: str, grant: str | None, method: str) -> bool:
        return (
            (self.method == method if self.method else method != "GET" or self.fault not in OF_WRITES)
            and self.business in (None, business)
            and (self.type == kind or (self.type is None and kind != "oauth-token"))
            and self.grant in (None, grant)
        )


class BadFault(ValueError):
    """A switch that cannot be set as asked."""


class Switchboard:
    def __init__(self) -> None:
        self._lock = Lock()
        self._active: list[Fault] = []
        self._last_id = 0

    def switch_on(self, wanted: Any) -> Fault:
        """Raises: BadFault."""
        try:
            fault = msgspec.convert(wanted, Fault)
        except msgspec.ValidationError as error:
            raise BadFault(str(error)) from None
        unknown = set(wanted) - set(Fault.__struct_fields__)
        if fault.fault not in FAULTS or unknown:
            raise BadFault(f"Not known: {', '.join(sorted(unknown)) or fault.fault}.")
        with self._lock:
            self._last_id += 1
            fault.id = self._last_id
            self._active.append(fault)
        return fault

    def active(self) -> list[Fault]:
        with self._lock:
            return list(self._active)

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._active = [] if fault_id is None else [fault for fault in self._active if fault.id != fault_id]

    def take(self, business: str | None, kind: str, grant: str | None, method: str) -> list[Fault]:
        """The faults that hit this request, each counted down."""
        with self._lock:
            hits = [fault for fault in self._active if fault.hits(business, kind, grant, method) and _is_due(fault)]
            self._active = [fault for fault in self._active if fault.times != 0]
            return hits


def _is_due(fault: Fault) -> bool:
    if fault.skip > 0:
        fault.skip -= 1
        return False
    if fault.times is not None:
        fault.times -= 1
    return True
