"""Paged lists of rows: what may be asked of each, and the form of the answer (codat contract, 1.6 to 1.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import Field

from portal.api.paging import contract_path, envelope, read_page, rows_of
from portal.api.query import order_for, query_filter, tags_filter
from portal.api.query_fields import Fields
from portal.api.schema import Wire


class HrefOut(Wire):
    href: str


class LinksOut(Wire):
    itself: HrefOut = Field(alias="self")
    current: HrefOut
    next: HrefOut | None = None
    previous: HrefOut | None = None


class PageOut(Wire):
    """The envelope; a list adds its `results`."""

    page_number: int
    page_size: int
    total_results: int
    links: LinksOut = Field(alias="_links")


def _parameter(name: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "required": False, "schema": schema, "description": words}


_TEXT = {"type": "string", "maxLength": 2048}
TAGS = _parameter("tags", _TEXT, "Only companies with such tags: `region = uk && team != north`.")
_LIST = [
    _parameter("page", {"type": "integer", "minimum": 1, "default": 1}, "Counts from 1."),
    _parameter("pageSize", {"type": "integer", "minimum": 1, "maximum": 5000, "default": 100}, "Rows of one page."),
    _parameter("query", _TEXT, "Only rows that match, such as `name~Trading`."),
    _parameter("orderBy", _TEXT, "One property; `-` before it sorts the largest first."),
]


def parameters(*more: dict[str, Any]) -> dict[str, Any]:
    """Return what the API's description says of a list's query parameters."""
    return {"parameters": [*_LIST, *more]}


def listed[Row](
    request: HttpRequest,
    rows: QuerySet[Any, Row],
    fields: Fields,
    shapes: Callable[[Sequence[Row]], list[dict[str, Any]]],
    *,
    tags: bool = False,
) -> dict[str, Any]:
    """Return the page of `rows` that the request asks for; two queries beside those of `shapes`.

    rows:   in the order they have when the client names none.
    Raises: PageRefused, QueryRefused.
    """
    # The last one counts, as in request.GET; names in any case.
    sent = {name: str(text) for name, text in request.GET.items()}
    given = {name.lower(): text for name, text in sent.items()}
    page = read_page(given)
    conditions = [query_filter(given.get("query"), fields), tags_filter(given.get("tags")) if tags else None]
    for condition in conditions:
        if condition is not None:
            rows = rows.filter(condition)
    order = order_for(given.get("orderby"), fields)
    if order:
        rows = rows.order_by(*order)
    found, total = rows_of(rows, page)
    return envelope(shapes(found), page, total, contract_path(request.path_info), sent)
