"""How a manifest says what can be written, how a body becomes the platform's, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncengine.connectors.changes import Operation
from syncengine.connectors.fields import Field, read_fields
from syncengine.connectors.manifest_files import RECORD, place
from syncengine.connectors.manifest_options import read_option
from syncengine.connectors.paths import Path
from syncengine.connectors.push_options import PushOption
from syncengine.connectors.reading import Table
from syncengine.validation.model import Member, Shape, record_shape

_METHODS = {Operation.CREATE: "POST", Operation.UPDATE: "PUT", Operation.DELETE: "DELETE", Operation.UPLOAD: "POST"}
_KEYS = {
    "create": Operation.CREATE,
    "update": Operation.UPDATE,
    "delete": Operation.DELETE,
    "upload": Operation.UPLOAD,
}
WRITE_KEYS = {operation: key for key, operation in _KEYS.items()}
_MODEL_NAMES = {"directIncomes": "DirectIncome"}  # where the standard model shares a shape


@dataclass(frozen=True, slots=True)
class Complaints:
    """Where an answer lists what is wrong (or worth a warning), and what stands in each entry.

    text:  how a message is shown: {model}, {member} and {message} are filled in.
    """

    each: Path
    path: Path | None = None
    message: Path | None = None
    text: str = "{message}"
    statuses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmodified:
    """How an update is kept from overwriting a newer copy: a header that the platform judges, or a look beforehand."""

    header: str = ""
    status: int = 412


@dataclass(frozen=True, slots=True)
class Marker:
    """A member that carries our key into the record, and the query parameter that finds it again."""

    member: tuple[str, ...]
    param: str


@dataclass(frozen=True, slots=True)
class Wire:
    """What all writes of a platform have in common.

    busy:      statuses that say: the first request with this key is still being worked on.
    refused:   statuses beyond 4xx after which surely nothing was done.
    replayed:  the header of an answer that was given before.
    """

    idempotency_header: str = ""
    replayed: str = ""
    busy: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    unmodified: Unmodified | None = None
    marker: Marker | None = None
    rejected: Complaints | None = None
    warned: Complaints | None = None


@dataclass(frozen=True, slots=True)
class WriteManifest:
    """
    id:      where the new id stands in the answer, when the record itself does not.
    reread:  ask for the record afterwards, because the answer does not hold it.
    part:    name of the part that carries an uploaded file.
    """

    method: str
    endpoint: str
    id: Path | None = None
    reread: bool = False
    part: str = ""


@dataclass(frozen=True, slots=True)
class WritesManifest:
    """
    body:      the platform's members from the standard model's.
    sent_in:   where the body is put; () when it is the whole of what is sent.
    told_in:   where the record stands in an answer.
    many:      the answer holds a list of records.
    model:     the standard model's class, as validation messages name it.
    """

    option: PushOption
    body: Mapping[str, Field]
    operations: Mapping[Operation, WriteManifest]
    wire: Wire = field(default_factory=Wire)
    sent_in: tuple[str, ...] = ()
    told_in: tuple[str, ...] = ()
    many: bool = False
    model: str = ""


def model_name(data_type: str) -> str:
    """Return the standard model's class, as validation messages name it."""
    shape = record_shape(data_type)
    return _MODEL_NAMES.get(data_type) or (shape.name if shape else data_type)


def read_wire(table: Table | None) -> Wire:
    """Return the manifest's `[writes]`."""
    if table is None:
        return Wire()
    wire = Wire(
        idempotency_header=table.text("idempotency_header"),
        replayed=table.text("replayed").lower(),
        busy=_statuses(table, "busy"),
        refused=_statuses(table, "refused"),
        unmodified=_unmodified(table.table("unmodified")),
        marker=_marker(table.table("marker")),
        rejected=_complaints(table.table("rejected"), with_statuses=True),
        warned=_complaints(table.table("warned"), with_statuses=False),
    )
    if wire.busy and not wire.idempotency_header:
        raise table.fault("busy", "needs idempotency_header")
    table.done()
    return wire


def read_writes(table: Table | None, data_type: str, endpoint: str, wire: Wire) -> WritesManifest | None:
    """Return `[types.<data type>.writes]`."""
    if table is None:
        return None
    shape = record_shape(data_type)
    batch = table.text("batch")
    fields = table.table("body")
    body = {} if fields is None else read_fields(fields, None)
    operations = {found: _operation(table, key, found, endpoint) for key, found in _KEYS.items() if table.table(key)}
    if not operations:
        raise table.fault("", "names no operation; one of create, update, delete and upload is expected")
    if not body and {Operation.CREATE, Operation.UPDATE} & operations.keys():
        raise table.fault("body", "is missing: create and update need it")
    writes = WritesManifest(
        option=read_option(table, fields, body, _within(shape, batch), batch),
        body=body,
        operations=operations,
        wire=wire,
        sent_in=table.member_path("sent_in") or (),
        told_in=table.member_path("told_in") or (),
        many=table.boolean("many", False),
        model=table.text("model", model_name(data_type)),
    )
    table.done()
    return writes


def _within(shape: Shape | None, batch: str) -> Shape | None:
    """A batch is an object with the account's id and the records as a list."""
    if not batch or shape is None:
        return shape
    return Shape(f"{shape.name}s", {"accountId": Member("text"), batch: Member("object", is_list=True, shape=shape)})


def _operation(table: Table, key: str, operation: Operation, endpoint: str) -> WriteManifest:
    inner = table.needed_table(key)
    needs = "" if operation is Operation.CREATE else RECORD
    usual = endpoint if operation is Operation.CREATE else f"{endpoint}/{{{RECORD}}}"
    found = WriteManifest(
        method=inner.choice("method", ("POST", "PUT", "PATCH", "DELETE"), _METHODS[operation]),
        endpoint=place(inner, "endpoint", endpoint, (RECORD,), needs) if "endpoint" in inner else usual,
        id=inner.path("id"),
        reread=inner.boolean("reread", False),
        part=inner.text("part", "file") if operation is Operation.UPLOAD else "",
    )
    if found.reread and found.id is None and operation is Operation.CREATE:
        raise inner.fault("reread", "needs id, which says where the new record's key stands")
    if operation is Operation.UPLOAD and found.id is None:
        raise inner.fault("id", "is missing: it says where the new file's key stands")
    inner.done()
    return found


def _statuses(table: Table, name: str) -> tuple[int, ...]:
    found = table.value(name, list) or []
    for status in found:
        if type(status) is not int or not 100 <= status <= 599:
            raise table.fault(name, f"{status!r} is not an HTTP status")
    return tuple(found)


def _unmodified(table: Table | None) -> Unmodified | None:
    if table is None:
        return None
    looks = table.boolean("look", False)
    found = Unmodified(table.text("header"), table.number("status", least=400, most=499) or 412)
    if looks == bool(found.header):
        raise table.fault("header", "exactly one of header and look = true is needed")
    table.done()
    return found


def _marker(table: Table | None) -> Marker | None:
    if table is None:
        return None
    member = table.member_path("member")
    if member is None:
        raise table.fault("member", "is missing")
    marker = Marker(member, table.needed_text("param"))
    table.done()
    return marker


def _complaints(table: Table | None, *, with_statuses: bool) -> Complaints | None:
    if table is None:
        return None
    found = Complaints(
        each=table.parsed("each", table.needed_text("each")),
        path=table.path("path"),
        message=table.path("message"),
        text=table.text("text", "{message}"),
        statuses=_statuses(table, "statuses") if with_statuses else (),
    )
    if with_statuses and not found.statuses:
        raise table.fault("statuses", "must name at least one status")
    if "{message}" not in found.text:
        raise table.fault("text", "must hold {message}")
    table.done()
    return found
