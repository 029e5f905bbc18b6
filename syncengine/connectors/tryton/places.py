"""Where a connection reads: which Tryton server, as whom, in which of its companies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncengine.connectors.base import Http, Json
from syncengine.connectors.tryton.protocol import Server, rows
from syncengine.exceptions import PrerequisiteMissing


def company_server(settings: Mapping[str, Json], http: Http) -> tuple[Server, int]:
    """Return the server seen from within the company, and the company's id."""
    server = server_of(settings, http)
    company = company_of(settings, server)
    return server.in_company(company), company


def company_of(settings: Mapping[str, Json], server: Server) -> int:
    """Return the company to read: the one in the settings, else the only one the user may enter.

    Never the user's current one, which changes when they switch companies in Tryton. And never one they may not enter:
    Tryton answers empty lists for it, which would look like a company without data.
    """
    user, wanted = text_of(settings, "user"), str(settings.get("company") or "").strip()
    found = rows(server, "res.user", ("company", "companies"), domain=[["login", "=", user]], limit=1)
    if not found:
        raise PrerequisiteMissing(
            f"Tryton has no user “{user}”, or does not show it to this key. Check the connection's settings."
        )
    allowed = sorted({*(found[0]["companies"] or ()), *filter(None, [found[0]["company"]])})
    if not allowed:
        raise PrerequisiteMissing(
            f"The Tryton user “{user}” belongs to no company. Give them one in Tryton, under Users."
        )
    if wanted and wanted not in map(str, allowed):
        raise PrerequisiteMissing(
            f"The Tryton user “{user}” may not enter company {wanted}. Check the connection's settings."
        )
    if not wanted and len(allowed) > 1:
        raise PrerequisiteMissing(
            f"The Tryton user “{user}” may enter companies {', '.join(map(str, allowed))}. Say which one to read: "
            "write its id into the connection's settings."
        )
    return int(wanted or allowed[0])


def server_of(settings: Mapping[str, Json], http: Http, headers: Mapping[str, str] | None = None) -> Server:
    return Server(text_of(settings, "base_url").rstrip("/"), text_of(settings, "database"), http, headers or {})


def text_of(settings: Mapping[str, Any], name: str) -> str:
    value = str(settings.get(name) or "").strip()
    if not value:
        raise PrerequisiteMissing(f"The connection's setting “{name}” is empty. Fill it in and try again.")
    return value
