"""Everything the engine refuses or fails with, by name. Each carries plain words for the person who reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncengine.states import DatasetStatus, Responsible

if TYPE_CHECKING:
    from syncengine.models import Connection, Dataset


class SyncEngineError(Exception):
    """Base of all errors the engine raises on purpose."""


class Refused(SyncEngineError):
    """An action was refused; nothing changed. `field` names the input at fault, when there is one."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class UnknownDataType(Refused):
    def __init__(self, data_type: str) -> None:
        super().__init__(f"{data_type} is not a data type.", field="data_type")
        self.data_type = data_type


class NotLinked(Refused):
    def __init__(self, connection: Connection) -> None:
        super().__init__(f"Data connection {connection.pk} is {connection.status}; only a Linked one can be read.")
        self.connection = connection


class DatasetInProgress(Refused):
    """The contract's DatasetAlreadyInProgressException, naming the dataset that runs."""

    def __init__(self, running: Dataset) -> None:
        super().__init__(
            f"Cannot queue {running.data_type} sync for {running.company_id} "
            f"as previous sync {running.pk} is still in progress"
        )
        self.dataset = running


class StaleState(SyncEngineError):
    """The row moved under us: its state was no longer the one we read."""

    def __init__(self, row: Any, wanted: str) -> None:
        super().__init__(f"{type(row).__name__} {row.pk} is no longer {row.status}, so it cannot become {wanted}.")
        self.row = row
        self.wanted = wanted


class IllegalMove(SyncEngineError):
    def __init__(self, row: Any, wanted: str) -> None:
        super().__init__(f"{type(row).__name__} {row.pk} may not go from {row.status} to {wanted}.")


class LeaseLost(SyncEngineError):
    """Another worker holds the dataset now; this one must stop and write nothing more."""


class ManifestError(SyncEngineError):
    """A platform's manifest does not hold; says which file and which key."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}")
        self.file, self.key, self.problem = file, key, problem


class DatasetError(SyncEngineError):
    """A read failed. The class says how the dataset ends, the instance says why.

    headline:  one plain sentence for an operator.
    upstream:  the platform's own words, verbatim (cut to 4,000 characters), or "".
    """

    ends_as: DatasetStatus = DatasetStatus.INTERNAL_ERROR
    responsible: Responsible = Responsible.US

    def __init__(
        self,
        headline: str,
        *,
        upstream: str = "",
        status_code: int | None = None,
        responsible: Responsible | None = None,
    ) -> None:
        super().__init__(headline)
        self.headline = headline
        self.upstream = upstream[:4000]
        self.status_code = status_code
        if responsible is not None:
            self.responsible = responsible


class ConnectorError(DatasetError):
    """Raised by connectors and the outbound client, never anything else.

    sent:  whether a byte of the request may have left; False only where that is certain.
    """

    ends_as = DatasetStatus.FETCH_ERROR
    responsible = Responsible.PLATFORM
    sent: bool = True


class AuthExpired(ConnectorError):
    """The platform no longer accepts our authorisation (401 after one refresh, or `invalid_grant`)."""

    ends_as = DatasetStatus.AUTH_ERROR
    responsible = Responsible.CUSTOMER


class PermissionMissing(ConnectorError):
    """The platform knows us but refuses this data (403)."""

    ends_as = DatasetStatus.PERMISSIONS_ERROR
    responsible = Responsible.CUSTOMER


class RateLimited(ConnectorError):
    """The platform, or our shared budget for it, asks us to wait. `retry_after` is in seconds."""

    ends_as = DatasetStatus.RATE_LIMIT_ERROR

    def __init__(
        self, headline: str, *, retry_after: float, upstream: str = "", status_code: int | None = None
    ) -> None:
        super().__init__(headline, upstream=upstream, status_code=status_code)
        self.retry_after = retry_after


class SourceUnavailable(ConnectorError):
    """A fault that may pass by itself: 5xx, time-out, cut connection. Worth another try."""

    def __init__(
        self, headline: str, *, retry_after: float | None = None, upstream: str = "", status_code: int | None = None
    ) -> None:
        super().__init__(headline, upstream=upstream, status_code=status_code)
        self.retry_after = retry_after


class ConnectorMissing(SourceUnavailable):
    """No connector process is there to make requests of an offline integration; nothing left. It may wait for one."""

    responsible = Responsible.CUSTOMER


class SourceRefused(ConnectorError):
    """The platform refuses the request itself (400, 404, 410, 422): asking again the same way cannot help."""

    responsible = Responsible.OPERATOR


class BadAnswer(ConnectorError):
    """The platform answered something that is not what it documents: not JSON, too large, endless, too deep."""


class AddressRefused(ConnectorError):
    """The outbound client will not connect there (private, loopback, metadata, odd port or scheme)."""

    responsible = Responsible.OPERATOR


class NotSupported(ConnectorError):
    ends_as = DatasetStatus.NOT_SUPPORTED
    responsible = Responsible.NOBODY


class PrerequisiteMissing(ConnectorError):
    """Something else must be done first: another data type read, a setting filled in."""

    ends_as = DatasetStatus.PREREQUISITE_NOT_MET
    responsible = Responsible.OPERATOR


@dataclass(frozen=True, slots=True)
class PushIssue:
    """What is wrong with one member of a write.

    item_id:         the member's path in PascalCase: `NominalCode`, `PaymentAllocations[0].Allocation.Currency`; "" for
                     the whole record.
    validator_name:  the standard model's class: `Account`.
    """

    item_id: str
    message: str
    validator_name: str = ""


class PushRejected(ConnectorError):
    """The write was refused for what it holds; nothing was written."""

    responsible = Responsible.OPERATOR

    def __init__(
        self,
        issues: Sequence[PushIssue],
        headline: str = "The platform refused the record.",
        *,
        upstream: str = "",
        status_code: int | None = None,
    ) -> None:
        super().__init__(headline, upstream=upstream, status_code=status_code)
        self.issues = tuple(issues)


class SourceChanged(ConnectorError):
    """The platform's copy is newer than the one the change was made on; nothing was written."""

    responsible = Responsible.OPERATOR


class OutcomeUnknown(ConnectorError):
    """The write was sent, and whether the platform did it is not known. It must not be sent again blindly."""

    responsible = Responsible.OPERATOR


class MappingFailed(DatasetError):
    ends_as = DatasetStatus.MAP_ERROR


class ValidationFailed(DatasetError):
    ends_as = DatasetStatus.VALIDATION_ERROR
    responsible = Responsible.PLATFORM


class ProcessingFailed(DatasetError):
    ends_as = DatasetStatus.PROCESSING_ERROR


class WorkerLost(DatasetError):
    """The workers that held this dataset kept dying."""
