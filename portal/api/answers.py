"""What several operations answer with: the contract's objects, member by member (codat contract, sections 3 to 9)."""

from __future__ import annotations

from typing import Annotated, Literal

from django.http import HttpResponse
from pydantic import Field, WithJsonSchema

from portal.api.schema import Wire
from syncengine.datatypes import DATA_TYPES
from syncengine.states import ConnectionStatus, DatasetStatus

SOURCE_TYPES = ("Accounting", "Banking", "BankFeed", "Commerce", "Expense", "Other", "Unknown")

# Path parameters that are UUIDs, as `CompanyId` is.
DatasetId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
ApiKeyId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
type SourceType = Literal["Accounting", "Banking", "BankFeed", "Commerce", "Expense", "Other", "Unknown"]


class ConnectionErrorOut(Wire):
    """One loss of authorisation, or one failed try at linking."""

    status_code: str
    status_text: str
    error_message: str
    errored_on_utc: str
    status: Literal["Active", "Resolved"] | None = None
    resolved_on_utc: str | None = None


class ConnectionOut(Wire):
    id: str
    integration_id: str
    integration_key: str
    source_id: str
    source_type: SourceType
    platform_name: str
    link_url: str
    status: ConnectionStatus
    created: str
    last_sync: str | None = None
    data_connection_errors: list[ConnectionErrorOut] | None = None
    connection_info: dict[str, str] | None = None


class CompanyLinksOut(Wire):
    portal: str


class CompanyReferenceOut(Wire):
    id: str
    name: str
    description: str | None = None
    links: CompanyLinksOut
    tags: dict[str, str]


class CompanyOut(Wire):
    id: str
    name: str
    redirect: str
    description: str | None = None
    platform: str = ""
    last_sync: str | None = None
    created: str | None = None
    created_by_user_name: str | None = None
    data_connections: list[ConnectionOut] = []
    products: list[str] = []
    tags: dict[str, str] = {}
    owner_user_ids: list[str] = []
    reference_parent_company: CompanyReferenceOut | None = None
    reference_subsidiary_companies: list[CompanyReferenceOut] = []


class PullOperationOut(Wire):
    """One read of one data type. `data_type` is a key of the catalogue, or "custom/" and an identifier."""

    id: str
    company_id: str
    connection_id: str
    data_type: str = Field(examples=[next(iter(DATA_TYPES))])
    status: DatasetStatus
    status_description: str | None = None
    error_message: str | None = None
    requested: str
    completed: str | None = None
    progress: int = Field(ge=0, le=100)
    is_completed: bool
    is_errored: bool


def nothing(status: int) -> HttpResponse:
    """Return an answer without a body."""
    response = HttpResponse(status=status)
    del response["Content-Type"]
    return response
