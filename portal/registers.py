"""Where features hang their entries into the shell. They are filled in `AppConfig.ready`, by url name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import import_string

from portal.access import Viewer, allows


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the left navigation, or a tab of a company (its url takes `company_id`).

    icon:  a symbol's id in static/img/icons.svg; tabs have none.
    may:   the right that shows it, "" for everybody.
    """

    label: str
    url_name: str
    icon: str
    order: int
    may: str


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that waits for a person.

    responsible:  a word of states.Responsible.
    action:       the label of the one thing to do, leading to `url`.
    """

    headline: str
    detail: str
    url: str
    action: str = "Open"
    responsible: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiRouter:
    """A router of the JSON API.

    router:      dotted path of its `portal.api.schema.WireRouter`; its operations carry whole paths ("/companies/…").
    prefix:      where another dialect's error body holds, e.g. "/v1"; with `error_body`, else "".
    error_body:  dotted path of a function (Problem, correlation id) -> dict, "" for the Codat dialect.
    """

    router: str
    prefix: str = ""
    error_body: str = ""


_navigation: dict[str, Entry] = {}
_api_routers: dict[str, ApiRouter] = {}
_company_tabs: dict[str, Entry] = {}
_attention: list[str] = []


def register_navigation(label: str, url_name: str, icon: str, order: int, *, may: str = "") -> None:
    _navigation[url_name] = Entry(label, url_name, icon, order, may)


def register_company_tab(label: str, url_name: str, order: int, *, may: str = "") -> None:
    _company_tabs[url_name] = Entry(label, url_name, "", order, may)


def register_attention(finder: str) -> None:
    """Add a function, named by its dotted path, that takes the user and yields Attention."""
    if finder not in _attention:
        _attention.append(finder)


def register_api_router(router: str, *, prefix: str = "", error_body: str = "") -> None:
    """Add a router to the JSON API, named by its dotted path."""
    _api_routers[router] = ApiRouter(router, prefix, error_body)


def api_routers() -> list[ApiRouter]:
    return list(_api_routers.values())


def navigation(user: Viewer) -> list[Entry]:
    return _seen_by(user, _navigation)


def company_tabs(user: Viewer) -> list[Entry]:
    return _seen_by(user, _company_tabs)


def attention(user: Viewer) -> list[Attention]:
    return [item for finder in _attention for item in import_string(finder)(user)]


def _seen_by(user: Viewer, entries: dict[str, Entry]) -> list[Entry]:
    seen = [entry for entry in entries.values() if not entry.may or allows(user, entry.may)]
    return sorted(seen, key=lambda entry: entry.order)
