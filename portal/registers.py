"""Where features hang their entries into the shell. They are filled in `AppConfig.ready`, by url name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import import_string

from portal.access import Viewer, allows
from syncengine.models import Connection


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

    responsible:   a word of states.Responsible.
    action:        the label of the one thing to do, leading to `url`; when it `posts`, pressing it does it at once.
    headline_url:  where more of it stands, "" when `url` is that place.
    note:          a word or two on what is being done about it.
    """

    headline: str
    detail: str
    url: str
    action: str = "Open"
    responsible: str = ""
    at: datetime | None = None
    posts: bool = False
    headline_url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ApiRouter:
    """A router of the JSON API.

    router:   dotted path of its `portal.api.schema.WireRouter`; its operations carry whole paths ("/companies/…").
    dialect:  dotted path of the `portal.api.dialects.Dialect` that its paths are spoken in, "" for the Codat dialect.
    """

    router: str
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class RecordAction:
    """A link beside the records of a data type, or beside the one that is open."""

    label: str
    url: str
    icon: str


_navigation: dict[str, Entry] = {}
_api_routers: dict[str, ApiRouter] = {}
_record_extras: list[str] = []
_company_tabs: dict[str, Entry] = {}
_attention: list[str] = []
_record_actions: list[str] = []
_demos: list[str] = []


def register_navigation(label: str, url_name: str, icon: str, order: int, *, may: str = "") -> None:
    _navigation[url_name] = Entry(label, url_name, icon, order, may)


def register_company_tab(label: str, url_name: str, order: int, *, may: str = "") -> None:
    _company_tabs[url_name] = Entry(label, url_name, "", order, may)


def register_attention(finder: str) -> None:
    """Add a function, named by its dotted path, that takes the user and yields Attention."""
    if finder not in _attention:
        _attention.append(finder)


def register_record_actions(finder: str) -> None:
    """Add a function, named by its dotted path, that yields RecordActions.

    It takes the user, a connection, a data type and the id of the record that is open, "" for the list itself.
    """
    if finder not in _record_actions:
        _record_actions.append(finder)


def register_demo(loader: str) -> None:
    """Add a function, named by its dotted path, that is given the demo's connection once its books were read."""
    if loader not in _demos:
        _demos.append(loader)


def register_api_router(router: str, *, dialect: str = "") -> None:
    """Add a router to the JSON API, named by its dotted path."""
    _api_routers[router] = ApiRouter(router, dialect)


def api_routers() -> list[ApiRouter]:
    return list(_api_routers.values())


def register_record_extras(extras: str) -> None:
    """Add a `portal.api.data_extras.RecordExtras`, named by its dotted path."""
    if extras not in _record_extras:
        _record_extras.append(extras)


def record_extras() -> list[str]:
    return list(_record_extras)


def navigation(user: Viewer) -> list[Entry]:
    return _seen_by(user, _navigation)


def company_tabs(user: Viewer) -> list[Entry]:
    return _seen_by(user, _company_tabs)


def attention(user: Viewer) -> list[Attention]:
    return [item for finder in _attention for item in import_string(finder)(user)]


def record_actions(user: Viewer, connection: Connection, data_type: str, source_id: str = "") -> list[RecordAction]:
    found = (import_string(finder)(user, connection, data_type, source_id) for finder in _record_actions)
    return [action for actions in found for action in actions]


def load_demos(connection: Connection) -> None:
    for loader in _demos:
        import_string(loader)(connection)


def _seen_by(user: Viewer, entries: dict[str, Entry]) -> list[Entry]:
    seen = [entry for entry in entries.values() if not entry.may or allows(user, entry.may)]
    return sorted(seen, key=lambda entry: entry.order)
