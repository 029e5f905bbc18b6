"""Reads any endpoint of a platform that a manifest describes, page by page.

Paging, the parameter that asks for changes and the mark of a deleted record are taken from the platform's own types:
the first answer shows by its members which of the manifest's ways of paging this endpoint follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings as deployment

from syncengine.connectors.base import Cursor, FetchPlan, Http, HttpAnswer
from syncengine.connectors.endpoints import Layout, Opened
from syncengine.connectors.manifest import Manifest
from syncengine.connectors.manifest_parts import Deleted, Incremental, Paging
from syncengine.connectors.paging import SAME_PAGE, Position, first_at, next_position, page_params, page_size, total_of
from syncengine.connectors.paths import value_at
from syncengine.connectors.stamps import stamp_text
from syncengine.connectors.templates import fill_text, fill_url
from syncengine.connectors.wire import Envelope, split_object, split_records
from syncengine.exceptions import BadAnswer, SourceRefused
from syncengine.states import ReadMode

type Json = Any

_NO_CONTENT = (204, 304)
# Numbers must stand in the first request; a cursor or a link is taken up as it comes.
_NUMBERED_FIRST = {"page": 0, "offset": 0, "cursor": 1, "link": 1, "none": 2}
_MARKERS = ("total", "pages", "more", "next")
UNPAGED = (
    "The platform sent the same records again when it was asked for page 2, so this source was taken to have one page."
)


@dataclass(frozen=True, slots=True)
class Address:
    """A data source taken apart.

    path:    from the platform's API on, or a whole address of the same platform.
    params:  the query that was written with it.
    """

    path: str
    params: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The last step, by which an answer often names its list."""
        return self.path.rstrip("/").rpartition("/")[2].partition(".")[0]


def address_of(data_source: str) -> Address:
    """Raises: SourceRefused for what cannot be an endpoint of the platform."""
    path, _, query = data_source.strip().partition("?")
    bare = path.split("://", 1)[-1] if path.startswith(("https://", "http://")) else path
    if bare == path and not path.startswith("/"):
        raise SourceRefused(f"The data source {_short(data_source)} does not begin with a slash, as in /v2/estimates.")
    steps = bare.split("/")
    if path.startswith("//") or ".." in steps or any(sign in bare for sign in "#\\{}") or not bare.isprintable():
        raise SourceRefused(f"The data source {_short(data_source)} is not an address on this platform.")
    return Address(path.replace(" ", "%20"), tuple(parse_qsl(query, keep_blank_values=True)))


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "…"


@dataclass(frozen=True, slots=True)
class Ways:
    """How a platform's own types are paged, asked for changes, and marked as deleted."""

    pagings: tuple[Paging, ...]
    incremental: Incremental | None
    deleted: Deleted | None


def ways_of(manifest: Manifest) -> Ways:
    types = [found for found in manifest.types.values() if not found.single]
    pagings = sorted(_by_frequency(found.paging for found in types), key=lambda paging: _NUMBERED_FIRST[paging.style])
    incrementals = [found.incremental for found in types if found.incremental is not None]
    return Ways(
        tuple(pagings) or (Paging(),),
        max(incrementals, key=incrementals.count, default=None),
        next(iter(_by_frequency(found.deleted for found in types if found.deleted is not None)), None),
    )


def _by_frequency[T: Hashable](found: Iterable[T]) -> list[T]:
    return [item for item, _ in Counter(found).most_common()]


class RestEndpoint:
    """Implements endpoints.Endpoint for a platform with a manifest."""

    def __init__(self, manifest: Manifest, data_source: str) -> None:
        self._manifest, self.address = manifest, address_of(data_source)
        self.ways = ways_of(manifest)
        self.path, self.name = self.address.path, self.address.name
        self.zone = manifest.zone
        self.asks_for_changes = self.ways.incremental is not None

    def ask(self, plan: FetchPlan, cursor: Cursor | None, http: Http, *, changes: bool) -> HttpAnswer:
        filled = self._filled(plan.settings)
        paging, position = self._stand(cursor)
        headers = {name: fill_text(text, filled) for name, text in self._manifest.headers.items()}
        headers = {"Accept": "application/json", **headers}
        if paging.style == "link" and position.at is not None:
            return self._request(http, str(position.at), (), headers)
        written = {name for name, _ in self.address.params}
        params = [*page_params(paging, position, page_size(paging, plan.page_size))]
        incremental = self.ways.incremental
        if changes and incremental is not None and plan.mode == ReadMode.INCREMENTAL and plan.since is not None:
            params += incremental.query.items()
            stamp, text = incremental.stamp, stamp_text(plan.since, incremental.stamp.format)
            params += [(stamp.param, text)] if stamp.param else []
            headers |= {stamp.header: text} if stamp.header else {}
        own = [(name, value) for name, value in params if name not in written]
        return self._request(http, self._url(filled), (*self.address.params, *own), headers)

    def is_tombstone(self, record: Json) -> bool:
        deleted = self.ways.deleted
        if deleted is None or not isinstance(record, dict):
            return False
        value = value_at(record, deleted.path)
        return str(value) in deleted.equals if deleted.equals else value in (True, "true", 1)

    def open(self, answer: HttpAnswer, layout: Layout, plan: FetchPlan, cursor: Cursor | None) -> Opened:
        if answer.status in _NO_CONTENT:
            return Opened(Envelope([]), None)
        envelope = _envelope(answer.body, layout)
        if layout.kind == "single":
            return Opened(envelope, None, len(envelope.records), envelope.warnings)
        index = int(cursor["paging"]) if cursor else self._paging_for(envelope, answer)
        paging, position = self._stand(cursor)
        if cursor is None and index > 0 and self.ways.pagings[index].style in ("page", "offset"):
            # The numbers of pages and places count from what was asked: ask for the first page again, this time so.
            return Opened(Envelope([]), _place(Position(at=first_at(self.ways.pagings[index])), index, 0))
        marked = index >= 0
        paging = self.ways.pagings[index] if marked else replace(paging, stop="empty")
        if self._says_where(paging):
            return Opened(envelope, None, None, envelope.warnings)
        try:
            counted = position.after(envelope.records)
        except BadAnswer as error:
            if error.headline == SAME_PAGE and not marked and cursor and cursor["pages"] == 1:
                return Opened(Envelope([]), None, None, (UNPAGED,))
            raise
        size = page_size(paging, plan.page_size)
        following = next_position(paging, position, counted, envelope.records, envelope.outside, answer, size)
        pages = 1 + (int(cursor["pages"]) if cursor else 0)
        after = None if following is None else _place(following, index, pages)
        return Opened(envelope, after, total_of(paging, envelope.outside), envelope.warnings)

    def _stand(self, cursor: Cursor | None) -> tuple[Paging, Position]:
        if cursor is None:
            return self.ways.pagings[0], Position()
        return self.ways.pagings[max(int(cursor["paging"]), 0)], Position.of(cursor["position"])

    def _says_where(self, paging: Paging) -> bool:
        """The data source itself names a page: then that one is meant, and no other."""
        return bool(paging.param) and paging.param in {name for name, _ in self.address.params}

    def _paging_for(self, envelope: Envelope, answer: HttpAnswer) -> int:
        """Return which way of paging the answer's members speak of, -1 when they speak of none."""
        for index, paging in enumerate(self.ways.pagings):
            if paging.style == "link" and paging.next is None and "link" in answer.headers:
                return index
            paths = [path for path in (getattr(paging, marker) for marker in _MARKERS) if path is not None]
            if any(_has(envelope.outside, path) for path in paths):
                return index
        return -1

    def _filled(self, settings: Mapping[str, Json]) -> dict[str, Json]:
        given = {name: value for name, value in settings.items() if value not in (None, "")}
        return {**self._manifest.defaults, **given}

    def _url(self, filled: Mapping[str, Json]) -> str:
        path = self.address.path
        if path.startswith(("https://", "http://")):
            return path
        return fill_url(self._manifest.base_url, filled).rstrip("/") + path

    def _request(
        self, http: Http, url: str, params: Sequence[tuple[str, str]], headers: Mapping[str, str]
    ) -> HttpAnswer:
        try:
            return http.request("GET", url, params=params, headers=headers, accept=(304,))
        except SourceRefused as refusal:
            headline = f"{self._manifest.name} does not answer for the data source {_short(self.address.path)}. "
            raise SourceRefused(
                headline + refusal.headline, upstream=refusal.upstream, status_code=refusal.status_code
            ) from refusal


def _place(position: Position, paging: int, pages: int) -> dict[str, Json]:
    return {"position": position.as_cursor(), "paging": paging, "pages": pages}


def _envelope(body: bytes, layout: Layout) -> Envelope:
    most, record_bytes = deployment.HEADRACE_MAX_PAGE_RECORDS, deployment.HEADRACE_MAX_RECORD_BYTES
    if layout.kind == "single":
        return split_object(body, (), record_bytes)
    return split_records(body, (layout.member,) if layout.kind == "member" else (), most, record_bytes)


def _has(outside: Mapping[str, Json], path: Sequence[str | int]) -> bool:
    """True when the member is there, be it null."""
    value: Json = outside
    for step in path:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return False
        elif not isinstance(value, list) or step >= len(value):
            return False
        value = value[step]
    return True
