"""Any endpoint of a platform, read as it answers and without a data type of ours: what custom data types stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from syncengine.connectors.wire import Envelope

if TYPE_CHECKING:
    from syncengine.connectors.base import Cursor, FetchPlan, Http, HttpAnswer

type Json = Any


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the records stand in an answer.

    kind:  `list` (the answer is the list), `member` (a list in it) or `single` (the answer is one record).
    """

    kind: str
    member: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """One page.

    envelope:  its records, undecoded.
    cursor:    where the next page starts, JSON-able; None at the end.
    known:     as in `base.Page`; an endpoint names keys only where the platform's own id is the key.
    """

    envelope: Envelope
    cursor: dict[str, Json] | None
    total: int | None = None
    warnings: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is kept of an endpoint's records, for platforms that must be told.

    members:  the names that lead to each value, outermost first, lists passed through.
    key:      those of the one member that is the whole key; () when a key is made of several, or of a list's.
    """

    members: tuple[tuple[str, ...], ...] = ()
    key: tuple[str, ...] = ()


class Endpoint(Protocol):
    """
    path:              as the data source writes it, for messages.
    name:              its last step, by which an answer often names its list.
    zone:              the zone of dates that are written without one.
    asks_for_changes:  whether the platform can be asked for what changed alone.
    """

    @property
    def path(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def zone(self) -> str: ...

    @property
    def asks_for_changes(self) -> bool: ...

    def ask(self, plan: FetchPlan, cursor: Cursor | None, http: Http, *, changes: bool) -> HttpAnswer:
        """Request one page, of what changed since `plan.since` when `changes` says so and the plan is incremental.

        Raises: ConnectorError subclasses.
        """
        ...

    def open(self, answer: HttpAnswer, layout: Layout, plan: FetchPlan, cursor: Cursor | None) -> Opened:
        """Return the records of an answer and where the next page starts. Raises: BadAnswer."""
        ...

    def is_tombstone(self, record: Json) -> bool:
        """Return whether this record is how the platform tells of a deleted one."""
        ...
