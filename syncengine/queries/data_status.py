"""Where each data type of a company stands: the company's grid, its version for polling, and the wire's dataStatus."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from syncengine.connectors import registry
from syncengine.datatypes import DATA_TYPES, RELATED_TYPES
from syncengine.models import Company, Connection, Dataset, DataStatus
from syncengine.states import DATASET_ACTIVE, DATASET_ERRORS, DatasetStatus

# Two related types are out of step when their last good reads fall on different days (UTC) and are further apart than
# this, so that one refresh that runs across midnight is not marked.
IN_STEP = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class GridRow:
    """One data type of one connection.

    dataset:   the latest one, running or ended; None when it was never read. Its counts and status are what to show.
    mismatch:  a plain sentence when the last good read of related types was on another day, else "".
    """

    connection: Connection
    data_type: str
    label: str
    source_type: str
    dataset: Dataset | None
    last_successful_sync_at: datetime | None
    latest_successful_dataset_id: UUID | None
    record_count: int
    next_sync_at: datetime | None
    mismatch: str

    @property
    def status(self) -> str:
        """The latest dataset's status, "" when there was none."""
        return self.dataset.status if self.dataset else ""

    @property
    def latest_dataset_id(self) -> UUID | None:
        return self.dataset.pk if self.dataset else None

    @property
    def is_active(self) -> bool:
        return self.status in DATASET_ACTIVE

    @property
    def is_errored(self) -> bool:
        return self.status in DATASET_ERRORS


@dataclass(frozen=True, slots=True)
class TypeStatus:
    """The wire's dataStatus of one type; None stands for a member that is absent (codat contract, section 9).

    Never read: only `data_type`. First read failed or running: status and latest id too. Failed after a good one: all,
    the two ids differ. Good: all, the ids are equal.
    """

    data_type: str
    last_successful_sync_at: datetime | None = None
    current_status: str | None = None
    latest_dataset_id: UUID | None = None
    latest_successful_dataset_id: UUID | None = None


def company_grid(company: Company) -> list[GridRow]:
    """Return a row for each connection and data type its platform supports; two queries.

    Order:  connections by age, data types by label. Types that were read once but are no longer supported stay.
    """
    connections = _connections(company)
    statuses = _statuses(connections)
    rows: list[GridRow] = []
    for connection in connections:
        own = statuses.get(connection.pk, {})
        rows += [_grid_row(connection, key, own) for key in _types_of(connection, own)]
    return rows


def grid_version(company: Company) -> str:
    """Return a short token that changes when anything the grid shows changes; two queries."""
    digest = hashlib.blake2b(digest_size=12)
    for connection in _connections(company).values_list("pk", "status", "integration__key"):
        digest.update(repr(connection).encode())
    for status in _latest_first(company).values_list(
        "pk",
        "last_successful_sync_at",
        "next_sync_at",
        "record_count",
        "latest_dataset_id",
        *(f"latest_dataset__{column}" for column in _MOVING),
    ):
        digest.update(repr(status).encode())
    return digest.hexdigest()


def data_status(company: Company) -> dict[str, TypeStatus]:
    """Return the state of each type that a connection of the company supports or was read from, by key; two queries.

    With several connections it tells of the one whose dataset was asked for last.
    """
    connections = _connections(company)
    statuses = _statuses(connections)
    found: dict[str, TypeStatus] = {}
    asked: dict[str, datetime] = {}
    for connection in connections:
        own = statuses.get(connection.pk, {})
        for key in _types_of(connection, own):
            found.setdefault(key, TypeStatus(key))
            latest = own[key].latest_dataset if key in own else None
            if latest is not None and (key not in asked or latest.requested_at > asked[key]):
                asked[key] = latest.requested_at
                found[key] = _type_status(own[key], latest)
    return found


_MOVING = (
    "status",
    "status_description",
    "wake_at",
    "cancel_requested_at",
    "source_total",
    "fetched_count",
    "mapped_count",
    "validated_count",
    "processed_count",
    "invalid_count",
    "completed_at",
)


def _connections(company: Company) -> QuerySet[Connection]:
    return company.connections.filter(deleted_at=None).select_related("integration").order_by("created_at", "id")


def _latest_first(company: Company) -> QuerySet[DataStatus]:
    return DataStatus.objects.filter(connection__company=company, connection__deleted_at=None).order_by("pk")


def _statuses(connections: Iterable[Connection]) -> dict[UUID, dict[str, DataStatus]]:
    found: dict[UUID, dict[str, DataStatus]] = {}
    ids = [connection.pk for connection in connections]
    for status in DataStatus.objects.filter(connection__in=ids).select_related("latest_dataset"):
        found.setdefault(status.connection_id, {})[status.data_type] = status
    return found


def _types_of(connection: Connection, read: Mapping[str, DataStatus]) -> Sequence[str]:
    platform = registry.platforms().get(connection.integration.key)
    supported = set(platform.types) if platform else set()
    return sorted(supported | set(read), key=lambda key: (label_of(key).lower(), key))


def label_of(data_type: str) -> str:
    """Return the catalogue's label, or the key itself for a type outside it (`custom/expenses`)."""
    known = DATA_TYPES.get(data_type)
    return known.label if known else data_type


def _grid_row(connection: Connection, key: str, statuses: Mapping[str, DataStatus]) -> GridRow:
    status = statuses.get(key)
    known = DATA_TYPES.get(key)
    return GridRow(
        connection=connection,
        data_type=key,
        label=label_of(key),
        source_type=known.source_type if known else "Custom",
        dataset=status.latest_dataset if status else None,
        last_successful_sync_at=status.last_successful_sync_at if status else None,
        latest_successful_dataset_id=status.latest_successful_dataset_id if status else None,
        record_count=status.record_count if status else 0,
        next_sync_at=status.next_sync_at if status else None,
        mismatch=_mismatch(key, {k: s.last_successful_sync_at for k, s in statuses.items()}),
    )


def _mismatch(key: str, synced: Mapping[str, datetime | None]) -> str:
    """Name the related types of the same connection whose last good read is of another day."""
    own = synced.get(key)
    if own is None:
        return ""
    related = {other for group in RELATED_TYPES if key in group for other in group if other != key}
    apart = [
        (other, at) for other in sorted(related, key=label_of) if (at := synced.get(other)) and _out_of_step(own, at)
    ]
    if not apart:
        return ""
    others = ", ".join(f"{label_of(other)} on {_when(at)}" for other, at in apart)
    return (
        f"The last good read of {label_of(key)} was on {_when(own)}, that of related data on another day: {others}. "
        "Figures that use them together may not add up."
    )


def _out_of_step(one: datetime, other: datetime) -> bool:
    return one.astimezone(UTC).date() != other.astimezone(UTC).date() and abs(one - other) > IN_STEP


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %b %Y %H:%M} UTC"


def _type_status(status: DataStatus, latest: Dataset) -> TypeStatus:
    complete = latest.status == DatasetStatus.COMPLETE
    return TypeStatus(
        data_type=status.data_type,
        last_successful_sync_at=status.last_successful_sync_at,
        current_status=latest.status,
        latest_dataset_id=latest.pk,
        latest_successful_dataset_id=latest.pk if complete else status.latest_successful_dataset_id,
    )
