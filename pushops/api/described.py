"""What the API's description says of writes: the bodies, with the contract's own account as example."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from portal.api.lists import PageOut
from portal.api.schema import Wire
from pushops.actions.pushing import MOST_MINUTES
from pushops.states import PushStatus

_COMPANY = "8a210b68-6988-11ed-a1eb-0242ac120002"
_CONNECTION = "2e9d2c44-f675-40ba-8049-353bfcb5e171"
_KEY = "8e42e5f6-c596-4ddf-a5e4-fdc9977f5a99"
_ACCOUNT = {"nominalCode": "4200123456", "name": "Codat Assets Account", "fullyQualifiedCategory": "Asset.Current"}
_RECORD = "fdeaba98-6f74-4b03-9a67-3708ea442417"

_OPERATION: dict[str, Any] = {
    "changes": [{"type": "Created", "recordRef": {"id": _RECORD, "dataType": "chartOfAccounts"}}],
    "dataType": "chartOfAccounts",
    "companyId": _COMPANY,
    "pushOperationKey": _KEY,
    "dataConnectionKey": _CONNECTION,
    "requestedOnUtc": "2026-11-20T09:15:00.923536Z",
    "completedOnUtc": "2026-11-20T09:15:01.481519Z",
    "status": "Success",
    "validation": {"errors": [], "warnings": []},
    "statusCode": 200,
}
_DATA: dict[str, Any] = {
    "id": _RECORD,
    **_ACCOUNT,
    "type": "Unknown",
    "status": "Unknown",
    "isBankAccount": False,
    "modifiedDate": "2026-11-20T09:15:01.460477Z",
    "validDatatypeLinks": [],
}
_DELETED: dict[str, Any] = {
    **_OPERATION,
    "changes": [{"type": "Deleted", "recordRef": {"id": _RECORD, "dataType": "chartOfAccounts"}}],
}
_UPLOADED: dict[str, Any] = {
    **_OPERATION,
    "changes": [
        {"type": "AttachmentUploaded", "recordRef": {"id": "bil-117", "dataType": "bills"}, "attachmentId": "fil-9"}
    ],
    "dataType": "bills",
}
_MODEL: dict[str, Any] = {
    "type": "Object",
    "displayName": "Nominal Account",
    "description": "Nominal Accounts are the categories a business uses to record transactions",
    "properties": {
        "nominalCode": {
            "type": "String",
            "displayName": "Nominal Code",
            "description": "Identifier for the nominal account.",
            "required": True,
            "validation": {
                "warnings": [{"field": "NominalCode", "details": "Max length of 10 characters."}],
                "information": [],
            },
        },
        "fullyQualifiedCategory": {
            "type": "String",
            "displayName": "Fully Qualified Category",
            "description": "Account type and category for nominal account.",
            "options": [
                {"value": "Asset.Current", "type": "String", "displayName": "Current Asset", "required": False}
            ],
            "required": True,
        },
    },
    "required": True,
}

type OptionType = Literal["Array", "Object", "String", "Number", "Boolean", "DateTime", "File", "MultiPart"]


class CreateQuery(Wire):
    timeout_in_minutes: int | None = Field(
        default=None,
        ge=1,
        le=MOST_MINUTES,
        description="Minutes after which it is TimedOut. The platform may do it even then.",
    )
    allow_sync_on_push_complete: bool = Field(default=True, description="Whether a read of the data type may follow.")


class UpdateQuery(CreateQuery):
    force_update: bool = Field(
        default=False, description="Write even where the platform's copy is newer than the one read."
    )


class OptionNoteOut(Wire):
    field: str
    details: str


class OptionNotesOut(Wire):
    warnings: list[OptionNoteOut] | None = None
    information: list[OptionNoteOut] | None = None


class OptionChoiceOut(Wire):
    value: str
    type: OptionType
    display_name: str
    description: str | None = None
    required: bool


class PushOptionOut(Wire):
    """What a member may hold. `properties` are those of an object, or of each element of a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MODEL]})

    type: OptionType
    display_name: str
    description: str
    properties: dict[str, PushOptionOut] | None = None
    options: list[OptionChoiceOut] | None = None
    required: bool
    validation: OptionNotesOut | None = None


class PushOptionsOut(Wire):
    """The models of creating and of updating; null where the platform does not take the one."""

    post: PushOptionOut | None
    put: PushOptionOut | None


class RecordRefOut(Wire):
    id: str | None = Field(None, description="Left out until it is known.")
    data_type: str


class PushChangeOut(Wire):
    type: Literal["Unknown", "Created", "Modified", "Deleted", "AttachmentUploaded"]
    record_ref: RecordRefOut
    attachment_id: str | None = None


class PushIssueOut(Wire):
    item_id: str = Field(description="The member's path: `PaymentAllocations[0].Allocation.Currency`.")
    message: str
    validator_name: str


class PushValidationOut(Wire):
    errors: list[PushIssueOut]
    warnings: list[PushIssueOut]


class PushOperationOut(Wire):
    """One write. `statusCode` is 202 while it is Pending, whatever the answer's own status."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OPERATION]})

    changes: list[PushChangeOut] = Field(description="One entry.")
    data_type: str
    company_id: str
    push_operation_key: str
    data_connection_key: str
    requested_on_utc: str
    completed_on_utc: str | None = Field(None, description="Left out while it is Pending.")
    timeout_in_minutes: int | None = None
    timeout_in_seconds: int | None = Field(None, deprecated=True)
    status: PushStatus
    error_message: str | None = None
    validation: PushValidationOut
    status_code: int


class WrittenOut(PushOperationOut):
    """One write as it is answered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_OPERATION, "data": _DATA}]})

    data: dict[str, Any] = Field(description="The record in the standard model.")


class DeletedOut(PushOperationOut):
    model_config = ConfigDict(json_schema_extra={"examples": [_DELETED]})


class UploadedOut(PushOperationOut):
    model_config = ConfigDict(json_schema_extra={"examples": [_UPLOADED]})


class PushOperationsOut(PageOut):
    results: list[PushOperationOut]


def _body(example: dict[str, Any], words: str) -> dict[str, Any]:
    schema = {"type": "object", "description": words}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


RECORD = _body(_ACCOUNT, "The record in the standard model, as `options` of its data type describes it.")
TRANSACTIONS = _body(
    {
        "accountId": "bnk_00000001",
        "transactions": [
            {"clearedOnDate": "2026-10-30", "amount": -12.5, "description": "Card fee", "transactionType": "Fee"}
        ],
    },
    "The movements, taken all together or not at all.",
)
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                },
                "encoding": {"file": {"contentType": "application/octet-stream"}},
            }
        },
    }
}
