"""The models of writes, by connection, since a platform may have been customised (codat contract, section 13.1)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest, HttpResponse

from portal.api.data_paths import RecordId
from portal.api.errors import WireError, platform_error
from portal.api.lookups import connection_for
from portal.api.schema import CompanyId, ConnectionId, WireRouter, wire_response
from pushops.api.described import PushOptionOut, PushOptionsOut
from pushops.api.paths import BANK_TRANSACTIONS, CONNECTION, Writable, model_type
from pushops.queries.push_models import platform_of, push_model, support_for
from syncengine.connectors.changes import Operation
from syncengine.exceptions import ConnectorError
from syncengine.models import Connection

router = WireRouter(tag="Push data")

_OPTIONS = CONNECTION + "/options/"
_FORMER = CONNECTION + "/dataTypes/{data_type}/options"
_WITH_MODEL = (Operation.CREATE, Operation.UPDATE)


@router.operation("GET", _OPTIONS + "{data_type}", "push.read", response=PushOptionOut, speaks_to_platform=True)
def get_push_options(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, data_type: Writable
) -> HttpResponse:
    """Get the model that creates and updates of a data type must fit over this connection."""
    connection = connection_for(request, company_id, connection_id)
    return wire_response(_model(connection, model_type(data_type), *_WITH_MODEL))


@router.operation(
    "GET",
    _OPTIONS + "bankAccounts/{account_id}/bankTransactions",
    "push.read",
    response=PushOptionOut,
    speaks_to_platform=True,
)
def get_bank_transactions_push_options(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, account_id: RecordId
) -> HttpResponse:
    """Get the model that new transactions of a bank account must fit; it is the same for each account."""
    connection = connection_for(request, company_id, connection_id)
    return wire_response(_model(connection, BANK_TRANSACTIONS, Operation.CREATE))


@router.operation("GET", _FORMER, "push.read", response=PushOptionsOut, speaks_to_platform=True)
def get_push_options_of_both(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, data_type: Writable
) -> HttpResponse:
    """Get the models of creating and of updating, at their former place."""
    connection = connection_for(request, company_id, connection_id)
    key = model_type(data_type)
    model = _model(connection, key, *_WITH_MODEL)
    sides = {"post": Operation.CREATE, "put": Operation.UPDATE}
    return wire_response({side: model if support_for(connection, key, one) else None for side, one in sides.items()})


@router.operation("GET", _FORMER + "/POST", "push.read", response=PushOptionOut, speaks_to_platform=True)
def get_create_push_options(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, data_type: Writable
) -> HttpResponse:
    """Get the model of creating, at its former place."""
    connection = connection_for(request, company_id, connection_id)
    return wire_response(_model(connection, model_type(data_type), Operation.CREATE))


@router.operation("GET", _FORMER + "/PUT", "push.read", response=PushOptionOut, speaks_to_platform=True)
def get_update_push_options(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, data_type: Writable
) -> HttpResponse:
    """Get the model of updating, at its former place."""
    connection = connection_for(request, company_id, connection_id)
    return wire_response(_model(connection, model_type(data_type), Operation.UPDATE))


def _model(connection: Connection, data_type: str, *operations: Operation) -> dict[str, object]:
    """Return the model where the platform takes one of these operations. Raises: WireError."""
    if not any(support_for(connection, data_type, operation) for operation in operations):
        name = platform_of(connection).name
        raise WireError(404, f"Datatype {data_type} not supported by platform(s) {name}")
    with _told(connection):
        return push_model(connection, data_type).as_wire()


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    try:
        yield
    except ConnectorError as error:
        raise platform_error(error, connection.integration.name) from error
