"""What can be queried: properties of the wire, by their paths, and where each of them stands in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Concat

from portal.api.query_sql import DashedUuid, JsonEntry, JsonMember
from portal.models import User
from syncengine.models import Connection
from syncengine.states import DATASET_ERRORS, ConnectionStatus, DatasetStatus
from syncengine.validation.model import Member, Shape, record_shape

# Kinds. A date is a column of the database, ticks are a date inside JSON, an object can be compared with nothing.
TEXT, NUMBER, BOOLEAN, DATE, TICKS, UUID, OBJECT = "text", "number", "boolean", "date", "ticks", "uuid", "object"


@dataclass(frozen=True, slots=True)
class Property:
    """One property. `words` are those of an enumeration; a value that is one of them may be written in any case."""

    kind: str
    expression: Any = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A property of the rows of a list: a clause holds when it holds for any of them, `!=` when `=` holds for none.

    link:  the field of those rows that names the row the list belongs to.
    """

    rows: Callable[[], QuerySet[Any]]
    link: str
    member: Property


type Found = Property | AnyOf | None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose rows may be queried by the properties of their own type."""

    rows: Callable[[], QuerySet[Any]]
    link: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Fields:
    """The properties of one type of the wire.

    type_name:    how a refusal calls the type.
    members:      path in camelCase → property; what a client sends is compared without regard to case.
    lists:        member → list of other rows.
    free:         member whose own members somebody chose freely → how to read one.
    natural:      the property that rows are listed by when nobody orders them otherwise.
    tie_breaker:  what equal rows are ordered by.
    """

    type_name: str
    members: Mapping[str, Property]
    lists: Mapping[str, ListOf] = field(default_factory=dict)
    free: Mapping[str, Callable[[str], Property]] = field(default_factory=dict)
    natural: str = ""
    tie_breaker: str = "pk"
    _by_lower: dict[str, Property] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_lower.update({path.lower(): member for path, member in self.members.items()})

    def find(self, path: tuple[str, ...]) -> Found:
        """Return the property at this path, or None when there is none that can be queried."""
        known = self._by_lower.get(".".join(path).lower())
        if known is not None or len(path) < 2:
            return known
        head, rest = path[0].lower(), path[1:]
        for name, own in self.free.items():
            if name.lower() == head:
                return own(".".join(rest))
        for name, listed in self.lists.items():
            if name.lower() == head:
                member = listed.fields.find(rest)
                return AnyOf(listed.rows, listed.link, member) if isinstance(member, Property) else None
        return None


def tag(key: str) -> Property:
    """Return the tag of a company under this key."""
    return Property(TEXT, JsonEntry("tags", key))


def _connections() -> QuerySet[Connection]:
    return Connection.objects.filter(deleted_at=None)


def _last_sync() -> Subquery:
    own = _connections().filter(company=OuterRef("pk")).order_by().values("company")
    return Subquery(own.annotate(last=Max("last_sync_at")).values("last"))


def _created_by() -> Subquery:
    """The user's name, or their address while they have none; nothing for an actor that is no user."""
    actor = Concat(Value("user:"), DashedUuid(F("id")), output_field=TextField())
    shown = Case(When(name="", then=F("email")), default=F("name"))
    users = User.objects.annotate(actor=actor, shown=shown).filter(actor=OuterRef("created_by"))
    return Subquery(users.values("shown")[:1])


CONNECTION = Fields(
    "Connection",
    {
        "id": Property(UUID, F("id")),
        "integrationId": Property(UUID, F("integration_id")),
        "integrationKey": Property(TEXT, F("integration__key")),
        "sourceId": Property(UUID, F("source_id")),
        "sourceType": Property(TEXT, F("integration__source_type")),
        "platformName": Property(TEXT, F("integration__name")),
        "status": Property(TEXT, F("status"), tuple(ConnectionStatus.values)),
        "created": Property(DATE, F("created_at")),
        "lastSync": Property(DATE, F("last_sync_at")),
    },
)
COMPANY = Fields(
    "Company",
    {
        "id": Property(UUID, F("id")),
        "name": Property(TEXT, F("name")),
        "description": Property(TEXT, F("description")),
        "platform": Property(TEXT, Value("")),
        "created": Property(DATE, F("created_at")),
        "createdByUserName": Property(TEXT, _created_by()),
        "lastSync": Property(DATE, _last_sync()),
    },
    lists={"dataConnections": ListOf(_connections, "company", CONNECTION)},
    free={"tags": tag},
)
INTEGRATION = Fields(
    "Integration",
    {
        "key": Property(TEXT, F("key")),
        "name": Property(TEXT, F("name")),
        "enabled": Property(BOOLEAN, F("enabled")),
        "sourceId": Property(UUID, F("source_id")),
        "sourceType": Property(TEXT, F("source_type")),
        "integrationId": Property(UUID, F("id")),
        "isOfflineConnector": Property(BOOLEAN, F("is_offline")),
        # No platform here is.
        "isBeta": Property(BOOLEAN, Value(False, BooleanField())),
    },
)
# `isCompleted` is not queryable by contract; `progress` is worked out and no column.
PULL_OPERATION = Fields(
    "PullOperation",
    {
        "id": Property(UUID, F("id")),
        "companyId": Property(UUID, F("company_id")),
        "connectionId": Property(UUID, F("connection_id")),
        "dataType": Property(TEXT, F("data_type")),
        "status": Property(TEXT, F("status"), tuple(DatasetStatus.values)),
        "statusDescription": Property(TEXT, F("status_description")),
        "errorMessage": Property(TEXT, F("error_message")),
        "requested": Property(DATE, F("requested_at")),
        "completed": Property(DATE, F("completed_at")),
        "isErrored": Property(
            BOOLEAN, ExpressionWrapper(Q(status__in=sorted(DATASET_ERRORS)), output_field=BooleanField())
        ),
    },
)

# --- records --------------------------------------------------------------------------------------------------------

# How a refusal calls a record of these types; the others are called as the standard model calls their shape.
_TYPE_NAMES = {"directIncomes": "DirectIncome", "itemReceipts": "ItemReceipt"}
_KINDS = {"text": TEXT, "word": TEXT, "decimal": NUMBER, "integer": NUMBER, "boolean": BOOLEAN, "date": TICKS}
_JSON_KINDS = {TEXT: "text", NUMBER: "number", BOOLEAN: "boolean", TICKS: "date"}
_COLUMNS = {
    "id": Property(TEXT, F("source_id")),
    "modifiedDate": Property(DATE, F("modified_at")),
    "sourceModifiedDate": Property(DATE, F("source_modified_at")),
    "metadata.isDeleted": Property(BOOLEAN, F("is_deleted")),
}


@cache
def record_fields(data_type: str) -> Fields:
    """Return what can be queried of the records of this type: its columns, and every plain value of the standard model
    that stands in no list.
    """
    shape = record_shape(data_type)
    members = dict(_members(shape)) if shape else {}
    has_id = shape is None or "id" in shape.members
    columns = {path: column for path, column in _COLUMNS.items() if has_id or path != "id"}
    name = _TYPE_NAMES.get(data_type) or (shape.name if shape else "CustomDataRecord")
    return Fields(name, members | columns, natural="id", tie_breaker="source_id")


def _members(shape: Shape, above: tuple[str, ...] = ()) -> list[tuple[str, Property]]:
    found: list[tuple[str, Property]] = []
    for name, member in shape.members.items():
        if not member.is_list and member.kind != "any":
            found += _member((*above, name), member)
    return found


def _member(path: tuple[str, ...], member: Member) -> list[tuple[str, Property]]:
    if member.shape is not None:
        return [(".".join(path), Property(OBJECT)), *_members(member.shape, path)]
    kind = _KINDS[member.kind]
    return [(".".join(path), Property(kind, JsonMember("content", path, _JSON_KINDS[kind]), member.words))]
