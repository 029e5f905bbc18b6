"""Pages of the JSON API: `page` and `pageSize` as a client writes them, and the envelope of a list (contract, 1.6).

The hrefs in `_links` are as the contract shows them, `/companies?page=1&pageSize=100`: relative, in percent-encoding,
and without the path under which the API is mounted, since clients put what they call their server's URL before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from django.db.models import QuerySet

from syncengine.exceptions import Refused

DEFAULT_SIZE = 100
LARGEST_SIZE = 5000

_encode = msgspec.json.Encoder(decimal_format="number").encode
_WHOLE = re.compile(r"0*([0-9]{1,15})")
_OWN = ("page", "pagesize")


class PageRefused(Refused):
    """`page` or `pageSize` is not what it may be; `field` names which."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted. `number` counts from 1."""

    number: int = 1
    size: int = DEFAULT_SIZE

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def read_page(parameters: Mapping[str, str]) -> Page:
    """Return the page that these query parameters ask for; their names in any case, blank is as good as absent.

    Raises: PageRefused.
    """
    given = {name.lower(): value.strip() for name, value in parameters.items()}
    size = given.get("pagesize", "")
    number = given.get("page", "")
    return Page(
        _whole("page", number) if number else 1,
        _whole("pageSize", size, LARGEST_SIZE) if size else DEFAULT_SIZE,
    )


def _whole(name: str, text: str, largest: int | None = None) -> int:
    found = _WHOLE.fullmatch(text)
    number = int(found.group(1)) if found else 0
    if number < 1 or (largest is not None and number > largest):
        limits = f"from 1 to {largest}" if largest else "from 1"
        raise PageRefused(f"{name} must be a whole number {limits}.", field=name)
    return number


def rows_of[Row](rows: QuerySet[Any, Row], page: Page) -> tuple[list[Row], int]:
    """Return the page's rows and how many there are in all; two queries, one when the first page holds all."""
    if page.number == 1:
        found = list(rows[: page.size + 1])
        return (found, len(found)) if len(found) <= page.size else (found[: page.size], rows.count())
    total = rows.count()
    return (list(rows[page.offset : page.offset + page.size]) if page.offset < total else []), total


def envelope(
    results: Sequence[Any], page: Page, total: int, path: str, parameters: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the body of a paged list.

    path:        as the contract writes it, e.g. "/companies/{id}/data/invoices", without the API's own mount.
    parameters:  the request's query parameters; all but the page's own are carried along.
    """
    return {"results": results, **_around(page, total, path, parameters or {})}


def envelope_bytes(
    results: Iterable[bytes], page: Page, total: int, path: str, parameters: Mapping[str, str] | None = None
) -> bytes:
    """Return the same body around results that are JSON already."""
    around = _encode(_around(page, total, path, parameters or {}))
    return b"".join((b'{"results":[', b",".join(results), b"],", around[1:]))


def contract_path(path: str, mount: str = "/api") -> str:
    """Return the path of a request as the contract writes it: without the mount and without a slash at the end."""
    return "/" + path[len(mount) if path.lower().startswith(mount + "/") else 0 :].strip("/")


def _around(page: Page, total: int, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "pageNumber": page.number,
        "pageSize": page.size,
        "totalResults": total,
        "_links": _links(page, total, path, parameters),
    }


def _links(page: Page, total: int, path: str, parameters: Mapping[str, str]) -> dict[str, dict[str, str]]:
    others = [(name, value) for name, value in parameters.items() if name.lower() not in _OWN]
    bare = quote(path, safe="/-._~!$&'()*+,;=:@%")

    def link(number: int) -> dict[str, str]:
        own = [("page", str(number)), ("pageSize", str(page.size))]
        return {"href": f"{bare}?{urlencode(own + others, quote_via=quote)}"}

    links = {"self": {"href": bare}, "current": link(page.number)}
    if page.offset + page.size < total:
        links["next"] = link(page.number + 1)
    last = max(1, -(-total // page.size))
    if page.number > 1:
        # Behind the end, the previous page is the last one there is.
        links["previous"] = link(min(page.number - 1, last))
    return links
