"""Which failures have one cause: where a dataset ended and who must act say what it is, and how far it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from portal.models.incident import IncidentCause
from syncengine.connectors.registry import UnknownPlatform, connector_for
from syncengine.models import Connection, Dataset, Integration
from syncengine.states import DatasetStatus, Responsible

C = IncidentCause
S = DatasetStatus
R = Responsible

# How long after the last failure another one still belongs to the same open incident, where connections share one.
FOLDS_WITHIN: dict[str, timedelta] = {
    C.OUTAGE: timedelta(hours=24),
    C.REVOKED: timedelta(hours=1),
    C.REFUSED: timedelta(hours=24),
    C.OURS: timedelta(hours=24),
}
# What comes back sooner than this after it was resolved is the same incident again.
REOPENS_WITHIN = timedelta(hours=6)
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Cause:
    """key:       equal for failures that have one cause.
    is_shared:  whether other connections can have it too.
    owner:      who must act while one company has it, and while several do.
    """

    cause: IncidentCause
    key: str
    is_shared: bool
    owner: str
    owner_of_several: str

    def owner_for(self, company_count: int) -> str:
        return self.owner_of_several if company_count >= SEVERAL else self.owner


def cause_of(dataset: Dataset) -> Cause | None:
    """Return why this dataset failed; None when it did not, or when nobody need do anything.

    `dataset.connection.integration` is read.
    """
    responsible = dataset.error_responsible
    match dataset.status:
        case S.AUTH_ERROR if responsible in (R.CUSTOMER, ""):
            return revoked(dataset.connection)
        case S.PERMISSIONS_ERROR:
            return _of_connection(C.PERMISSIONS, dataset.connection, responsible or R.CUSTOMER)
        case S.AUTH_ERROR | S.PREREQUISITE_NOT_MET:
            return _of_connection(C.SETUP, dataset.connection, responsible or R.OPERATOR)
        case S.RATE_LIMIT_ERROR | S.FETCH_ERROR:
            return _at_the_source(dataset.connection, responsible)
        case S.VALIDATION_ERROR:
            return _of_connection(C.RECORDS, dataset.connection, responsible or R.PLATFORM)
        case S.MAP_ERROR:
            return _of_integration(C.OURS, dataset.connection.integration, R.US, part=":mapping")
        case S.PROCESSING_ERROR | S.INTERNAL_ERROR:
            return Cause(C.OURS, "ours", is_shared=True, owner=R.US, owner_of_several=R.US)
    return None


def revoked(connection: Connection) -> Cause:
    """One customer's consent is the customer's; when several go at once, our own standing there is in doubt."""
    return _of_integration(C.REVOKED, connection.integration, R.CUSTOMER, several=R.OPERATOR)


def endpoint(consumer_id: str) -> Cause:
    return Cause(C.ENDPOINT, f"{C.ENDPOINT}:{consumer_id}", False, R.OPERATOR, R.OPERATOR)


def _at_the_source(connection: Connection, responsible: str) -> Cause:
    match responsible:
        case R.OPERATOR:
            return _of_integration(C.REFUSED, connection.integration, R.OPERATOR)
        case R.CUSTOMER:
            return _of_connection(C.PERMISSIONS, connection, R.CUSTOMER)
        case R.US:
            return Cause(C.OURS, "ours", is_shared=True, owner=R.US, owner_of_several=R.US)
    if _has_a_server_each(connection.integration):
        return _of_connection(C.OUTAGE, connection, R.PLATFORM)
    return _of_integration(C.OUTAGE, connection.integration, R.PLATFORM)


def _has_a_server_each(integration: Integration) -> bool:
    """Tell platforms that each customer runs at an address of their own: one that is down says nothing of another."""
    try:
        fields = connector_for(integration.key).platform.connection_fields
    except UnknownPlatform:
        return False
    return any(field.kind == "url" for field in fields)


def _of_integration(
    cause: IncidentCause, integration: Integration, owner: str, *, several: str = "", part: str = ""
) -> Cause:
    return Cause(cause, f"{cause}{part}:{integration.pk}", True, owner, several or owner)


def _of_connection(cause: IncidentCause, connection: Connection, owner: str) -> Cause:
    return Cause(cause, f"{cause}:{connection.pk}", False, owner, owner)
