"""A person at Tryton's own client: signed in, working over JSON-RPC, as the desktop and web clients do."""

from __future__ import annotations

import base64
import json
import urllib.request
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

EVERY_STATE = ["active", "in", [True, False]]


class Person:
    def __init__(self, url: str, database: str, password: str, login: str = "admin") -> None:
        self._address = f"{url}/{database}/rpc/"
        self._headers = {"Content-Type": "application/json"}
        number, token, _ = self._post("common.db.login", login, {"password": password})
        session = base64.b64encode(f"{login}:{number}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"
        self.context = self._post("model.res.user.get_preferences", True, {})

    def do(self, method: str, *params: Any) -> Any:
        """Call `model.method` with the person's context and return what it answers."""
        return self._post(f"model.{method}", *params, self.context)

    def all(self, model: str, fields: list[str], *domain: Any) -> list[dict[str, Any]]:
        """Return the matching rows, oldest first."""
        return self.do(f"{model}.search_read", list(domain), 0, None, [["id", "ASC"]], fields)

    def one(self, model: str, *domain: Any) -> int:
        return self.do(f"{model}.search", list(domain), 0, 1, [["id", "ASC"]])[0]

    def wizard(self, name: str, record: int, model: str, form: dict[str, Any], *states: str) -> None:
        """Open a wizard on one record and press its buttons in turn, the form filled in for each."""
        context = {**self.context, "active_id": record, "active_ids": [record], "active_model": model}
        session, start, _ = self._post(f"wizard.{name}.create", context)
        for state in states:
            self._post(f"wizard.{name}.execute", session, {start: form}, state, context)
        self._post(f"wizard.{name}.delete", session, context)

    def approve(self, key: str) -> None:
        """Preferences, Applications, Validate."""
        self.do("res.user.application.validate_", self._application(key))

    def revoke(self, key: str) -> None:
        self.do("res.user.application.cancel", self._application(key))

    def _application(self, key: str) -> list[int]:
        return self.do("res.user.application.search", [["key", "=", key]], 0, None, None)

    def _post(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_encoded).encode()
        request = urllib.request.Request(self._address, body, self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = json.loads(answer.read(), object_hook=_decoded)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        return said["result"]


def _encoded(value: Any) -> dict[str, Any]:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{part: getattr(value, part) for part in parts}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"Tryton has no word for {value!r}")


def _decoded(value: dict[str, Any]) -> Any:
    kind = value.pop("__class__", None)
    if kind == "Decimal":
        return Decimal(value["decimal"])
    if kind == "datetime":
        return datetime(**value, tzinfo=UTC)
    return date(**value) if kind == "date" else value
