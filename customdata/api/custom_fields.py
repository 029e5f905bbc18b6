"""Custom fields: made, listed, shown with their mappings, changed, deleted (Bindbee contract, calls 3 to 7)."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Status
from pydantic import Field, StringConstraints

from customdata.actions.custom_fields import create_custom_field, delete_custom_field, update_custom_field
from customdata.api.dialect import Unprocessable, fault
from customdata.api.field_shapes import (
    MAX_NAME,
    Category,
    CreatedFieldOut,
    CustomFieldDetailOut,
    CustomFieldsOut,
    Model,
    Snake,
    SnakeBody,
    Source,
    detail_shape,
    field_shape,
)
from customdata.models import CustomField
from customdata.queries.custom_fields import custom_fields_page, field_detail, find_custom_field
from portal.api.answers import nothing
from portal.api.lookups import actor_of, principal_in
from portal.api.schema import WireRouter
from syncengine.queries.keyset import unpack_moment

router = WireRouter(tag="Custom fields")

DEFAULT_SIZE, LARGEST_SIZE = 50, 200
Name = Annotated[str, StringConstraints(min_length=2, max_length=MAX_NAME)]


class CustomFieldIn(SnakeBody):
    name: Name = Field(description="snake_case, and unique in its model.", examples=["vat_note"])
    description: str | None = Field(None, examples=["What the tax office wrote"])
    category: Category
    model: Model


class CustomFieldChangeIn(SnakeBody):
    """What is left out stays as it is."""

    name: Name | None = Field(None, examples=["vat_note"])
    description: str | None = Field(None, description="null clears it.", examples=["What the tax office wrote"])
    category: Category | None = Field(None, description="Only while the field has no mapping.")
    model: Model | None = Field(None, description="Only while the field has no mapping.")


class CustomFieldsQuery(Snake):
    category: Category | None = None
    model: Model | None = None
    source: Source | None = None
    page_size: int = Field(DEFAULT_SIZE, ge=1, le=LARGEST_SIZE, description="Fields in a page.")
    cursor: str | None = Field(None, description="What the page before said; the filters are to be sent again.")


@router.operation("POST", "/v1/custom-fields", "custom_fields.edit", response={201: CreatedFieldOut})
def create_field(request: HttpRequest, body: CustomFieldIn) -> Any:
    """Create a custom field. Where its values are found is said by mappings."""
    field = create_custom_field(
        body.name,
        body.category,
        body.model,
        description=body.description,
        source=CustomField.Source.API,
        actor=actor_of(request),
    )
    return Status(201, {"id": str(field.pk), "status": "SUCCESS"})


@router.operation("GET", "/v1/custom-fields", "custom_fields.read", response=CustomFieldsOut)
def list_fields(request: HttpRequest, query: Query[CustomFieldsQuery]) -> Any:
    """List the custom fields, oldest first."""
    after = unpack_moment(query.cursor) if query.cursor is not None else None
    if query.cursor is not None and after is None:
        raise Unprocessable(fault(("query", "cursor"), "This is no cursor of this list."))
    page = custom_fields_page(
        category=query.category or "",
        model=query.model or "",
        source=query.source or "",
        after=after,
        size=query.page_size,
    )
    return {
        "cursor": page.after or None,
        "page_size": len(page.rows),
        "items": [field_shape(field) for field in page.rows],
    }


@router.operation("GET", "/v1/custom-fields/{custom_field_id}", "custom_fields.read", response=CustomFieldDetailOut)
def get_field(request: HttpRequest, custom_field_id: UUID) -> Any:
    """Get a custom field with its mappings."""
    return _detail(request, find_custom_field(custom_field_id))


@router.operation("PATCH", "/v1/custom-fields/{custom_field_id}", "custom_fields.edit", response=CustomFieldDetailOut)
def update_field(request: HttpRequest, custom_field_id: UUID, body: CustomFieldChangeIn) -> Any:
    """Change a custom field. Its category and model can be changed only while it has no mapping."""
    given = body.model_dump(exclude_unset=True)
    nulls = [name for name, value in given.items() if value is None and name != "description"]
    if nulls:
        raise Unprocessable(*(fault(("body", name), "Input should be a valid string", "string_type") for name in nulls))
    field = find_custom_field(custom_field_id)
    if given:
        field = update_custom_field(field, actor=actor_of(request), **given)
    return _detail(request, field)


@router.operation("DELETE", "/v1/custom-fields/{custom_field_id}", "custom_fields.edit", response={204: None})
def delete_field(request: HttpRequest, custom_field_id: UUID) -> Any:
    """Delete a custom field with all its mappings. For seven days the portal can bring both back."""
    delete_custom_field(find_custom_field(custom_field_id), actor=actor_of(request))
    return nothing(204)


def _detail(request: HttpRequest, field: CustomField) -> dict[str, Any]:
    return detail_shape(field_detail(field, principal_in(request).company_ids))
